/** Strings of UDF: OSTA compressed Unicode in a field of fixed length (UDF 2.1.1 and 2.1.3). */
import { decodeUtf16 } from "../../bytes/utf16.ts";
import { cleanLabel, decodeLatin1 } from "./label_text.ts";

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
