/**
 * Checks what an ISO image says of its volume.
 *
 * @module
 */
import { bytesText } from "../../text/digits.ts";
import type { ByteSource } from "../file/byte_source.ts";
import { hasIsoIdentifier, IsoImage, openIso } from "./iso_image.ts";
import { promisedIsoEnd } from "./promised_end.ts";
import { udfAnchors } from "./udf.ts";
import { FIRST_DESCRIPTOR_OFFSET, SECTOR_SIZE } from "./iso9660.ts";
import { FILE_LENGTH, type Findings } from "../image/findings.ts";
import type { Checks } from "../image/format.ts";

/** Checks a file that is taken for an ISO image: its length, identifier and descriptors. */
export function checkIso(file: ByteSource, findings: Findings): void {
  if (!hasIsoIdentifier(file)) {
    findings.attempt(() => openIso(file));
    return;
  }
  const { end } = promisedIsoEnd(file);
  // That the file is cut off has been found, with how much of it.
  if (end > file.size) return;
  checkLength(file.size, end, findings);
  const { fileSystems, warnings } = new IsoImage(file).volume;
  if (fileSystems.length === 0) {
    findings.add({
      severity: "error",
      structure: "volume descriptors",
      offset: FIRST_DESCRIPTOR_OFFSET,
      found: "none that names a file system",
      expected: "those of a CDFS or UDFS volume, one a sector",
      symbol: "ERROR_FILE_CORRUPT",
    });
  }
  const hasAnchor = udfAnchors(file).next().done !== true;
  if (fileSystems.includes("udf") && !hasAnchor) {
    findings.add({
      // With another file system on it, the disc can be read all the same.
      severity: fileSystems.length === 1 ? "error" : "warning",
      structure: "UDF anchor",
      offset: 0,
      found: "none",
      expected: "one in sector 256, at the end of the volume, or 256 sectors before that",
      symbol: "ERROR_FILE_CORRUPT",
    });
  }
  for (const warning of warnings) {
    findings.add({
      severity: "info",
      structure: "volume descriptors",
      offset: FIRST_DESCRIPTOR_OFFSET,
      found: warning,
      expected: "descriptors that agree with each other and with the file",
    });
  }
}

function checkLength(size: number, end: number, findings: Findings): void {
  if (size % SECTOR_SIZE === 0) return;
  const whole = Math.ceil(size / SECTOR_SIZE) * SECTOR_SIZE;
  const rest = size - end;
  findings.add({
    severity: "error",
    structure: FILE_LENGTH,
    offset: end,
    found: `${size} bytes, of which the volume has ${end}`,
    expected: `a multiple of ${SECTOR_SIZE}`,
    symbol: "ERROR_FILE_CORRUPT",
    remedy:
      `The volume is all there, but ${bytesText(rest)} ${
        rest === 1 ? "follows" : "follow"
      } it, and ` +
      `Windows opens no image with half a sector: fill the file up with zeros to ${whole} bytes, or cut it to the volume.`,
  });
}

/** How ISO files are checked. */
export const ISO_CHECKS: Checks = {
  check(file, findings) {
    checkIso(file, findings);
    return undefined;
  },
};
