/** Strings as Windows functions take them: UTF-16, ended by a NUL. */
import { encodeUtf16 } from "../bytes/utf16.ts";

/**
 * A string as a function takes it.
 *
 * @throws {TypeError} Where it holds a NUL: Windows would see it cut off there.
 */
export function wideString(text: string): Uint8Array<ArrayBuffer> {
  if (text.includes("\0")) throw new TypeError(`text holds a NUL: ${JSON.stringify(text)}`);
  return encodeUtf16(`${text}\0`);
}
