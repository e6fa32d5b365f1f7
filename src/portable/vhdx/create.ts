/**
 * New VHDX images. Until the file type identifier is there, last of all, the file is no VHDX file: what a
 * crash leaves behind cannot be taken for an image.
 *
 * @module
 */
import { NIL_GUID } from "../../bytes/guid.ts";
import { u64 } from "../../bytes/codec.ts";
import { viewOf, type WritableSource } from "../file/byte_source.ts";
import type { CopyableItem, ImageSpec } from "../image/image.ts";
import {
  allBlocks,
  type BlockSet,
  type ImageLayout,
  type ImagePart,
  layoutBlockCount,
  NO_BLOCKS,
  smallPart,
  writeParts,
} from "../image/layout.ts";
import {
  BAT_ENTRY_LENGTH,
  batEntryCount,
  type BatGeometry,
  chunkRatio,
  PAYLOAD,
  payloadEntryIndex,
} from "./block_table.ts";
import {
  encodeFileIdentifier,
  FILE_IDENTIFIER_OFFSET,
  HEADER_OFFSETS,
  MIB,
  REGION_TABLE_OFFSETS,
} from "./file_map.ts";
import { encodeHeader, type Header } from "./header.ts";
import {
  encodeFileParameters,
  encodeSectorSize,
  encodeVirtualDiskId,
  encodeVirtualSize,
  FILE_PARAMETERS,
  LOGICAL_SECTOR_SIZE,
  PARENT_LOCATOR,
  PHYSICAL_SECTOR_SIZE,
  VIRTUAL_DISK_ID,
  VIRTUAL_DISK_SIZE,
} from "./metadata_items.ts";
import {
  assertItemsFit,
  encodeMetadataTable,
  METADATA_TABLE_LENGTH,
  type MetadataItem,
} from "./metadata_table.ts";
import { encodeParentLocator } from "./parent_locator.ts";
import { BAT_REGION, encodeRegionTable, METADATA_REGION } from "./region_table.ts";

/** The layout that Windows 10 gives a new file. */
const LOG_OFFSET = MIB;
const LOG_LENGTH = MIB;
const METADATA_OFFSET = 2 * MIB;
/** Says who made the file, to people who look at it. */
const CREATOR = "virtdisk 0.1";
/** Block tables are written in pieces: that of the largest fixed disk has 513 MiB. */
const BAT_PIECE_BLOCKS = 65536;

/** What leads to what: tables, headers, and last the mark of the format. */
const STAGE = { tables: 0, headers: 1, identifier: 2 } as const;

/**
 * Writes a new, empty image into a new, empty file.
 *
 * A fixed disk has all its blocks; they read as zeros because nothing was ever written there, and take
 * no space where the file system can do so.
 *
 * @throws {ImageError} What the file system says; `ERROR_FILENAME_EXCED_RANGE` for a parent whose path
 * cannot be stored.
 */
export function createVhdx(file: WritableSource, spec: ImageSpec): void {
  const layout = vhdxLayout(spec, file.path);
  writeParts(file, layout, layout.isFull ? allBlocks(layoutBlockCount(layout)) : NO_BLOCKS);
}

/**
 * A new image and where its structures go.
 *
 * @param path The file, for errors.
 * @throws {ImageError} `ERROR_FILENAME_EXCED_RANGE` for a parent whose path cannot be stored,
 * `ERROR_VHD_METADATA_FULL` for more metadata items than a file may have.
 */
export function vhdxLayout(spec: ImageSpec, path: string): ImageLayout {
  const geometry: BatGeometry = { ...spec, hasParent: spec.subtype === "differencing" };
  const batLength = Math.ceil(batEntryCount(geometry) * BAT_ENTRY_LENGTH / MIB) * MIB;
  const metadata = newMetadataRegion(path, spec);
  const metadataLength = Math.ceil((metadata.head.length + metadata.itemsLength) / MIB) * MIB;
  const batOffset = METADATA_OFFSET + metadataLength;
  const blocksOffset = batOffset + batLength;
  const regionTable = encodeRegionTable([
    { guid: BAT_REGION, offset: batOffset, length: batLength, required: true },
    { guid: METADATA_REGION, offset: METADATA_OFFSET, length: metadataLength, required: true },
  ]);
  return {
    virtualSize: spec.virtualSize,
    blockSize: spec.blockSize,
    isFull: spec.subtype === "fixed",
    blocksOffset,
    blockStride: spec.blockSize,
    blockPrefix: new Uint8Array(0),
    stages: 3,
    byteLength: (blocks) => blocksOffset + blocks * spec.blockSize,
    parts: (blocks) => [
      smallPart(FILE_IDENTIFIER_OFFSET, STAGE.identifier, encodeFileIdentifier(CREATOR)),
      ...headerParts(),
      ...REGION_TABLE_OFFSETS.map((offset) => smallPart(offset, STAGE.tables, regionTable)),
      smallPart(METADATA_OFFSET, STAGE.tables, metadata.head),
      itemsPart(metadata),
      // What is not written reads as zeros: an absent block (state 0).
      ...(blocks.count > 0 ? [tablePart(geometry, blocks, batOffset, blocksOffset)] : []),
    ],
  };
}

function headerParts(): ImagePart[] {
  const header: Header = {
    sequenceNumber: 1n,
    fileWriteGuid: crypto.randomUUID(),
    dataWriteGuid: crypto.randomUUID(),
    logGuid: NIL_GUID,
    logVersion: 0,
    version: 1,
    logLength: LOG_LENGTH,
    logOffset: LOG_OFFSET,
  };
  const [first, second] = HEADER_OFFSETS;
  const next = { ...header, sequenceNumber: header.sequenceNumber + 1n };
  return [
    smallPart(first, STAGE.headers, encodeHeader(header)),
    smallPart(second, STAGE.headers, encodeHeader(next)),
  ];
}

function itemsPart({ head, items, itemsLength }: NewMetadataRegion): ImagePart {
  return {
    offset: METADATA_OFFSET + head.length,
    length: itemsLength,
    stage: STAGE.tables,
    bytes: () => items.map((item) => item.read()),
  };
}

function tablePart(
  geometry: BatGeometry,
  blocks: BlockSet,
  batOffset: number,
  blocksOffset: number,
): ImagePart {
  return {
    offset: batOffset,
    length: batEntryCount(geometry) * BAT_ENTRY_LENGTH,
    stage: STAGE.tables,
    bytes: () => encodeTable(geometry, blocks, blocksOffset),
  };
}

/** Entries of sector bitmaps, which a disk without parent does not need, stay zero. */
function* encodeTable(
  geometry: BatGeometry,
  blocks: BlockSet,
  blocksOffset: number,
): Generator<Uint8Array<ArrayBuffer>> {
  const ratio = chunkRatio(geometry);
  const blockCount = Math.ceil(geometry.virtualSize / geometry.blockSize);
  let place = 0;
  let firstEntry = 0;
  for (let start = 0; start < blockCount; start += BAT_PIECE_BLOCKS) {
    const end = Math.min(blockCount, start + BAT_PIECE_BLOCKS);
    const endEntry = end === blockCount ? batEntryCount(geometry) : payloadEntryIndex(end, ratio);
    const piece = new Uint8Array((endEntry - firstEntry) * BAT_ENTRY_LENGTH);
    const view = viewOf(piece);
    for (let block = start; block < end; block++) {
      if (!blocks.has(block)) continue;
      // An offset is a multiple of 1 MiB, so the state fits into its low bits.
      u64.write(
        view,
        (payloadEntryIndex(block, ratio) - firstEntry) * BAT_ENTRY_LENGTH,
        blocksOffset + place * geometry.blockSize + PAYLOAD.FULLY_PRESENT,
        true,
      );
      place++;
    }
    firstEntry = endEntry;
    yield piece;
  }
}

// The metadata region of a new image: the table and the system items behind it, in the order and
// packing of Windows 10; and behind these, items that come from another file.

interface NewItem {
  readonly id: string;
  readonly bytes: Uint8Array;
  /** Describes the disk, as against its file. */
  readonly isVirtualDisk: boolean;
}

/** What the region of a new image begins with, without gaps; the rest is zeros. */
export interface NewMetadataRegion {
  /** The table and the format's own items. */
  readonly head: Uint8Array<ArrayBuffer>;
  /** What comes behind, in this order. */
  readonly items: readonly CopyableItem[];
  /** Bytes of `items`. */
  readonly itemsLength: number;
}

/**
 * The metadata region of a new image.
 *
 * @param path The file, for errors.
 * @throws {ImageError} `ERROR_FILENAME_EXCED_RANGE` where the parent's path cannot be stored,
 * `ERROR_VHD_METADATA_FULL` for more items than a file may have.
 */
export function newMetadataRegion(path: string, spec: ImageSpec): NewMetadataRegion {
  const { items = [] } = spec;
  const newItems = itemsOf(path, spec);
  const length = newItems.reduce((sum, { bytes }) => sum + bytes.length, METADATA_TABLE_LENGTH);
  const head = new Uint8Array(length);
  const table: MetadataItem[] = [];
  let offset = METADATA_TABLE_LENGTH;
  for (const { id, bytes, isVirtualDisk } of newItems) {
    table.push({
      id,
      offset,
      length: bytes.length,
      isUser: false,
      isVirtualDisk,
      isRequired: true,
    });
    head.set(bytes, offset);
    offset += bytes.length;
  }
  for (const item of items) {
    table.push({ ...item, offset: item.length === 0 ? 0 : offset });
    offset += item.length;
  }
  assertItemsFit(path, table);
  head.set(encodeMetadataTable(table));
  return { head, items, itemsLength: offset - length };
}

function itemsOf(path: string, spec: ImageSpec): NewItem[] {
  const { parent } = spec;
  const fileParameters = encodeFileParameters({
    blockSize: spec.blockSize,
    leaveBlocksAllocated: spec.subtype === "fixed",
    hasParent: parent !== undefined,
  });
  const items: NewItem[] = [
    { id: FILE_PARAMETERS.id, bytes: fileParameters, isVirtualDisk: false },
    {
      id: VIRTUAL_DISK_SIZE.id,
      bytes: encodeVirtualSize(spec.virtualSize),
      isVirtualDisk: true,
    },
    {
      id: LOGICAL_SECTOR_SIZE.id,
      bytes: encodeSectorSize(spec.logicalSectorSize),
      isVirtualDisk: true,
    },
    {
      id: PHYSICAL_SECTOR_SIZE.id,
      bytes: encodeSectorSize(spec.physicalSectorSize),
      isVirtualDisk: true,
    },
    {
      id: VIRTUAL_DISK_ID.id,
      bytes: encodeVirtualDiskId(spec.identifier),
      isVirtualDisk: true,
    },
  ];
  if (parent !== undefined) {
    items.push({
      id: PARENT_LOCATOR,
      bytes: encodeParentLocator(path, parent),
      isVirtualDisk: false,
    });
  }
  return items;
}
