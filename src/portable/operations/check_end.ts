/**
 * Checks whether a file ends where its own structures say.
 *
 * @module
 */
import { byteCount } from "../../text/digits.ts";
import type { ErrorSymbol } from "../../errors/codes.ts";
import type { ByteSource } from "../file/byte_source.ts";
import type { ImageFormat } from "../formats.ts";
import { hasIsoIdentifier } from "../iso/iso_image.ts";
import { promisedIsoEnd } from "../iso/promised_end.ts";
import { rawDiskIn } from "../partitions/raw_disk.ts";
import type { PromisedEnd } from "../file/promised_end.ts";
import { FOOTER_SIZE } from "../vhd/footer.ts";
import { promisedVhdEnd } from "../vhd/promised_end.ts";
import { isVhd } from "../vhd/open.ts";
import { hasFileIdentifier } from "../vhdx/file_map.ts";
import { promisedVhdxEnd } from "../vhdx/promised_end.ts";
import type { Findings } from "../image/findings.ts";

/** The structure that a finding about a file which is cut off names. */
export const END_OF_FILE = "end of file";

const SYMBOLS: Readonly<Record<"vhd" | "vhdx" | "iso", ErrorSymbol>> = {
  vhd: "ERROR_VHD_INVALID_FILE_SIZE",
  vhdx: "ERROR_FILE_CORRUPT",
  iso: "ERROR_FILE_CORRUPT",
};

/** Checks the length of a file that is taken for an image. */
export function checkEnd(file: ByteSource, format: ImageFormat, findings: Findings): void {
  // What a raw disk says of its length is its guest's business: a disk may be larger than its partitions.
  if (format === "raw") return;
  const promised = promisedEnd(file, format);
  if (promised === undefined || promised.end <= file.size) return;
  const missingBytes = promised.end - file.size;
  const least = promised.isExact ? "" : "at least ";
  findings.add({
    severity: "error",
    structure: END_OF_FILE,
    offset: file.size,
    found: `${file.size} bytes`,
    expected: `${least}${promised.end} bytes: cut off, ${least}${byteCount(missingBytes)} ${
      missingBytes === 1 ? "is" : "are"
    } missing`,
    symbol: SYMBOLS[format],
    repairable: promised.isRepairable ?? false,
    missingBytes,
  });
}

function promisedEnd(
  file: ByteSource,
  format: "vhd" | "vhdx" | "iso",
): PromisedEnd | undefined {
  switch (format) {
    case "vhdx":
      return hasFileIdentifier(file) ? promisedVhdxEnd(file) : undefined;
    case "iso":
      return hasIsoIdentifier(file) ? promisedIsoEnd(file) : undefined;
    case "vhd":
      return promisedVhdEnd(file) ?? fixedEnd(file);
  }
}

/** Of a fixed VHD without its footer, the disk's partitions tell how long it is at least. */
function fixedEnd(file: ByteSource): PromisedEnd | undefined {
  if (isVhd(file)) return undefined;
  const disk = rawDiskIn(file);
  return disk && { end: disk.end + FOOTER_SIZE, isExact: false };
}
