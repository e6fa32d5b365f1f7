/**
 * Labels as text that can be shown: what writers put into descriptors is neither always in the
 * character set of the standard nor always sound.
 *
 * @module
 */
import { decodeUtf16 } from "../../bytes/utf16.ts";

/**
 * The text of an ISO 9660 label. The standard allows capital letters, digits and `_`; writers store
 * UTF-8 and Latin-1 too.
 */
export function isoLabel(field: Uint8Array): string {
  return cleanLabel(decodeUtf8(field) ?? decodeLatin1(field));
}

/** The text of a Joliet label: UCS-2, big-endian, padded with spaces or NULs. */
export function jolietLabel(field: Uint8Array): string {
  return cleanLabel(decodeUtf16(field, false));
}

/** Without padding; what no terminal or log should get (controls, halves of surrogate pairs) is U+FFFD. */
export function cleanLabel(text: string): string {
  return text.replace(/[ \0]+$/, "").replaceAll(/\p{Cc}/gu, "\ufffd").toWellFormed();
}

/** One byte a character. TextDecoder's "latin1" is windows-1252, which differs from 0x80 to 0x9f. */
export function decodeLatin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

// Strings of UDF: OSTA compressed Unicode in a field of fixed length (UDF 2.1.1 and 2.1.3).

/** The first byte: how many bits a character takes. */
const BITS_PER_CHARACTER = { LATIN1: 8, UTF16: 16 };

/** The text of a dstring field; empty where it is damaged, as a label is no reason to refuse a disk. */
export function readDstring(field: Uint8Array): string {
  const used = field[field.length - 1]!;
  if (used === 0 || used > field.length - 1) return "";
  const characters = field.subarray(1, used);
  if (field[0] === BITS_PER_CHARACTER.LATIN1) return cleanLabel(decodeLatin1(characters));
  if (field[0] === BITS_PER_CHARACTER.UTF16 && characters.length % 2 === 0) {
    return cleanLabel(decodeUtf16(characters, false));
  }
  return "";
}
