/**
 * What a differencing VHD says of its parent: its unique id, and every path under which it may be.
 *
 * @module
 */
import { NIL_GUID } from "../../bytes/guid.ts";
import { type ByteSource, readStructure } from "../byte_source.ts";
import type { ParentLink, ParentLocator } from "../image.ts";
import { damaged, type ImageError } from "../image_error.ts";
import { LOCATOR_FIELD, type LocatorEntry, PLATFORM_CODE } from "./parent_locator.ts";
import {
  fileNameOf,
  NOTATIONS,
  parentLocator,
  pathFault,
  withoutTerminator,
} from "./parent_path.ts";
import { overlapping, type Region } from "./regions.ts";
import { SECTOR_SIZE } from "./sector.ts";
import { locatorOffset, SPARSE_HEADER_FIELD, type SparseHeader } from "./sparse_header.ts";

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
      throw entryFault(source, placed, slot, "platformDataLength", dataLength, expected);
    }
    const unit = notationOf(entry)?.bytesPerUnit ?? 1;
    if (dataLength % unit !== 0) {
      const expected = "an even length of UTF-16 text";
      throw entryFault(source, placed, slot, "platformDataLength", dataLength, expected);
    }
    if (dataOffset + dataLength > source.size) {
      const expected = `${dataLength} bytes within the ${source.size} of the file`;
      throw entryFault(source, placed, slot, "platformDataOffset", dataOffset, expected);
    }
    const other = overlapping(metadata, dataOffset, dataLength);
    if (other !== undefined) {
      const expected = `an offset clear of the ${other.name}`;
      throw entryFault(source, placed, slot, "platformDataOffset", dataOffset, expected);
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
    const offset = placed.offset + SPARSE_HEADER_FIELD.parentUniqueId;
    throw damaged(source, CODE, "sparse header", offset, NIL_GUID, "the unique id of a parent");
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
    const offset = placed.offset + SPARSE_HEADER_FIELD.parentUnicodeName;
    throw damaged(source, CODE, "sparse header", offset, path, fault);
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
  field: keyof typeof LOCATOR_FIELD,
  found: unknown,
  expected: string,
): ImageError {
  const offset = placed.offset + locatorOffset(slot) + LOCATOR_FIELD[field];
  return damaged(source, CODE, "parent locator", offset, found, expected);
}
