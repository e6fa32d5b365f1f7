/** GUIDs as text and as the 16 bytes that Windows and the image formats store. */
import { quoted } from "../text/quoted.ts";

/** The all-zero GUID, which stands for "none" throughout Win32 and the formats. */
export const NIL_GUID = "00000000-0000-0000-0000-000000000000";

/** One to show what they look like. */
const SAMPLE = "0f0f3c4e-3b1c-4a9f-8a52-7a4de21b2b60";
/** So much of a wrong one is repeated: in braces they have 38 characters. */
const SHOWN = 40;

const TEXT = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/**
 * Where each byte of the stored form stands in the text: the first three groups are little-endian
 * numbers, the rest is in text order (GUID in guiddef.h).
 */
const BYTE_ORDER = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];

/** Each byte as two digits. */
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

const HYPHEN = 0x2d;
const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;
const LETTER_A = 0x61;

/** Whether `text` is a GUID, in either case, with or without braces. */
export function isGuid(text: string): boolean {
  return TEXT.test(bare(text));
}

function bare(text: string): string {
  const inner = text.startsWith("{") && text.endsWith("}") ? text.slice(1, -1) : text;
  return inner.toLowerCase();
}

/** The lower-case form without braces; a `TypeError` where `text` is no GUID. */
export function normalizeGuid(text: string, name = "GUID"): string {
  const guid = bare(text);
  if (TEXT.test(guid)) return guid;
  throw new TypeError(`${name} must be a GUID, such as ${SAMPLE}, not ${quoted(text, SHOWN)}`);
}

/** Reads the stored form at `offset`. */
export function readGuid(bytes: Uint8Array, offset = 0): string {
  if (offset + BYTE_ORDER.length > bytes.length) {
    throw new RangeError(`a GUID takes 16 bytes at ${offset} of ${bytes.length}`);
  }
  let text = "";
  for (let i = 0; i < BYTE_ORDER.length; i++) {
    if (i === 4 || i === 6 || i === 8 || i === 10) text += "-";
    // Looked up: to format each byte takes ten times as long, and every structure has a GUID.
    text += HEX[bytes[offset + BYTE_ORDER[i]!]!];
  }
  return text;
}

/** Writes the stored form of `guid` at `offset`. */
export function writeGuid(bytes: Uint8Array, offset: number, guid: string): void {
  const text = normalizeGuid(guid);
  let position = 0;
  for (const index of BYTE_ORDER) {
    if (text.charCodeAt(position) === HYPHEN) position++;
    bytes[offset + index] = hexDigit(text, position) * 16 + hexDigit(text, position + 1);
    position += 2;
  }
}

/** The value of a lower-case hexadecimal digit. */
function hexDigit(text: string, position: number): number {
  const code = text.charCodeAt(position);
  return code <= DIGIT_9 ? code - DIGIT_0 : code - LETTER_A + 10;
}
