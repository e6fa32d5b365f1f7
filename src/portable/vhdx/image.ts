/**
 * A VHDX image ([MS-VHDX]), read: header, log, regions, metadata, blocks.
 *
 * @module
 */
import type { ProviderSubtype } from "../../disk/information.ts";
import type { ByteSource } from "../file/byte_source.ts";
import type { DiskImage, ImageExtent, ImageMetadata, ParentLink } from "../image/image.ts";
import { type BlockAllocationTable, PAYLOAD } from "./block_table.ts";
import { hasFileIdentifier } from "./file_map.ts";
import { MetadataReader } from "./metadata.ts";
import type { SectorBitmaps } from "./sector_bitmaps.ts";
import {
  type BlockTables,
  type ImageStructures,
  readMarkedStructures,
  readStructures,
  subtypeOf,
  tablesOf,
  type VhdxStructures,
} from "./structures.ts";

/** How many entries of the block allocation table one extent may be put together from. */
const MAX_MERGED_BLOCKS = 4096;

/**
 * Reads what an image says of itself. A log that was left behind is replayed in memory; the file is
 * not written to.
 *
 * @throws {ImageError} `ERROR_VHD_FORMAT_UNKNOWN` where it is no VHDX file,
 * `ERROR_VHD_FORMAT_UNSUPPORTED_VERSION`, `ERROR_VHD_INVALID_BLOCK_SIZE`, `ERROR_VHD_INVALID_SIZE`, and
 * `ERROR_FILE_CORRUPT` for every other broken rule.
 */
export function openVhdx(source: ByteSource): DiskImage {
  return imageOf(readStructures(source));
}

/** As {@linkcode openVhdx}, if the file begins as a VHDX does; otherwise `undefined`. */
export function openMarkedVhdx(source: ByteSource): DiskImage | undefined {
  return hasFileIdentifier(source) ? imageOf(readMarkedStructures(source)) : undefined;
}

function imageOf(structures: VhdxStructures): VhdxImage {
  return new VhdxImage(structures, tablesOf(structures));
}

/** An image that is only read. */
export class VhdxImage implements DiskImage {
  readonly format = "vhdx";
  readonly subtype: ProviderSubtype;
  readonly source: ByteSource;
  readonly virtualSize: number;
  readonly blockSize: number;
  readonly logicalSectorSize: number;
  readonly physicalSectorSize: number;
  readonly identifier: string;
  readonly virtualDiskId: string;
  readonly parent: ParentLink | undefined;
  readonly hasDirtyLog: boolean;
  readonly metadata: Pick<ImageMetadata, "keys" | "get" | "copyable">;
  readonly #structures: ImageStructures;
  readonly #tables: BlockTables;
  readonly #table: BlockAllocationTable;
  readonly #bitmaps: SectorBitmaps;
  readonly #isGlimpse: boolean;

  constructor(structures: ImageStructures, tables: BlockTables, isGlimpse = false) {
    this.#structures = structures;
    this.#tables = tables;
    this.#isGlimpse = isGlimpse;
    const { source, header, regions, metadata, replayed } = structures;
    this.source = source;
    this.subtype = subtypeOf(metadata);
    this.virtualSize = metadata.virtualSize;
    this.blockSize = metadata.blockSize;
    this.logicalSectorSize = metadata.logicalSectorSize;
    this.physicalSectorSize = metadata.physicalSectorSize;
    this.identifier = header.dataWriteGuid;
    this.virtualDiskId = metadata.virtualDiskId;
    this.parent = metadata.parent;
    this.hasDirtyLog = replayed !== undefined;
    this.metadata = new MetadataReader(source, regions.metadata);
    this.#table = tables.table;
    this.#bitmaps = tables.bitmaps;
  }

  extent(offset: number, end: number): ImageExtent {
    const first = this.#pieceOfBlock(offset, end);
    let position = offset + first.length;
    if (position === end) return first;
    const limit = (Math.floor(offset / this.blockSize) + MAX_MERGED_BLOCKS) * this.blockSize;
    const last = Math.min(end, limit);
    const isAbsent = this.subtype === "differencing"
      ? first.kind === "parent"
      : first.kind === "zero" && first.reason === undefined;
    while (position < last) {
      // A piece that ends inside its block is followed by one of another kind.
      if (position % this.blockSize !== 0) break;
      const absentEnd = isAbsent
        ? this.#table.absentUntil(position / this.blockSize, Math.ceil(last / this.blockSize))
        : 0;
      if (absentEnd * this.blockSize > position) {
        position = Math.min(last, absentEnd * this.blockSize);
        continue;
      }
      // Its bitmap would have to be read: an extent looks into one bitmap at most.
      if (this.#table.payload(position / this.blockSize).state === PAYLOAD.PARTIALLY_PRESENT) break;
      const next = this.#pieceOfBlock(position, last);
      if (!continues(first, next, position)) break;
      position += next.length;
    }
    return { ...first, length: position - offset };
  }

  glimpse(): DiskImage {
    return new VhdxImage(this.#structures, this.#tables, true);
  }

  /** By format: blocks lie at multiples of 1 MiB. */
  is4kAligned(): boolean {
    return true;
  }

  /** The first piece of the range, not followed beyond the block that it begins in. */
  #pieceOfBlock(offset: number, end: number): ImageExtent {
    const block = Math.floor(offset / this.blockSize);
    const inBlock = offset - block * this.blockSize;
    const length = Math.min(end - offset, this.blockSize - inBlock);
    const { state, fileOffset, bitmap } = this.#isGlimpse
      ? this.#table.payloadToTell(block)
      : this.#table.payloadToRead(block);
    switch (state) {
      case PAYLOAD.FULLY_PRESENT:
        return { kind: "file", offset, length, fileOffset: fileOffset + inBlock };
      case PAYLOAD.PARTIALLY_PRESENT: {
        const run = this.#bitmaps.run(block, inBlock, length, bitmap);
        return run.present
          ? { kind: "file", offset, length: run.length, fileOffset: fileOffset + inBlock }
          : { kind: "parent", offset, length: run.length };
      }
      case PAYLOAD.NOT_PRESENT:
        return { kind: this.subtype === "differencing" ? "parent" : "zero", offset, length };
      // Undefined, zero and unmapped blocks read as zeros, whatever a parent holds.
      case PAYLOAD.ZERO:
        return { kind: "zero", offset, length, reason: "zero" };
      case PAYLOAD.UNMAPPED:
        return { kind: "zero", offset, length, reason: "trimmed" };
      default:
        return { kind: "zero", offset, length };
    }
  }
}

/** Whether `next`, at `position`, continues what `first` began. */
function continues(first: ImageExtent, next: ImageExtent, position: number): boolean {
  if (first.kind === "file") {
    return next.kind === "file" &&
      next.fileOffset === first.fileOffset + (position - first.offset);
  }
  if (first.kind === "zero") return next.kind === "zero" && next.reason === first.reason;
  return next.kind === first.kind;
}
