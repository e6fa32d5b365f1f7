/**
 * What a differencing VHD says of its parent: its unique id, and every path under which it may be.
 *
 * @module
 */
import { NIL_GUID } from "../../bytes/guid.ts";
import { decodeUtf16 } from "../../bytes/utf16.ts";
import { type ByteSource, readStructure } from "../file/byte_source.ts";
import { damaged, damagedField, type ImageError } from "../file/image_error.ts";
import type { ParentLink, ParentLocator, ParentSpec } from "../image/image.ts";
import { SECTOR_SIZE } from "./layout.ts";
import { overlapping, type Region } from "./regions.ts";
import {
  LOCATOR,
  type LocatorEntry,
  locatorOffset,
  PARENT_NAME_UNITS,
  PLATFORM_CODE,
  SPARSE_HEADER,
  type SparseHeader,
} from "./sparse_header.ts";

/** Bytes: longer than any path of Windows (32767 units). */
export const MAX_PATH_SIZE = 64 * 1024;
const CODE = "ERROR_VHD_SPARSE_HEADER_CORRUPT";

/** A sparse header and where it was found. */
export interface PlacedHeader {
  readonly header: SparseHeader;
  readonly offset: number;
}

/**
 * Where the paths of the parent are stored.
 *
 * @param metadata Where they cannot be.
 * @throws {ImageError} `ERROR_VHD_SPARSE_HEADER_CORRUPT`
 */
export function locatorRegions(
  source: ByteSource,
  placed: PlacedHeader,
  metadata: readonly Region[],
): Region[] {
  return usedLocators(placed.header).map(({ entry, slot }) => {
    const { dataLength, dataOffset } = entry;
    if (dataLength > MAX_PATH_SIZE) {
      const expected = `at most ${MAX_PATH_SIZE} bytes`;
      throw entryFault(source, placed, slot, "dataLength", dataLength, expected);
    }
    const unit = notationOf(entry)?.bytesPerUnit ?? 1;
    if (dataLength % unit !== 0) {
      const expected = "an even length of UTF-16 text";
      throw entryFault(source, placed, slot, "dataLength", dataLength, expected);
    }
    if (dataOffset + dataLength > source.size) {
      const expected = `${dataLength} bytes within the ${source.size} of the file`;
      throw entryFault(source, placed, slot, "dataOffset", dataOffset, expected);
    }
    const other = overlapping(metadata, dataOffset, dataLength);
    if (other !== undefined) {
      const expected = `an offset clear of the ${other.name}`;
      throw entryFault(source, placed, slot, "dataOffset", dataOffset, expected);
    }
    return { name: "parent locator data", offset: dataOffset, length: dataLength };
  });
}

/** Where nothing is to be placed: what is there, and the room that the paths may grow into. */
export function occupiedRegions(
  { header, metadata }: { readonly header: SparseHeader; readonly metadata: readonly Region[] },
): Region[] {
  return [...metadata, ...usedLocators(header).map(({ entry }) => roomOfLocator(entry))];
}

/** The room that a path may grow into. */
export function roomOfLocator(entry: LocatorEntry): Region {
  const length = Math.max(spaceOfLocator(entry), entry.dataLength);
  return { name: "room for parent locator data", offset: entry.dataOffset, length };
}

/** Bytes that an entry sets aside: said in sectors by the specification, in bytes by everyone. */
export function spaceOfLocator({ dataSpace }: LocatorEntry): number {
  return dataSpace < SECTOR_SIZE ? dataSpace * SECTOR_SIZE : dataSpace;
}

/**
 * What the header says of the parent.
 *
 * @param placed Its locators have been checked by {@linkcode locatorRegions}.
 * @throws {ImageError} `ERROR_VHD_SPARSE_HEADER_CORRUPT`
 */
export function readParentLink(source: ByteSource, placed: PlacedHeader): ParentLink {
  const { header } = placed;
  if (header.parentUniqueId === NIL_GUID) {
    const place = SPARSE_HEADER.place("parentUniqueId", placed.offset);
    throw damagedField(source, CODE, place, NIL_GUID, "the unique id of a parent");
  }
  const paths = NOTATIONS.flatMap(({ code }) =>
    usedLocators(header)
      .filter(({ entry }) => entry.platformCode === code)
      .map(({ entry }) => readPath(source, entry))
  ).filter((path) => path !== undefined);
  return {
    identifiers: [header.parentUniqueId],
    timestamp: header.parentTimeStamp,
    locators: distinct([
      ...paths.map(parentLocator),
      ...nameLocators(source, placed),
    ]),
  };
}

function readPath(source: ByteSource, entry: LocatorEntry): string | undefined {
  const structure = "parent locator data";
  const bytes = readStructure(
    source,
    entry.dataOffset,
    entry.dataLength,
    structure,
    "ERROR_VHD_METADATA_READ_FAILURE",
  );
  const text = notationOf(entry)?.decode(bytes);
  if (text === undefined) return undefined;
  const path = withoutTerminator(text);
  const fault = pathFault(path);
  if (fault !== undefined) {
    throw damaged(source, CODE, structure, entry.dataOffset, path, fault);
  }
  return path === "" ? undefined : path;
}

/** ParentUnicodeName: Windows 10 puts the whole path there, the specification a bare name. */
function nameLocators(source: ByteSource, placed: PlacedHeader): ParentLocator[] {
  const path = placed.header.parentUnicodeName;
  const fault = pathFault(path);
  if (fault !== undefined) {
    const place = SPARSE_HEADER.place("parentUnicodeName", placed.offset);
    throw damagedField(source, CODE, place, path, fault);
  }
  const whole = parentLocator(path);
  const name = fileNameOf(path);
  return [
    ...(whole.kind === "relative" ? [] : [whole]),
    ...(name === undefined ? [] : [{ kind: "name", path: name } as const]),
  ];
}

/** The locators that hold a path. */
export function usedLocators(header: SparseHeader): { entry: LocatorEntry; slot: number }[] {
  return header.locators
    .map((entry, slot) => ({ entry, slot }))
    .filter(({ entry }) => entry.platformCode !== PLATFORM_CODE.none && entry.dataLength > 0);
}

function notationOf(entry: LocatorEntry): (typeof NOTATIONS)[number] | undefined {
  return NOTATIONS.find(({ code }) => code === entry.platformCode);
}

function distinct(locators: readonly ParentLocator[]): ParentLocator[] {
  return locators.filter((each, i) =>
    locators.findIndex((other) => other.kind === each.kind && other.path === each.path) === i
  );
}

function entryFault(
  source: ByteSource,
  placed: PlacedHeader,
  slot: number,
  field: keyof typeof LOCATOR.at,
  found: unknown,
  expected: string,
): ImageError {
  const place = LOCATOR.place(field, placed.offset + locatorOffset(slot));
  return damagedField(source, CODE, place, found, expected);
}

const FILE_URL = "file://";
const ROOTED = /^(?:[a-z]:|[\\/])/i;
const VOLUME = /^\\\\\?\\Volume\{/i;
const DEVICE = /^[\\/]{2}(?:\.|\?[\\/]GLOBALROOT)(?:[\\/]|$)/i;

/** How the text of a locator is stored. */
interface Notation {
  readonly code: number;
  readonly bytesPerUnit: 1 | 2;
  /** The path; `undefined` where the bytes hold none. */
  decode(bytes: Uint8Array): string | undefined;
}

/**
 * The notations that can be read, in the order in which their paths are tried: relative ones first,
 * for a child and its parent are often moved together.
 */
export const NOTATIONS: readonly Notation[] = [
  { code: PLATFORM_CODE.w2ru, bytesPerUnit: 2, decode: (bytes) => decodeUtf16(bytes, true) },
  { code: PLATFORM_CODE.w2ku, bytesPerUnit: 2, decode: (bytes) => decodeUtf16(bytes, true) },
  { code: PLATFORM_CODE.wi2r, bytesPerUnit: 1, decode: decodeAnsi },
  { code: PLATFORM_CODE.wi2k, bytesPerUnit: 1, decode: decodeAnsi },
  { code: PLATFORM_CODE.macX, bytesPerUnit: 1, decode: decodeFileUrl },
  { code: PLATFORM_CODE.mac, bytesPerUnit: 1, decode: decodeFileUrl },
];

/** The path without the terminators that some writers count in. */
export function withoutTerminator(text: string): string {
  let end = text.length;
  while (text[end - 1] === "\0") end--;
  return text.slice(0, end);
}

/** What makes a path unfit to be opened at all; `undefined` where nothing does. */
export function pathFault(path: string): string | undefined {
  if (path.includes("\0")) return "a path without NUL";
  if (DEVICE.test(path)) return "the path of a file, not of a device";
  return undefined;
}

/** A path with what it is relative to. Its form decides, for some writers mix up the platform codes. */
export function parentLocator(path: string): ParentLocator {
  if (VOLUME.test(path)) return { kind: "volume", path };
  return { kind: ROOTED.test(path) ? "absolute" : "relative", path };
}

/** The last component of a path; `undefined` where it names no file. */
export function fileNameOf(path: string): string | undefined {
  const name = path.slice(path.search(/[^\\/:]*$/));
  return ["", ".", ".."].includes(name) ? undefined : name;
}

/**
 * What is stored as ParentUnicodeName: the whole path, as Windows 10 writes it, where there is one and it
 * fits; else the bare name.
 */
export function parentUnicodeName({ absolutePath, relativePath }: ParentSpec): string {
  const names = [absolutePath ?? "", fileNameOf(absolutePath ?? relativePath ?? "") ?? ""];
  return names.find((name) => name !== "" && name.length <= PARENT_NAME_UNITS) ?? "";
}

function decodeAnsi(bytes: Uint8Array): string {
  return new TextDecoder("windows-1252").decode(bytes);
}

/** `file:///a`, `file://localhost/a`, and `file://./a`, by which XenServer means a relative path. */
function decodeFileUrl(bytes: Uint8Array): string | undefined {
  const text = new TextDecoder().decode(bytes);
  if (!text.toLowerCase().startsWith(FILE_URL)) return undefined;
  const path = percentDecoded(text.slice(FILE_URL.length).replace(/^localhost(?=\/)/i, ""));
  return /^\.{0,2}\//.test(path) ? path : undefined;
}

/** Writers disagree on escaping: what is no escape stands for itself. */
function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
