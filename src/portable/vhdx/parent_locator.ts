/**
 * The parent locator item ([MS-VHDX] 2.6.2.6): a list of keys and values that says which file the
 * parent is, and where it may be.
 *
 * ```text
 * 0   16  LocatorType           each entry, from 20 on, 12 bytes:
 * 18  2   KeyValueCount          0   4  KeyOffset      8   2  KeyLength
 *                                4   4  ValueOffset    10  2  ValueLength
 * ```
 *
 * Offsets are from the start of the item; keys and values are UTF-16LE without terminator.
 *
 * @module
 */
import { isGuid, NIL_GUID, normalizeGuid, readGuid, writeGuid } from "../../bytes/guid.ts";
import { decodeUtf16, encodeUtf16 } from "../../bytes/utf16.ts";
import { type ByteSource, viewOf } from "../file/byte_source.ts";
import type { ParentLink, ParentLocator, ParentSpec } from "../image/image.ts";
import { damaged, ImageError } from "../file/image_error.ts";

/** The only locator type there is: the parent is a VHDX file. */
const VHDX_LOCATOR_TYPE = "b04aefb7-d19e-4a81-b789-25b8e9445913";
const KEY_VALUE_COUNT = 18;
const FIRST_ENTRY = 20;
const ENTRY_LENGTH = 12;
const KEY = { offset: 0, length: 8 };
const VALUE = { offset: 4, length: 10 };
/** Far more than the five keys there are; bounds what a hostile item makes a reader decode. */
const MAX_ENTRIES = 256;
const MAX_STRING_LENGTH = 0xffff;

const LINKAGE = "parent_linkage";
const SECOND_LINKAGE = "parent_linkage2";
/** In the order in which a parent is looked for. */
const PATH_KEYS = [
  { key: "relative_path", kind: "relative" },
  { key: "volume_path", kind: "volume" },
  { key: "absolute_win32_path", kind: "absolute" },
] as const;

/**
 * Reads a locator.
 *
 * @param bytes The item, at most 1 MiB.
 * @param itemOffset Where it lies in the file, for errors.
 * @throws {ImageError} `ERROR_FILE_CORRUPT` where it breaks a rule or names no parent.
 */
export function decodeParentLocator(
  source: ByteSource,
  bytes: Uint8Array,
  itemOffset: number,
): ParentLink {
  const entries = readEntries(source, bytes, itemOffset);
  const identifiers = [requiredLinkage(source, entries, itemOffset)];
  // Meant for merges; a writer without one in progress leaves it out or stores zeros.
  const second = entries.get(SECOND_LINKAGE);
  if (second !== undefined) {
    const guid = linkageGuid(source, SECOND_LINKAGE, second);
    if (guid !== NIL_GUID) identifiers.push(guid);
  }
  const locators: ParentLocator[] = [];
  for (const { key, kind } of PATH_KEYS) {
    const path = entries.get(key);
    if (path !== undefined) locators.push({ kind, path: path.text });
  }
  return { identifiers, locators };
}

/** A value, and where it lies in the file. */
interface LocatedText {
  readonly text: string;
  readonly offset: number;
}

function readEntries(
  source: ByteSource,
  bytes: Uint8Array,
  itemOffset: number,
): Map<string, LocatedText> {
  const wrong = (field: number, found: unknown, expected: string): ImageError =>
    damaged(source, "ERROR_FILE_CORRUPT", "parent locator", itemOffset + field, found, expected);
  if (bytes.length < FIRST_ENTRY) {
    throw wrong(0, `${bytes.length} bytes`, `at least ${FIRST_ENTRY}`);
  }
  const type = readGuid(bytes);
  if (type !== VHDX_LOCATOR_TYPE) throw wrong(0, `type ${type}`, `type ${VHDX_LOCATOR_TYPE}`);
  const view = viewOf(bytes);
  const count = view.getUint16(KEY_VALUE_COUNT, true);
  const tableEnd = FIRST_ENTRY + count * ENTRY_LENGTH;
  if (count > MAX_ENTRIES || tableEnd > bytes.length) {
    throw wrong(
      KEY_VALUE_COUNT,
      `${count} entries`,
      `at most ${MAX_ENTRIES}, within ${bytes.length} bytes`,
    );
  }
  const text = (entry: number, part: typeof KEY): LocatedText => {
    const offset = view.getUint32(entry + part.offset, true);
    const length = view.getUint16(entry + part.length, true);
    if (length === 0 || length % 2 !== 0) {
      throw wrong(entry + part.length, length, "an even length, more than 0");
    }
    if (offset % 2 !== 0 || offset < tableEnd || offset + length > bytes.length) {
      throw wrong(
        entry + part.offset,
        offset,
        `an even offset from ${tableEnd} on, with ${length} bytes before ${bytes.length}`,
      );
    }
    const decoded = decodeUtf16(bytes.subarray(offset, offset + length));
    if (decoded.includes("\0") || !decoded.isWellFormed()) {
      throw wrong(offset, decoded, "UTF-16 without NUL");
    }
    return { text: decoded, offset: itemOffset + offset };
  };
  const entries = new Map<string, LocatedText>();
  for (let i = 0; i < count; i++) {
    const entry = FIRST_ENTRY + i * ENTRY_LENGTH;
    const key = text(entry, KEY).text;
    if (entries.has(key)) throw wrong(entry, `key ${key} again`, "it once");
    entries.set(key, text(entry, VALUE));
  }
  return entries;
}

function requiredLinkage(
  source: ByteSource,
  entries: ReadonlyMap<string, LocatedText>,
  itemOffset: number,
): string {
  const linkage = entries.get(LINKAGE);
  if (linkage !== undefined) return linkageGuid(source, LINKAGE, linkage);
  throw damaged(
    source,
    "ERROR_FILE_CORRUPT",
    "parent locator",
    itemOffset + KEY_VALUE_COUNT,
    `no ${LINKAGE}`,
    "one",
  );
}

function linkageGuid(source: ByteSource, key: string, { text, offset }: LocatedText): string {
  if (isGuid(text)) return normalizeGuid(text);
  throw damaged(
    source,
    "ERROR_FILE_CORRUPT",
    "parent locator",
    offset,
    `${key} ${JSON.stringify(text)}`,
    "a GUID in braces",
  );
}

/**
 * The bytes of a locator, in the order and packing of Windows 10.
 *
 * @throws {ImageError} `ERROR_FILENAME_EXCED_RANGE` where a path is too long for its length field.
 */
export function encodeParentLocator(path: string, parent: ParentSpec): Uint8Array<ArrayBuffer> {
  const pairs: [string, string][] = [[LINKAGE, `{${normalizeGuid(parent.identifier)}}`]];
  if (parent.absolutePath !== undefined) pairs.push(["absolute_win32_path", parent.absolutePath]);
  if (parent.relativePath !== undefined) pairs.push(["relative_path", parent.relativePath]);
  pairs.push([SECOND_LINKAGE, `{${NIL_GUID}}`]);
  return encodePairs(path, pairs);
}

/**
 * The bytes of a locator with other linkages; everything else in it stays.
 *
 * @param bytes The item, checked.
 */
export function withLinkage(
  source: ByteSource,
  bytes: Uint8Array,
  linkage: string,
  second: string,
): Uint8Array<ArrayBuffer> {
  const texts = new Map<string, string>();
  for (const [key, { text }] of readEntries(source, bytes, 0)) texts.set(key, text);
  texts.set(LINKAGE, `{${linkage}}`);
  texts.set(SECOND_LINKAGE, `{${second}}`);
  return encodePairs(source.path, [...texts]);
}

function encodePairs(
  path: string,
  pairs: readonly (readonly [string, string])[],
): Uint8Array<ArrayBuffer> {
  const strings = pairs.map(([key, value]) => ({
    key: encodeUtf16(key),
    value: encodeUtf16(value),
  }));
  const tableEnd = FIRST_ENTRY + strings.length * ENTRY_LENGTH;
  const length = strings.reduce((sum, { key, value }) => sum + key.length + value.length, tableEnd);
  const bytes = new Uint8Array(length);
  const view = viewOf(bytes);
  writeGuid(bytes, 0, VHDX_LOCATOR_TYPE);
  view.setUint16(KEY_VALUE_COUNT, strings.length, true);
  let position = tableEnd;
  const put = (entry: number, part: typeof KEY, text: Uint8Array) => {
    if (text.length > MAX_STRING_LENGTH) {
      throw new ImageError("ERROR_FILENAME_EXCED_RANGE", {
        path,
        reason: "the path of the parent is too long to be stored in the child",
      });
    }
    view.setUint32(entry + part.offset, position, true);
    view.setUint16(entry + part.length, text.length, true);
    bytes.set(text, position);
    position += text.length;
  };
  for (const [i, { key, value }] of strings.entries()) {
    const entry = FIRST_ENTRY + i * ENTRY_LENGTH;
    put(entry, KEY, key);
    put(entry, VALUE, value);
  }
  return bytes;
}
