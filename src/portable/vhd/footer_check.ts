/**
 * The rules that a footer's fields must keep before they are believed.
 *
 * @module
 */
import { hexadecimal } from "../../bytes/hexadecimal.ts";
import type { ErrorSymbol } from "../../errors/codes.ts";
import type { ByteSource } from "../byte_source.ts";
import { damaged } from "../image_error.ts";
import { DISK_TYPE, FOOTER_FIELD } from "./footer.ts";
import type { FoundFooter } from "./footer_search.ts";
import { SECTOR_SIZE } from "./sector.ts";
import { SPARSE_HEADER_SIZE } from "./sparse_header.ts";

/** 2040 GiB: what a block table of 32-bit sector numbers can reach, less what Windows keeps back. */
const MAX_VIRTUAL_SIZE = 2040 * 2 ** 30;
/** What VHD 1.0 prints as the data offset of a fixed image; everyone writes 64 ones instead. */
const SHORT_ALL_ONES = 0xffff_ffff;

/**
 * Believes a footer, or says which of its fields not to believe.
 *
 * @throws {ImageError} `ERROR_VHD_FORMAT_UNSUPPORTED_VERSION`, `ERROR_VHD_DRIVE_FOOTER_CORRUPT`,
 * `ERROR_VHD_INVALID_SIZE` or `ERROR_VHD_INVALID_FILE_SIZE`.
 */
export function checkFooter(source: ByteSource, found: FoundFooter): void {
  const { footer, structure, offset } = found;
  const { diskType, dataOffset, currentSize } = footer;
  const fail = (
    symbol: ErrorSymbol,
    field: keyof typeof FOOTER_FIELD,
    value: unknown,
    expected: string,
  ) => damaged(source, symbol, structure, offset + FOOTER_FIELD[field], value, expected);

  if (footer.fileFormatVersion >>> 16 !== 1) {
    throw fail(
      "ERROR_VHD_FORMAT_UNSUPPORTED_VERSION",
      "fileFormatVersion",
      hexadecimal(footer.fileFormatVersion),
      "major version 1, 0x0001....",
    );
  }
  const corrupt = "ERROR_VHD_DRIVE_FOOTER_CORRUPT";
  if (!Object.values<number>(DISK_TYPE).includes(diskType)) {
    throw fail(corrupt, "diskType", diskType, "2 (fixed), 3 (dynamic) or 4 (differencing)");
  }
  if (diskType === DISK_TYPE.fixed) {
    if (dataOffset !== undefined && dataOffset !== SHORT_ALL_ONES) {
      throw fail(corrupt, "dataOffset", dataOffset, "all ones in a fixed image");
    }
  } else if (!isHeaderOffset(dataOffset, source.size)) {
    throw fail(
      corrupt,
      "dataOffset",
      dataOffset ?? "all ones",
      `a multiple of 512 with a sparse header behind it, before the end of file at ${source.size}`,
    );
  }
  if (currentSize === 0 || currentSize % SECTOR_SIZE !== 0 || currentSize > MAX_VIRTUAL_SIZE) {
    throw fail(
      "ERROR_VHD_INVALID_SIZE",
      "currentSize",
      currentSize,
      "a multiple of 512 from 512 bytes to 2040 GiB",
    );
  }
  if (diskType === DISK_TYPE.fixed && currentSize > offset) {
    throw fail(
      "ERROR_VHD_INVALID_FILE_SIZE",
      "currentSize",
      currentSize,
      `at most ${offset}, the bytes before the footer`,
    );
  }
}

function isHeaderOffset(offset: number | undefined, fileSize: number): offset is number {
  return offset !== undefined && offset >= SECTOR_SIZE && offset % SECTOR_SIZE === 0 &&
    offset + SPARSE_HEADER_SIZE <= fileSize;
}
