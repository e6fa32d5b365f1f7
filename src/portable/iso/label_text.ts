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
