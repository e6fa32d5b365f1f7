/**
 * Checks the sparse header of a VHD, and the paths of the parent that it leads to.
 *
 * @module
 */
import { isAllZero } from "../../bytes/zeros.ts";
import { type ByteSource, readStructure } from "../byte_source.ts";
import type { ParentLink } from "../image.ts";
import { TABLE_ENTRY_SIZE } from "../vhd/block_allocation_table.ts";
import { DISK_TYPE, type Footer } from "../vhd/footer.ts";
import { locatorRegions, readParentLink } from "../vhd/parent_link.ts";
import type { Region } from "../vhd/regions.ts";
import {
  SPARSE_HEADER_FIELD,
  SPARSE_HEADER_SIZE,
  type SparseHeader,
} from "../vhd/sparse_header.ts";
import { headRegions, readSparseHeader } from "../vhd/sparse_header_check.ts";
import type { Findings } from "./findings.ts";

/** Reserved bytes of the header, and what it holds behind its locators. */
const RESERVED: readonly { offset: number; length: number }[] = [
  { offset: 60, length: 4 },
  { offset: 768, length: 256 },
];

/** A header that keeps the rules. */
export interface CheckedHeader {
  readonly header: SparseHeader;
  /** Where no block may be: footer copy, header, table, the parent's paths. */
  readonly metadata: readonly Region[];
  /** Of a differencing image whose paths can be read. */
  readonly parent: ParentLink | undefined;
}

/** Checks header and paths; `undefined` where the header cannot be believed. */
export function checkSparseHeader(
  source: ByteSource,
  footer: Footer,
  headerOffset: number,
  findings: Findings,
): CheckedHeader | undefined {
  const header = findings.attempt(() => readSparseHeader(source, headerOffset, footer.currentSize));
  if (header === undefined) return undefined;
  checkUnusedFields(source, headerOffset, findings);
  const head: Region[] = [...headRegions(headerOffset), {
    name: "block allocation table",
    offset: header.tableOffset,
    length: header.maxTableEntries * TABLE_ENTRY_SIZE,
  }];
  if (footer.diskType !== DISK_TYPE.differencing) {
    return { header, metadata: head, parent: undefined };
  }
  const placed = { header, offset: headerOffset };
  const paths = findings.attempt(() => locatorRegions(source, placed, head));
  // A locator that lies wrong must not be followed.
  const parent = paths && findings.attempt(() => readParentLink(source, placed));
  return { header, metadata: [...head, ...paths ?? []], parent };
}

function checkUnusedFields(source: ByteSource, headerOffset: number, findings: Findings): void {
  const bytes = readStructure(
    source,
    headerOffset,
    SPARSE_HEADER_SIZE,
    "sparse header",
    "ERROR_VHD_METADATA_READ_FAILURE",
  );
  const unusual = (offset: number, expected: string) =>
    findings.add({
      severity: "info",
      structure: "sparse header",
      offset: headerOffset + offset,
      found: bytes[offset],
      expected,
    });
  const { dataOffset, tableOffset } = SPARSE_HEADER_FIELD;
  const dataOffsetBytes = bytes.subarray(dataOffset, tableOffset);
  if (dataOffsetBytes.some((byte) => byte !== 0xff)) {
    unusual(dataOffset, "all ones in the data offset, which nothing uses");
  }
  for (const { offset, length } of RESERVED) {
    const reserved = bytes.subarray(offset, offset + length);
    if (isAllZero(reserved)) continue;
    unusual(offset + reserved.findIndex((byte) => byte !== 0), "0 in reserved bytes");
  }
}
