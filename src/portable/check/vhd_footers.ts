/**
 * Checks the footer of a VHD and its copy.
 *
 * @module
 */
import { hexadecimal } from "../../bytes/hexadecimal.ts";
import { firstNonZero } from "../../bytes/zeros.ts";
import { asciiField, type ByteSource, readStructure } from "../byte_source.ts";
import type { Pace } from "../operations/pace.ts";
import { storedChecksum, vhdChecksum } from "../vhd/checksum.ts";
import {
  DISK_TYPE,
  FILE_FORMAT_VERSION,
  FOOTER_COOKIE,
  FOOTER_FIELD,
  FOOTER_SIZE,
  footerFault,
} from "../vhd/footer.ts";
import { checkFooter } from "../vhd/footer_check.ts";
import { findFooter, type FoundFooter } from "../vhd/footer_search.ts";
import { foreignByte, surplusOf } from "../vhd/grow_fixed.ts";
import { FOOTER_COPY_OFFSET } from "../vhd/image_footers.ts";
import type { Findings } from "./findings.ts";

/** Bit 0 says that the disk is temporary; bit 1 is always set, and nothing else ever. */
const FEATURES_RESERVED = 2;
const FEATURES_TEMPORARY = 1;
const RESERVED_OFFSET = 85;
const PIECE = 2 ** 24;
const READ_FAILURE = "ERROR_VHD_METADATA_READ_FAILURE";

/** The footer to believe; `undefined` where there is none, or its fields break a rule. */
export async function checkFooters(
  source: ByteSource,
  findings: Findings,
  pace: Pace,
): Promise<FoundFooter | undefined> {
  const found = findings.attempt(() => {
    const footer = findFooter(source);
    checkFooter(source, footer);
    return footer;
  });
  if (found === undefined) return undefined;
  if (found.footer.diskType === DISK_TYPE.fixed) {
    await checkFixedPlace(source, found, findings, pace);
  } else checkOtherFooter(source, found, findings);
  checkFields(found, findings);
  return found;
}

/** A fixed image has no copy; its footer follows the disk, and ends the file. */
async function checkFixedPlace(
  source: ByteSource,
  found: FoundFooter,
  findings: Findings,
  pace: Pace,
): Promise<void> {
  const surplus = surplusOf(source, found);
  if (surplus === "none") return;
  const { footer: { currentSize }, offset } = found;
  const end = currentSize + FOOTER_SIZE;
  const last = source.size - FOOTER_SIZE;
  const isAtEnd = offset >= last;
  const symbol = isAtEnd ? "ERROR_VHD_INVALID_FILE_SIZE" : "ERROR_VHD_DRIVE_FOOTER_MISSING";
  const foreign = surplus === "growth" ? undefined : await searchForeign(source, found, pace);
  if (foreign === undefined) {
    findings.add({
      severity: "warning",
      structure: "footer",
      offset: isAtEnd ? offset + FOOTER_FIELD.currentSize : last,
      found: `${source.size - end} bytes too many, zeros and footers, ` +
        "as a crash leaves them while the disk grows",
      expected: `the end of the file at ${end}: opening it for writing, or a repair, cuts it there`,
      symbol,
      repairable: true,
    });
  } else if (isAtEnd) {
    findings.add({
      severity: "warning",
      structure: "footer",
      offset: offset + FOOTER_FIELD.currentSize,
      found: currentSize,
      expected: `${offset}, the bytes before the footer`,
      symbol,
    });
  } else {
    findings.add({
      severity: "error",
      structure: "footer",
      offset: foreign,
      found: `bytes that belong to no disk; the footer is at ${offset}, not at the end of the file`,
      expected: `nothing but zeros behind the disk, which ends at ${currentSize}`,
      symbol,
    });
  }
}

/** As `foreignByte()`, in pieces: it may be much that lies behind a disk. */
async function searchForeign(
  source: ByteSource,
  found: FoundFooter,
  pace: Pace,
): Promise<number | undefined> {
  for (let start = found.footer.currentSize; start < source.size; start += PIECE) {
    const end = Math.min(source.size, start + PIECE);
    const foreign = foreignByte(source, found, start, end);
    if (foreign !== undefined) return foreign;
    await pace.reach(end, source.size);
  }
  return undefined;
}

/** Of two footers, the one that is not believed: other tools may believe it. */
function checkOtherFooter(source: ByteSource, found: FoundFooter, findings: Findings): void {
  const isCopyBad = found.structure === "footer";
  const structure = isCopyBad ? "footer copy" : "footer";
  const offset = isCopyBad ? FOOTER_COPY_OFFSET : Math.max(0, source.size - FOOTER_SIZE);
  const bytes = readStructure(source, offset, FOOTER_SIZE, structure, READ_FAILURE);
  const common = { severity: "warning", structure, repairable: true } as const;
  switch (footerFault(bytes)) {
    case "cookie":
      findings.add({
        ...common,
        offset,
        found: asciiField(bytes, FOOTER_FIELD.cookie, FOOTER_COOKIE.length),
        expected: `${FOOTER_COOKIE}, the cookie of a footer`,
        symbol: "ERROR_VHD_DRIVE_FOOTER_MISSING",
      });
      return;
    case "checksum":
      findings.add({
        ...common,
        offset: offset + FOOTER_FIELD.checksum,
        found: hexadecimal(storedChecksum(bytes, FOOTER_FIELD.checksum)),
        expected: `${
          hexadecimal(vhdChecksum(bytes, FOOTER_FIELD.checksum))
        }, the checksum of its bytes`,
        symbol: "ERROR_VHD_DRIVE_FOOTER_CHECKSUM_MISMATCH",
      });
      return;
    case undefined: {
      const different = bytes.findIndex((byte, i) => byte !== found.bytes[i]);
      if (different < 0) return;
      findings.add({
        ...common,
        offset: offset + different,
        found: bytes[different],
        expected: `${found.bytes[different]}, as in the ${found.structure} at ${found.offset}`,
        symbol: "ERROR_VHD_DRIVE_FOOTER_CORRUPT",
      });
    }
  }
}

/** What no reader relies on. */
function checkFields({ footer, structure, offset, bytes }: FoundFooter, findings: Findings): void {
  const unusual = (field: number, found: number, expected: string) =>
    findings.add({ severity: "info", structure, offset: offset + field, found, expected });
  const { features, fileFormatVersion, diskType, dataOffset } = footer;
  if ((features & ~FEATURES_TEMPORARY) !== FEATURES_RESERVED) {
    unusual(FOOTER_FIELD.features, features, "bit 1 set, and no other but bit 0");
  }
  if (fileFormatVersion !== FILE_FORMAT_VERSION) {
    unusual(FOOTER_FIELD.fileFormatVersion, fileFormatVersion, "version 1.0");
  }
  if (diskType === DISK_TYPE.fixed && dataOffset !== undefined) {
    unusual(FOOTER_FIELD.dataOffset, dataOffset, "all ones, in 64 bits");
  }
  if (footer.savedState) {
    findings.add({
      severity: "info",
      structure,
      offset: offset + FOOTER_FIELD.savedState,
      found: bytes[FOOTER_FIELD.savedState],
      expected: "0: while a machine's state is saved, the disk cannot be resized or compacted",
      symbol: "ERROR_VHD_INVALID_STATE",
    });
  }
  const at = firstNonZero(bytes.subarray(RESERVED_OFFSET));
  if (at !== undefined) {
    unusual(RESERVED_OFFSET + at, bytes[RESERVED_OFFSET + at]!, "0 in reserved bytes");
  }
}
