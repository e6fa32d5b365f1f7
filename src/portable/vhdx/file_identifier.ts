/**
 * The file type identifier at offset 0 ([MS-VHDX] 2.2.1).
 *
 * ```text
 * 0   8    "vhdxfile"
 * 8   512  Creator: UTF-16LE, who made the file; for people only
 * ```
 *
 * @module
 */
import { decodeUtf16Z, encodeUtf16 } from "../../bytes/utf16.ts";
import { type ByteSource, hasSignature } from "../byte_source.ts";
import { FILE_IDENTIFIER_OFFSET } from "./file_map.ts";

const SIGNATURE = "vhdxfile";
const CREATOR_OFFSET = 8;
const CREATOR_LENGTH = 512;

/** Whether the file begins as every VHDX file does. */
export function hasFileIdentifier(source: ByteSource): boolean {
  const bytes = new Uint8Array(SIGNATURE.length);
  source.readAt(bytes, FILE_IDENTIFIER_OFFSET);
  return hasSignature(bytes, 0, SIGNATURE);
}

/** The identifier, with a creator of at most 255 characters, so that a terminator follows it. */
export function encodeFileIdentifier(creator: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(CREATOR_OFFSET + CREATOR_LENGTH);
  new TextEncoder().encodeInto(SIGNATURE, bytes);
  bytes.set(encodeUtf16(creator), CREATOR_OFFSET);
  return bytes;
}

/** Who made the file, as it says itself: of no length where it does not. */
export function readCreator(source: ByteSource): string {
  const bytes = new Uint8Array(CREATOR_LENGTH);
  source.readAt(bytes, FILE_IDENTIFIER_OFFSET + CREATOR_OFFSET);
  // It is printed: no control characters, lone surrogates or what else is no text.
  return decodeUtf16Z(bytes).toWellFormed().replaceAll(/\p{C}/gu, "").trim();
}
