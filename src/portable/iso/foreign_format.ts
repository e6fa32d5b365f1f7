/**
 * What a file that is no ISO image is instead, where it says so: such files are renamed to .iso often
 * enough for the error to name them.
 *
 * @module
 */
import { type ByteSource, hasSignature } from "../byte_source.ts";

/** A format that is not an ISO image. */
export interface ForeignFormat {
  /** With its article: `"a VHDX image"`. */
  readonly name: string;
  /** What to do with it, a sentence. */
  readonly advice: string;
}

interface Signature extends ForeignFormat {
  readonly signature: string;
  /** From the start, or, where negative, from the end of the file. */
  readonly offset: number;
}

const CONVERT = "Convert it to an image of 2048-byte sectors first.";
const NAME_VHD = 'Open it with { type: "vhd" }, or give it the extension .vhd.';
const NERO = { name: "a Nero image (NRG)", advice: CONVERT };
const VHD = { name: "a VHD image", advice: NAME_VHD };
const UNPACK = "Unpack it first.";

const SIGNATURES: readonly Signature[] = [
  {
    offset: 0,
    signature: "vhdxfile",
    name: "a VHDX image",
    advice: 'Open it with { type: "vhdx" }, or give it the extension .vhdx.',
  },
  { offset: -512, signature: "conectix", ...VHD },
  { offset: 0, signature: "conectix", ...VHD },
  {
    // The synchronisation field of a CD sector (ECMA-130 14.1).
    offset: 0,
    signature: `\x00${"\xff".repeat(10)}\x00`,
    name: "a raw CD image with sectors of 2352 bytes (BIN, IMG or MDF)",
    advice: CONVERT,
  },
  { offset: -8, signature: "NERO", ...NERO },
  { offset: -12, signature: "NER5", ...NERO },
  {
    offset: 0,
    signature: "MEDIA DESCRIPTOR",
    name: "the description (MDS) of an MDF image",
    advice: CONVERT,
  },
  { offset: 0, signature: "CISO", name: "a compressed image (CSO)", advice: UNPACK },
  { offset: 0, signature: "\x1f\x8b", name: "a gzip file", advice: UNPACK },
  { offset: 0, signature: "PK\x03\x04", name: "a ZIP file", advice: UNPACK },
  { offset: 0, signature: "7z\xbc\xaf\x27\x1c", name: "a 7z file", advice: UNPACK },
  { offset: 0, signature: "\xfd7zXZ\0", name: "an xz file", advice: UNPACK },
];
const LONGEST_SIGNATURE = 16;

/** The commands with which a CUE sheet may begin. */
const CUE_SHEET = /^(?:\xef\xbb\xbf)?\s*(?:REM |CATALOG |CDTEXTFILE |FILE "|PERFORMER |TITLE )/i;

/** The format that the file's signatures name, or `undefined`. */
export function foreignFormat(source: ByteSource): ForeignFormat | undefined {
  const head = readSome(source, 0);
  for (const { offset, signature, name, advice } of SIGNATURES) {
    const place = offset < 0 ? source.size + offset : offset;
    if (place < 0) continue;
    const bytes = place === 0 ? head : readSome(source, place);
    if (hasSignature(bytes, 0, signature)) return { name, advice };
  }
  if (CUE_SHEET.test(String.fromCharCode(...head))) {
    return {
      name: "a CUE sheet",
      advice: "It only describes a BIN file: " + CONVERT.toLowerCase(),
    };
  }
  return undefined;
}

function readSome(source: ByteSource, offset: number): Uint8Array {
  const bytes = new Uint8Array(LONGEST_SIGNATURE);
  return bytes.subarray(0, source.readAt(bytes, offset));
}
