/**
 * Reads a sparse header; its fields are believed only once they keep the rules.
 *
 * @module
 */
import { hexadecimal } from "../../bytes/hexadecimal.ts";
import type { ErrorSymbol } from "../../errors/codes.ts";
import { asciiField, type ByteSource, readStructure } from "../byte_source.ts";
import { damaged } from "../image_error.ts";
import { TABLE_ENTRY_SIZE } from "./block_allocation_table.ts";
import { blockCount } from "./block_layout.ts";
import { storedChecksum, vhdChecksum } from "./checksum.ts";
import { FOOTER_SIZE } from "./footer.ts";
import { overlapping, type Region } from "./regions.ts";
import { SECTOR_SIZE } from "./sector.ts";
import {
  parseSparseHeader,
  SPARSE_HEADER_COOKIE,
  SPARSE_HEADER_FIELD,
  SPARSE_HEADER_SIZE,
  type SparseHeader,
  sparseHeaderFault,
} from "./sparse_header.ts";

/** Microsoft tests 512 KiB and 2 MiB; these are the bounds of what anybody writes. */
const MIN_BLOCK_SIZE = 4096;
const MAX_BLOCK_SIZE = 256 * 2 ** 20;
/** A table may be larger than the disk needs; beyond this and twice the need, it is damage. */
const MAX_SPARE_ENTRIES = 16 * 2 ** 20;

/**
 * The sparse header of an image of `virtualSize` bytes.
 *
 * @param offset A multiple of 512; the file has 1024 bytes there.
 * @throws {ImageError} `ERROR_VHD_SPARSE_HEADER_CORRUPT`,
 * `ERROR_VHD_SPARSE_HEADER_CHECKSUM_MISMATCH`, `ERROR_VHD_SPARSE_HEADER_UNSUPPORTED_VERSION` or
 * `ERROR_VHD_INVALID_BLOCK_SIZE`.
 */
export function readSparseHeader(
  source: ByteSource,
  offset: number,
  virtualSize: number,
): SparseHeader {
  const fail = (
    symbol: ErrorSymbol,
    field: keyof typeof SPARSE_HEADER_FIELD,
    found: unknown,
    expected: string,
  ) =>
    damaged(source, symbol, "sparse header", offset + SPARSE_HEADER_FIELD[field], found, expected);

  const bytes = readStructure(
    source,
    offset,
    SPARSE_HEADER_SIZE,
    "sparse header",
    "ERROR_VHD_METADATA_READ_FAILURE",
  );
  const corrupt = "ERROR_VHD_SPARSE_HEADER_CORRUPT";
  const fault = sparseHeaderFault(bytes);
  if (fault === "cookie") {
    const found = asciiField(bytes, 0, SPARSE_HEADER_COOKIE.length);
    throw fail(corrupt, "cookie", found, SPARSE_HEADER_COOKIE);
  }
  if (fault === "checksum") {
    throw fail(
      "ERROR_VHD_SPARSE_HEADER_CHECKSUM_MISMATCH",
      "checksum",
      hexadecimal(storedChecksum(bytes, SPARSE_HEADER_FIELD.checksum)),
      `${hexadecimal(vhdChecksum(bytes, SPARSE_HEADER_FIELD.checksum))}, the checksum of its bytes`,
    );
  }
  const header = parseSparseHeader(bytes);
  const { headerVersion, blockSize, maxTableEntries, tableOffset } = header;
  if (headerVersion >>> 16 !== 1) {
    throw fail(
      "ERROR_VHD_SPARSE_HEADER_UNSUPPORTED_VERSION",
      "headerVersion",
      hexadecimal(headerVersion),
      "major version 1, 0x0001....",
    );
  }
  if (
    blockSize < MIN_BLOCK_SIZE || blockSize > MAX_BLOCK_SIZE || (blockSize & (blockSize - 1)) !== 0
  ) {
    throw fail(
      "ERROR_VHD_INVALID_BLOCK_SIZE",
      "blockSize",
      blockSize,
      "a power of two from 4 KiB to 256 MiB",
    );
  }
  const needed = blockCount(virtualSize, blockSize);
  const most = Math.max(2 * needed, MAX_SPARE_ENTRIES);
  if (maxTableEntries < needed || maxTableEntries > most) {
    throw fail(corrupt, "maxTableEntries", maxTableEntries, `${needed} to ${most} entries`);
  }
  if (tableOffset % SECTOR_SIZE !== 0) {
    throw fail(corrupt, "tableOffset", tableOffset, "a multiple of 512");
  }
  const tableSize = maxTableEntries * TABLE_ENTRY_SIZE;
  if (tableOffset + tableSize > source.size) {
    throw fail(
      corrupt,
      "tableOffset",
      tableOffset,
      `room for ${maxTableEntries} entries in a file of ${source.size} bytes`,
    );
  }
  const other = overlapping(headRegions(offset), tableOffset, tableSize);
  if (other !== undefined) {
    throw fail(corrupt, "tableOffset", tableOffset, `an offset clear of the ${other.name}`);
  }
  return header;
}

/** The footer copy and the sparse header. */
export function headRegions(headerOffset: number): Region[] {
  return [
    { name: "footer copy", offset: 0, length: FOOTER_SIZE },
    { name: "sparse header", offset: headerOffset, length: SPARSE_HEADER_SIZE },
  ];
}
