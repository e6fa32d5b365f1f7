/**
 * The parent locator item ([MS-VHDX] 2.6.2.6): a list of keys and values that says which file the
 * parent is, and where it may be. Offsets are from the start of the item; keys and values are UTF-16LE without terminator.
 *
 * @module
 */
import { guid, u16, u32 } from "../../bytes/codec.ts";
import { isGuid, NIL_GUID, normalizeGuid } from "../../bytes/guid.ts";
import { layout, reserved } from "../../bytes/layout.ts";
import { decodeUtf16, encodeUtf16 } from "../../bytes/utf16.ts";
import type { ByteSource } from "../file/byte_source.ts";
import type { ParentLink, ParentLocator, ParentSpec } from "../image/image.ts";
import { damaged, ImageError } from "../file/image_error.ts";

/** The only locator type there is: the parent is a VHDX file. */
const VHDX_LOCATOR_TYPE = "b04aefb7-d19e-4a81-b789-25b8e9445913";
/** What the item begins with; its entries follow. */
export const LOCATOR_HEADER = layout("parent locator", { size: 20, endian: "little" }, {
  type: [0, guid],
  reserved: [16, reserved(2)],
  count: [18, u16],
});
const LOCATOR_ENTRY = layout("parent locator", { size: 12, endian: "little" }, {
  keyOffset: [0, u32],
  valueOffset: [4, u32],
  keyLength: [8, u16],
  valueLength: [10, u16],
});
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
  if (!LOCATOR_HEADER.fits(bytes)) {
    throw wrong(0, `${bytes.length} bytes`, `at least ${LOCATOR_HEADER.size}`);
  }
  const { type, count } = LOCATOR_HEADER.unpack(bytes);
  if (type !== VHDX_LOCATOR_TYPE) throw wrong(0, `type ${type}`, `type ${VHDX_LOCATOR_TYPE}`);
  const tableEnd = entryOffset(count);
  if (count > MAX_ENTRIES || tableEnd > bytes.length) {
    throw wrong(
      LOCATOR_HEADER.at.count,
      `${count} entries`,
      `at most ${MAX_ENTRIES}, within ${bytes.length} bytes`,
    );
  }
  const text = (entry: number, part: "key" | "value"): LocatedText => {
    const offset = LOCATOR_ENTRY.get(bytes, `${part}Offset`, entry);
    const length = LOCATOR_ENTRY.get(bytes, `${part}Length`, entry);
    if (length === 0 || length % 2 !== 0) {
      throw wrong(entry + LOCATOR_ENTRY.at[`${part}Length`], length, "an even length, more than 0");
    }
    if (offset % 2 !== 0 || offset < tableEnd || offset + length > bytes.length) {
      throw wrong(
        entry + LOCATOR_ENTRY.at[`${part}Offset`],
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
    const entry = entryOffset(i);
    const key = text(entry, "key").text;
    if (entries.has(key)) throw wrong(entry, `key ${key} again`, "it once");
    entries.set(key, text(entry, "value"));
  }
  return entries;
}

function entryOffset(index: number): number {
  return LOCATOR_HEADER.size + index * LOCATOR_ENTRY.size;
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
    itemOffset + LOCATOR_HEADER.at.count,
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
 * @throws {ImageError} `ERROR_VHD_METADATA_FULL` where it has no room for an entry that it lacks.
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
  if (texts.size > MAX_ENTRIES) {
    throw new ImageError("ERROR_VHD_METADATA_FULL", {
      path: source.path,
      reason: `a parent locator of ${MAX_ENTRIES} entries has no room for ${SECOND_LINKAGE}`,
    });
  }
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
  const tableEnd = entryOffset(strings.length);
  const length = strings.reduce((sum, { key, value }) => sum + key.length + value.length, tableEnd);
  const bytes = new Uint8Array(length);
  bytes.set(LOCATOR_HEADER.pack({ type: VHDX_LOCATOR_TYPE, count: strings.length }));
  let position = tableEnd;
  const put = (text: Uint8Array): number => {
    if (text.length > MAX_STRING_LENGTH) {
      throw new ImageError("ERROR_FILENAME_EXCED_RANGE", {
        path,
        reason: "the path of the parent is too long to be stored in the child",
      });
    }
    bytes.set(text, position);
    position += text.length;
    return position - text.length;
  };
  for (const [i, { key, value }] of strings.entries()) {
    const entry = LOCATOR_ENTRY.pack({
      keyOffset: put(key),
      keyLength: key.length,
      valueOffset: put(value),
      valueLength: value.length,
    });
    bytes.set(entry, entryOffset(i));
  }
  return bytes;
}
