/**
 * Raw disk images: the bytes of the disk and nothing else. Nothing in a file tells that it is one, so
 * that only the caller's word makes it one.
 *
 * @module
 */
import type { ByteSource, WritableSource } from "../file/byte_source.ts";
import { ImageError } from "../file/image_error.ts";
import type { Checks, Format } from "../image/format.ts";
import type { DiskImage, ImageExtent, ImageSpec, WritableImage } from "../image/image.ts";
import type { ImageLayout } from "../image/layout.ts";

/** A raw image knows nothing of sectors; this is what nearly every disk has. */
const RAW_SECTOR_SIZE = 512;

/** A raw disk image. Which of its bytes are holes of the file cannot be asked portably. */
export class RawImage implements DiskImage {
  readonly format = "raw";
  readonly subtype = "unknown";
  readonly source: ByteSource;
  readonly blockSize = 0;
  readonly logicalSectorSize: number;
  readonly physicalSectorSize: number;
  readonly identifier = undefined;
  readonly virtualDiskId = undefined;
  readonly parent = undefined;

  /** Made by {@linkcode openRaw}. */
  constructor(source: ByteSource) {
    this.source = source;
    // A file that is no whole number of sectors is a disk of single bytes.
    const isWhole = source.size % RAW_SECTOR_SIZE === 0;
    this.logicalSectorSize = isWhole ? RAW_SECTOR_SIZE : 1;
    this.physicalSectorSize = this.logicalSectorSize;
  }

  get virtualSize(): number {
    return this.source.size;
  }

  extent(offset: number, end: number): ImageExtent {
    return { kind: "file", offset, length: end - offset, fileOffset: offset };
  }

  is4kAligned(): boolean {
    return true;
  }
}

/**
 * Takes a file for a raw disk.
 *
 * @throws {ImageError} `ERROR_FILE_CORRUPT` where the file is empty.
 */
export function openRaw(source: ByteSource): RawImage {
  if (source.size > 0) return new RawImage(source);
  throw new ImageError("ERROR_FILE_CORRUPT", {
    path: source.path,
    reason: "the file is empty: a disk holds at least a byte",
  });
}

/** A new image, which has no structures at all. */
export function rawLayout({ virtualSize }: ImageSpec): ImageLayout {
  return {
    virtualSize,
    blockSize: virtualSize,
    isFull: true,
    blocksOffset: 0,
    blockStride: virtualSize,
    blockPrefix: new Uint8Array(0),
    stages: 1,
    byteLength: () => virtualSize,
    parts: () => [],
  };
}

// Raw disk images, written: the file is the disk, so there is no order to keep.

class WritableRawImage extends RawImage implements WritableImage {
  override readonly source: WritableSource;

  constructor(source: WritableSource) {
    super(source);
    this.source = source;
  }

  write(bytes: Uint8Array, offset: number): void {
    // A raw disk may end inside its last sector, and does not grow.
    this.source.writeAt(bytes.subarray(0, this.virtualSize - offset), offset);
  }

  /** Nothing can be given back of a plain file, portably. */
  trim(): void {}

  /** As {@linkcode trim}. */
  zeroBlocks(): void {}

  flush(): void {
    this.source.flush();
  }

  finish(): void {
    this.source.flush();
  }
}

/**
 * Takes a file for a raw disk that can be written.
 *
 * @throws {ImageError} `ERROR_FILE_CORRUPT` where the file is empty.
 */
export function openWritableRaw(source: WritableSource): WritableImage {
  openRaw(source);
  return new WritableRawImage(source);
}

const CHECKS: Checks = {
  check(file, findings) {
    findings.attempt(() => openRaw(file));
    return undefined;
  },
};

const MAXIMUM_SIZE = Number.MAX_SAFE_INTEGER;

/** Raw disk images: nothing in a file tells that it is one, only the caller's word. */
export const RAW: Format = {
  name: "raw",
  title: "a raw disk",
  // Of new files alone: one that exists is never taken for a raw disk by its name.
  extensions: [],
  unmarked: "ERROR_FILE_CORRUPT",
  cutOff: "ERROR_FILE_CORRUPT",
  matches: () => false,
  open: openRaw,
  openForWriting: openWritableRaw,
  origin: () => ({}),
  // A raw image has nothing but its bytes: what cannot be stored cannot be chosen.
  newImages: {
    extensions: [".raw", ".img"],
    subtypes: ["fixed"],
    maximumSize: MAXIMUM_SIZE,
    sectorSizes: [],
    physicalSectorSizes: [],
    defaultPhysicalSectorSize: 512,
    blockSizes: [],
    defaultBlockSize: () => 0,
    fixedBlockSize: () => 0,
    identifier: "none",
    isDataFirst: () => true,
    layout: (spec) => Promise.resolve(rawLayout(spec)),
  },
  resizing: {
    maximumSize: MAXIMUM_SIZE,
    canShrink: true,
    run: (file, { virtualSize }) => {
      file.truncate(virtualSize);
      file.flush();
    },
  },
  checks: () => Promise.resolve(CHECKS),
  storesSize: false,
};
