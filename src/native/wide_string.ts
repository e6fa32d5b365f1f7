/** Strings as Windows functions take and give them: UTF-16, ended by a NUL. */
import { decodeUtf16, encodeUtf16 } from "../bytes/utf16.ts";

/**
 * A string as a function takes it.
 *
 * @throws {TypeError} Where it holds a NUL: Windows would see it cut off there.
 */
export function wideString(text: string): Uint8Array<ArrayBuffer> {
  if (text.includes("\0")) throw new TypeError(`text holds a NUL: ${JSON.stringify(text)}`);
  return encodeUtf16(`${text}\0`);
}

/** A function that fills a buffer of so many characters, and tells how many it wrote or needs. */
export type StringFunction = (buffer: Uint8Array<ArrayBuffer>, characters: number) => number;

/** No path is longer, its NUL included. */
const LONGEST_PATH = 32768;
/** MAX_PATH: enough for most. */
const FIRST_GUESS = 260;

/**
 * What a function that writes a path gives: it returns the length, or the characters needed with the
 * NUL where they are more than the buffer has, or 0 where it failed.
 *
 * @returns `undefined` where the function failed.
 */
export function pathFrom(call: StringFunction): string | undefined {
  for (const characters of [FIRST_GUESS, LONGEST_PATH]) {
    const buffer = new Uint8Array(2 * characters);
    const length = call(buffer, characters);
    if (length === 0) return undefined;
    if (length < characters) return decodeUtf16(buffer.subarray(0, 2 * length));
  }
  return undefined;
}
