/**
 * Checks what the sparse header of a VHD says that no reader relies on.
 *
 * @module
 */
import { firstNonZero } from "../../bytes/zeros.ts";
import { type ByteSource, readStructure } from "../byte_source.ts";
import { blockCount } from "../vhd/block_layout.ts";
import { DISK_TYPE, type Footer } from "../vhd/footer.ts";
import { LOCATOR_FIELD } from "../vhd/parent_locator.ts";
import { type PlacedHeader, usedLocators } from "../vhd/parent_link.ts";
import {
  locatorOffset,
  PARENT_NAME_UNITS,
  SPARSE_HEADER_FIELD,
  SPARSE_HEADER_SIZE,
  SPARSE_HEADER_VERSION,
} from "../vhd/sparse_header.ts";
import type { Findings } from "./findings.ts";

/** Part of the header. */
interface Field {
  readonly offset: number;
  readonly length: number;
}

const {
  dataOffset: DATA_OFFSET,
  tableOffset: TABLE_OFFSET,
  parentUniqueId: PARENT_UNIQUE_ID,
  parentUnicodeName: PARENT_UNICODE_NAME,
} = SPARSE_HEADER_FIELD;

/** Reserved bytes before the parent's name, and behind the locators. */
const RESERVED: readonly Field[] = [{ offset: 60, length: 4 }, { offset: 768, length: 256 }];
/** All that is said of a parent. */
const PARENT: readonly Field[] = [
  { offset: PARENT_UNIQUE_ID, length: 20 },
  { offset: PARENT_UNICODE_NAME, length: 704 },
];
const LOCATOR_RESERVED = { offset: LOCATOR_FIELD.platformDataLength + 4, length: 4 };

/** Checks fields that are to have one value, but have no meaning. */
export function checkHeaderFields(
  source: ByteSource,
  { currentSize, diskType }: Footer,
  placed: PlacedHeader,
  findings: Findings,
): void {
  const { header, offset: headerOffset } = placed;
  const bytes = readStructure(
    source,
    headerOffset,
    SPARSE_HEADER_SIZE,
    "sparse header",
    "ERROR_VHD_METADATA_READ_FAILURE",
  );
  const unusual = (
    structure: "sparse header" | "parent locator",
    offset: number,
    found: unknown,
    expected: string,
  ) =>
    findings.add({ severity: "info", structure, offset: headerOffset + offset, found, expected });
  const zeros = (
    structure: "sparse header" | "parent locator",
    { offset, length }: Field,
    expected: string,
  ) => {
    const at = firstNonZero(bytes.subarray(offset, offset + length));
    if (at !== undefined) unusual(structure, offset + at, bytes[offset + at], expected);
  };
  if (bytes.subarray(DATA_OFFSET, TABLE_OFFSET).some((byte) => byte !== 0xff)) {
    const expected = "all ones in the data offset, which nothing uses";
    unusual("sparse header", DATA_OFFSET, bytes[DATA_OFFSET], expected);
  }
  if (header.headerVersion !== SPARSE_HEADER_VERSION) {
    const { headerVersion } = header;
    unusual("sparse header", SPARSE_HEADER_FIELD.headerVersion, headerVersion, "version 1.0");
  }
  const needed = blockCount(currentSize, header.blockSize);
  if (header.maxTableEntries !== needed) {
    const expected = `${needed} table entries, as many as the disk has blocks`;
    const at = SPARSE_HEADER_FIELD.maxTableEntries;
    unusual("sparse header", at, header.maxTableEntries, expected);
  }
  for (const field of RESERVED) zeros("sparse header", field, "0 in reserved bytes");
  if (diskType !== DISK_TYPE.differencing) {
    for (const field of PARENT) zeros("sparse header", field, "0, as the disk has no parent");
    return;
  }
  zeros("sparse header", nameTail(bytes), "0 behind the name of the parent");
  for (const { slot } of usedLocators(header)) {
    const { offset, length } = LOCATOR_RESERVED;
    const field = { offset: locatorOffset(slot) + offset, length };
    zeros("parent locator", field, "0 in reserved bytes");
  }
}

/** What follows the first NUL of the parent's name. */
function nameTail(header: Uint8Array): Field {
  let offset = PARENT_UNICODE_NAME;
  const end = offset + 2 * PARENT_NAME_UNITS;
  while (offset < end && (header[offset] !== 0 || header[offset + 1] !== 0)) offset += 2;
  return { offset, length: end - offset };
}
