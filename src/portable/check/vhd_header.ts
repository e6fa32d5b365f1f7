/**
 * Checks the sparse header of a VHD, and the paths of the parent that it leads to.
 *
 * @module
 */
import type { ByteSource } from "../byte_source.ts";
import type { ParentLink } from "../image.ts";
import { TABLE_ENTRY_SIZE } from "../vhd/block_allocation_table.ts";
import { DISK_TYPE, type Footer } from "../vhd/footer.ts";
import { locatorRegions, readParentLink } from "../vhd/parent_link.ts";
import type { Region } from "../vhd/regions.ts";
import type { SparseHeader } from "../vhd/sparse_header.ts";
import { headRegions, readSparseHeader } from "../vhd/sparse_header_check.ts";
import type { Findings } from "./findings.ts";
import { checkHeaderFields } from "./vhd_header_fields.ts";

/** A header that keeps the rules. */
export interface CheckedHeader {
  readonly header: SparseHeader;
  /** Footer copy, header, table. */
  readonly head: readonly Region[];
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
  checkHeaderFields(source, footer, { header, offset: headerOffset }, findings);
  const head: Region[] = [...headRegions(headerOffset), {
    name: "block allocation table",
    offset: header.tableOffset,
    length: header.maxTableEntries * TABLE_ENTRY_SIZE,
  }];
  if (footer.diskType !== DISK_TYPE.differencing) {
    return { header, head, metadata: head, parent: undefined };
  }
  const placed = { header, offset: headerOffset };
  const paths = findings.attempt(() => locatorRegions(source, placed, head));
  // A locator that lies wrong must not be followed.
  const parent = paths && findings.attempt(() => readParentLink(source, placed));
  return { header, head, metadata: [...head, ...paths ?? []], parent };
}
