/**
 * New VHD images, described as Windows 10 describes its own. The footer comes after all that it leads to
 * is durable: a crash leaves a whole image or none.
 *
 * @module
 */
import { NIL_GUID } from "../../bytes/guid.ts";
import { encodeUtf16 } from "../../bytes/utf16.ts";
import { viewOf, type WritableSource } from "../file/byte_source.ts";
import { ImageError } from "../file/image_error.ts";
import type { ImageSpec, ParentSpec } from "../image/image.ts";
import {
  allBlocks,
  type BlockSet,
  type ImageLayout,
  type ImagePart,
  NO_BLOCKS,
  smallPart,
  writeParts,
} from "../image/layout.ts";
import { TABLE_ENTRY_SIZE, UNALLOCATED } from "./block_table.ts";
import {
  DISK_TYPE,
  encodeFooter,
  FILE_FORMAT_VERSION,
  FOOTER_SIZE,
  VHD_EPOCH,
  WINDOWS,
} from "./footer.ts";
import {
  alignedPlace,
  bitmapSize,
  blockCount,
  geometryOf,
  roundUp,
  SECTOR_SIZE,
} from "./layout.ts";
import { parentUnicodeName } from "./parent_link.ts";
import {
  encodeSparseHeader,
  LOCATOR_COUNT,
  type LocatorEntry,
  PLATFORM_CODE,
  SPARSE_HEADER_SIZE,
  SPARSE_HEADER_VERSION,
  UNUSED_LOCATOR,
} from "./sparse_header.ts";

/** Bit 1 is reserved and always set. */
const FEATURES = 0x2;
/** The data of all blocks lie at multiples of it. */
const DATA_ALIGNMENT = 4096;
/** A table is written in pieces of so many entries: 1 MiB. */
const PIECE_ENTRIES = 2 ** 20 / TABLE_ENTRY_SIZE;
/** In the bitmap of a block without a parent beneath, a set bit does no harm: its sector holds zeros. */
const ALL_SECTORS = 0xff;

/**
 * Writes a new, empty image into a new, empty file. The file takes no more space than the metadata.
 *
 * @throws {ImageError} What the file system says, or `ERROR_INVALID_PARAMETER` for a differencing image
 * without a parent.
 */
export function createVhd(file: WritableSource, spec: ImageSpec): void {
  if (spec.subtype === "differencing" && spec.parent === undefined) {
    const reason = "a differencing image needs a parent";
    throw new ImageError("ERROR_INVALID_PARAMETER", { path: file.path, reason });
  }
  const layout = vhdLayout(spec);
  writeParts(file, layout, layout.isFull ? allBlocks(1) : NO_BLOCKS);
}

/** A new image and where its structures go. */
export function vhdLayout(spec: ImageSpec): ImageLayout {
  return spec.subtype === "fixed" ? fixedLayout(spec) : sparseLayout(spec);
}

function fixedLayout(spec: ImageSpec): ImageLayout {
  const { virtualSize } = spec;
  return {
    virtualSize,
    blockSize: virtualSize,
    isFull: true,
    blocksOffset: 0,
    blockStride: virtualSize,
    blockPrefix: new Uint8Array(0),
    stages: 2,
    byteLength: () => virtualSize + FOOTER_SIZE,
    parts: () => [smallPart(virtualSize, 1, newFooter(spec, undefined))],
  };
}

function sparseLayout(spec: ImageSpec): ImageLayout {
  const places = newImageLayout(spec);
  // Where the first block goes, the footer stands until then.
  const blocksOffset = places.footerOffset;
  const stride = blockStride(spec, blocksOffset);
  const footerOffset = (blocks: number) => blocksOffset + blocks * stride;
  return {
    virtualSize: spec.virtualSize,
    blockSize: spec.blockSize,
    isFull: false,
    blocksOffset,
    blockStride: stride,
    blockPrefix: new Uint8Array(bitmapSize(spec.blockSize)).fill(ALL_SECTORS),
    stages: 3,
    byteLength: (blocks) => footerOffset(blocks) + FOOTER_SIZE,
    parts: (blocks) => {
      const footer = newFooter(spec, places.headerOffset);
      const table: ImagePart = {
        offset: places.tableOffset,
        length: places.tableSize,
        stage: 0,
        bytes: () => encodeTable(blocks, places.tableSize, blocksOffset, stride),
      };
      return [
        // The last thing written: some readers look at nothing else.
        smallPart(0, 2, footer),
        smallPart(places.headerOffset, 0, newHeader(spec, places)),
        ...[table, ...locatorParts(places)].sort((a, b) => a.offset - b.offset),
        smallPart(footerOffset(blocks.count), 1, footer),
      ];
    },
  };
}

/**
 * Bytes from one block to the next. The largest disk of small blocks has no room to align their data,
 * for an entry of the table counts sectors in 32 bits.
 */
function blockStride({ virtualSize, blockSize }: ImageSpec, blocksOffset: number): number {
  const footprint = bitmapSize(blockSize) + blockSize;
  const aligned = roundUp(footprint, DATA_ALIGNMENT);
  const end = blocksOffset + blockCount(virtualSize, blockSize) * aligned;
  return end < UNALLOCATED * SECTOR_SIZE ? aligned : footprint;
}

function locatorParts({ locators }: NewImageLayout): ImagePart[] {
  return locators.map(({ entry, data }) => smallPart(entry.dataOffset, 0, data));
}

function newFooter(spec: ImageSpec, dataOffset: number | undefined): Uint8Array<ArrayBuffer> {
  return encodeFooter({
    features: FEATURES,
    fileFormatVersion: FILE_FORMAT_VERSION,
    dataOffset,
    timeStamp: Math.floor((Date.now() - VHD_EPOCH) / 1000) >>> 0,
    ...WINDOWS,
    originalSize: spec.virtualSize,
    currentSize: spec.virtualSize,
    geometry: geometryOf(spec.virtualSize),
    diskType: DISK_TYPE[spec.subtype],
    uniqueId: spec.identifier,
    savedState: false,
  });
}

function newHeader(spec: ImageSpec, layout: NewImageLayout): Uint8Array<ArrayBuffer> {
  const entries = layout.locators.map(({ entry }) => entry);
  const unused = new Array(LOCATOR_COUNT - entries.length).fill(UNUSED_LOCATOR);
  return encodeSparseHeader({
    tableOffset: layout.tableOffset,
    headerVersion: SPARSE_HEADER_VERSION,
    maxTableEntries: layout.maxTableEntries,
    blockSize: spec.blockSize,
    parentUniqueId: spec.parent?.identifier ?? NIL_GUID,
    parentTimeStamp: 0,
    parentUnicodeName: spec.parent === undefined ? "" : parentUnicodeName(spec.parent),
    locators: [...entries, ...unused],
  });
}

/** The padding behind the last entry looks like absent blocks too. */
function* encodeTable(
  blocks: BlockSet,
  tableSize: number,
  blocksOffset: number,
  stride: number,
): Generator<Uint8Array<ArrayBuffer>> {
  const count = tableSize / TABLE_ENTRY_SIZE;
  let place = 0;
  for (let start = 0; start < count; start += PIECE_ENTRIES) {
    const end = Math.min(count, start + PIECE_ENTRIES);
    const piece = new Uint8Array((end - start) * TABLE_ENTRY_SIZE);
    const view = viewOf(piece);
    for (let block = start; block < end; block++) {
      const entry = blocks.count > 0 && blocks.has(block)
        ? (blocksOffset + place++ * stride) / SECTOR_SIZE
        : UNALLOCATED;
      view.setUint32((block - start) * TABLE_ENTRY_SIZE, entry, false);
    }
    yield piece;
  }
}

// Where the structures of a new dynamic or differencing image go: as Windows 10 places them, so that the
// data of its blocks lie at multiples of 4096.

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
