/**
 * Where the structures of a new dynamic or differencing image go: as Windows 10 places them, so that the
 * data of its blocks lie at multiples of 4096.
 *
 * @module
 */
import { encodeUtf16 } from "../../bytes/utf16.ts";
import type { ImageSpec, ParentSpec } from "../image_spec.ts";
import { TABLE_ENTRY_SIZE } from "./block_allocation_table.ts";
import { alignedPlace, blockCount } from "./block_layout.ts";
import { FOOTER_SIZE } from "./footer.ts";
import { type LocatorEntry, PLATFORM_CODE } from "./parent_locator.ts";
import { roundUp, SECTOR_SIZE } from "./sector.ts";
import { SPARSE_HEADER_SIZE } from "./sparse_header.ts";

const PAGE = 4096;
/** Room that Windows 10 leaves for the absolute path, and for the relative one. */
const ABSOLUTE_PATH_SPACE = 0x1000;
const RELATIVE_PATH_SPACE = 0x10000;

/** The parent's path in one notation, and where it goes. */
export interface PlacedLocator {
  readonly entry: LocatorEntry;
  readonly data: Uint8Array<ArrayBuffer>;
}

/** Offsets in the file. */
export interface NewImageLayout {
  readonly headerOffset: number;
  readonly tableOffset: number;
  /** Bytes with the padding, which looks like absent blocks too. */
  readonly tableSize: number;
  readonly maxTableEntries: number;
  readonly locators: readonly PlacedLocator[];
  /** The trailing footer: the first block may take its place, and its data will be aligned. */
  readonly footerOffset: number;
}

/** The layout of a new image. */
export function newImageLayout(spec: ImageSpec): NewImageLayout {
  const maxTableEntries = blockCount(spec.virtualSize, spec.blockSize);
  const entriesSize = maxTableEntries * TABLE_ENTRY_SIZE;
  const tableSize = roundUp(entriesSize, spec.parent === undefined ? SECTOR_SIZE : PAGE);
  const headEnd = FOOTER_SIZE + SPARSE_HEADER_SIZE;
  const { tableOffset, locators, end } = spec.parent === undefined
    ? { tableOffset: headEnd, locators: [], end: headEnd + tableSize }
    : withLocators(spec.parent, roundUp(headEnd, PAGE), tableSize);
  return {
    headerOffset: FOOTER_SIZE,
    tableOffset,
    tableSize,
    maxTableEntries,
    locators,
    footerOffset: alignedPlace(end, spec.blockSize),
  };
}

/** The absolute path, the table, then the relative path. */
function withLocators(
  { absolutePath, relativePath }: ParentSpec,
  start: number,
  tableSize: number,
) {
  const absolute = placed(PLATFORM_CODE.w2ku, absolutePath, start, ABSOLUTE_PATH_SPACE);
  const tableOffset = start + absolute.space;
  const relativeStart = tableOffset + tableSize;
  const relative = placed(PLATFORM_CODE.w2ru, relativePath, relativeStart, RELATIVE_PATH_SPACE);
  return {
    tableOffset,
    locators: [...absolute.locators, ...relative.locators],
    end: relativeStart + relative.space,
  };
}

/** The room is left even where there is no path, so that one can be set later. */
function placed(
  platformCode: number,
  path: string | undefined,
  dataOffset: number,
  leastSpace: number,
): { locators: PlacedLocator[]; space: number } {
  if (path === undefined) return { locators: [], space: leastSpace };
  const data = encodeUtf16(path, true);
  const space = roundUp(Math.max(data.length, leastSpace), PAGE);
  const entry = { platformCode, dataSpace: space, dataLength: data.length, dataOffset };
  return { locators: [{ entry, data }], space };
}
