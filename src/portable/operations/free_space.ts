/**
 * The free space of a disk: which file systems are on it, and which ranges they leave free. Whatever is not
 * certain is used, and so is what no partition holds.
 *
 * @module
 */
import type { FreeSpaceReport, PartitionSpace } from "../../disk/free_space.ts";
import { eachFetched, whenFetched } from "../file/fetched_file.ts";
import { ImageError } from "../file/image_error.ts";
import {
  type FileSystem,
  type FileSystemReader,
  Refusal,
  type Volume,
} from "../filesystems/file_system.ts";
import { foreignContents } from "../filesystems/foreign_signature.ts";
import { READERS } from "../filesystems/readers.ts";
import { type DiskRange, type FreeRanges, withoutFree } from "../image/free_ranges.ts";
import { type DiskImage, imageExtents } from "../image/image.ts";
import type { Pace } from "../image/pace.ts";
import { readPartitionTable } from "../partitions/partition_table.ts";
import {
  type Partition,
  type PartitionedDisk,
  partitionedDisk,
} from "../partitions/partitioned_disk.ts";

type Images = readonly [DiskImage, ...DiskImage[]];

/** A part of the disk whose file system was verified from its first to its last block. */
interface VerifiedVolume extends DiskRange {
  readonly reader: FileSystemReader;
}

/** Types of partitions whose contents are spread over several, or kept by another program, as MBR and GPT say. */
const SPREAD_TYPES: ReadonlyMap<string, string> = new Map([
  ["0x42", "a dynamic disk of Windows"],
  ["0x8e", "LVM"],
  ["0xfd", "Linux RAID"],
  ["af9b60a0-1431-4f62-bc68-3311714a69ad", "a dynamic disk of Windows"],
  ["5808c8aa-7e8f-42e0-85d2-e1e90434cfb3", "a dynamic disk of Windows"],
  ["e75caf8f-f680-4cee-afa3-b001e56efc2d", "Storage Spaces"],
  ["e6d6d379-f507-44c2-a23c-238f2a3df928", "LVM"],
  ["a19d880f-05fc-4d3b-a006-743f0f84911e", "Linux RAID"],
]);

/** The free space of a disk, as it was when somebody looked. */
export class FreeSpace {
  readonly report: FreeSpaceReport;
  readonly #images: Images;
  readonly #volumes: readonly VerifiedVolume[];

  private constructor(
    images: Images,
    partitions: readonly PartitionSpace[],
    volumes: readonly VerifiedVolume[],
  ) {
    const freeBytes = partitions.reduce((sum, { freeBytes = 0 }) => sum + freeBytes, 0);
    this.report = { freeBytes, partitions };
    this.#images = images;
    this.#volumes = volumes;
  }

  /**
   * Reads all that the file systems of a disk say of their allocation.
   *
   * @throws {ImageError} What reading fails with.
   */
  static async find(images: Images, pace: Pace): Promise<FreeSpace> {
    const disk = partitionedDisk(images);
    const partitions: PartitionSpace[] = [];
    const volumes: VerifiedVolume[] = [];
    const parts = await whenFetched(() => partsOf(disk), pace.signal);
    for (const { part, obstacle } of parts) {
      const place = {
        ...(part.number === 0 ? {} : { partition: part.number }),
        offset: part.offset,
        length: part.length,
      };
      const volume = volumeOf(disk, part);
      const found = await whenFetched(() => contentsOf(volume, obstacle), pace.signal);
      if (!("reader" in found)) {
        partitions.push({ ...place, ...found });
        continue;
      }
      const verified = await verify(found, volume, images, place, pace);
      partitions.push({ ...place, ...verified });
      if (verified.freeBytes !== undefined) volumes.push({ ...place, reader: found.reader });
    }
    return new FreeSpace(images, partitions, volumes);
  }

  /**
   * The free ranges in order, neighbours joined.
   *
   * @param from What ends before is left out.
   * @param images Through which the file systems are read: the disk as it was looked at.
   * @throws {ImageError} `ERROR_INVALID_STATE` if a file system is no longer what it was.
   */
  *ranges(from = 0, images: Images = this.#images): Generator<DiskRange> {
    const disk = partitionedDisk(images);
    let last: DiskRange | undefined;
    for (const { reader, ...volume } of this.#volumes) {
      if (volume.offset + volume.length <= from) continue;
      for (const batch of freeBatches(reader, volumeOf(disk, volume), images[0].source.path)) {
        for (const range of batch) {
          const offset = volume.offset + range.offset;
          if (offset + range.length <= from) continue;
          if (last !== undefined && last.offset + last.length === offset) {
            last = { offset: last.offset, length: last.length + range.length };
            continue;
          }
          if (last !== undefined) yield last;
          last = { offset, length: range.length };
        }
      }
    }
    if (last !== undefined) yield last;
  }

  /** The first of the images, without what is free, as read through all of them. */
  hideIn(images: Images): DiskImage {
    return withoutFree(images[0], new FreeRangeWindow((from) => this.ranges(from, images)));
  }
}

/**
 * The images, what their file systems say is free read as zeros.
 *
 * @throws {ImageError} As {@linkcode FreeSpace.find}.
 */
export async function withoutFreeSpace(images: Images, pace: Pace): Promise<Images> {
  const freeSpace = await FreeSpace.find(images, pace);
  return [freeSpace.hideIn(images), ...images.slice(1)];
}

/** How many ranges are kept that lie behind: whoever goes on may go back by a few MiB. */
const KEPT_RANGES = 16384;

/** The free ranges around the place that is looked at. */
class FreeRangeWindow implements FreeRanges {
  readonly #rangesFrom: (offset: number) => Iterator<DiskRange>;
  #source: Iterator<DiskRange>;
  #isOver = false;
  /** In order; the next ones of `#source` follow. */
  #ranges: DiskRange[] = [];
  /** From where on nothing is left out of them. */
  #start = 0;

  constructor(rangesFrom: (offset: number) => Iterator<DiskRange>) {
    this.#rangesFrom = rangesFrom;
    this.#source = rangesFrom(0);
  }

  following(offset: number): DiskRange | undefined {
    if (offset < this.#start) {
      this.#source = this.#rangesFrom(offset);
      this.#isOver = false;
      this.#ranges = [];
      this.#start = offset;
    }
    while (!this.#isOver && endOf(this.#ranges.at(-1)) <= offset) this.#advance();
    return this.#ranges[this.#firstEndingBehind(offset)];
  }

  #advance(): void {
    const { value, done } = this.#next();
    if (done) {
      this.#isOver = true;
      return;
    }
    if (this.#ranges.length >= 2 * KEPT_RANGES) {
      const dropped = this.#ranges.splice(0, KEPT_RANGES);
      this.#start = endOf(dropped.at(-1));
    }
    this.#ranges.push(value);
  }

  /** An iterator that lacked bytes is at its end; the ranges behind those that are known come from another. */
  #next(): IteratorResult<DiskRange> {
    try {
      return this.#source.next();
    } catch (error) {
      this.#source = this.#rangesFrom(Math.max(this.#start, endOf(this.#ranges.at(-1))));
      throw error;
    }
  }

  #firstEndingBehind(offset: number): number {
    let [low, high] = [0, this.#ranges.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (endOf(this.#ranges[middle]) <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function endOf(range: DiskRange | undefined): number {
  return range === undefined ? -1 : range.offset + range.length;
}

/** A partition, or with the number 0 the whole disk; and what is in the way of looking into it. */
interface Part {
  readonly part: Pick<Partition, "number" | "offset" | "length">;
  readonly obstacle?: { readonly fileSystem?: string; readonly reason: string };
}

/** In the order of the disk. */
function partsOf(disk: PartitionedDisk): Part[] {
  const whole = { number: 0, offset: 0, length: disk.size };
  const table = readPartitionTable(disk);
  if (table === undefined || table.partitions.length === 0) return [{ part: whole }];
  // What was there before a file system took the whole disk must not be taken for its partitions.
  const beside = nameOfContents(volumeOf(disk, whole));
  const reason = `the disk has a partition table, but begins as ${beside} does`;
  let end = 0;
  const partitions = table.partitions.toSorted((a, b) => a.offset - b.offset);
  const overlap = partitions.some(({ offset, length }) => {
    const overlaps = offset < end;
    end = Math.max(end, offset + length);
    return overlaps;
  });
  return partitions.map((part) => {
    if (beside !== undefined) return { part, obstacle: { reason } };
    if (overlap) return { part, obstacle: { reason: "partitions of the disk overlap" } };
    const spread = SPREAD_TYPES.get(part.type);
    if (spread === undefined) return { part };
    return { part, obstacle: { fileSystem: spread, reason: NOT_UNDERSTOOD } };
  });
}

const NOT_UNDERSTOOD = "it is not understood, and kept whole";

/** What seems to be in a volume, be it sound or not. */
function nameOfContents(volume: Volume): string | undefined {
  const foreign = foreignContents(volume);
  if (foreign !== undefined) return foreign;
  for (const reader of READERS) {
    const { fileSystem } = attempt(() => reader(volume)?.name);
    if (fileSystem !== undefined) return fileSystem;
  }
  return undefined;
}

type Contents =
  | { readonly reader: FileSystemReader; readonly fileSystem: FileSystem }
  | { readonly fileSystem?: string; readonly reason?: string };

/** What is in a volume: exactly one file system that may be read, or why there is none. */
function contentsOf(volume: Volume, obstacle: Part["obstacle"]): Contents {
  if (obstacle !== undefined) return obstacle;
  const foreign = foreignContents(volume);
  const found: { name: string; contents: Contents }[] = [];
  for (const reader of READERS) {
    try {
      const fileSystem = reader(volume);
      if (fileSystem === undefined) continue;
      found.push({ name: fileSystem.name, contents: { reader, fileSystem } });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const contents = { fileSystem: error.fileSystem, reason: error.reason };
      found.push({ name: error.fileSystem, contents });
    }
  }
  const names = [...found.map(({ name }) => name), ...(foreign === undefined ? [] : [foreign])];
  if (names.length > 1) return { reason: `it has the marks of ${names.join(" and of ")}` };
  if (foreign !== undefined) return { fileSystem: foreign, reason: NOT_UNDERSTOOD };
  return found[0]?.contents ?? {};
}

function attempt(name: () => string | undefined): { fileSystem?: string | undefined } {
  try {
    return { fileSystem: name() };
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
}

/** Goes through all that a file system says is free; only then any of it is believed. */
async function verify(
  { reader, fileSystem }: Extract<Contents, { reader: FileSystemReader }>,
  volume: Volume,
  images: Images,
  { offset: start }: DiskRange,
  pace: Pace,
): Promise<Pick<PartitionSpace, "fileSystem" | "blockSize" | "freeBytes" | "reason">> {
  const { virtualSize, blockSize: unit } = images[0];
  const blocks = new FreeBlocks(images[0]);
  let freeBytes = 0;
  try {
    // A file system that lacked bytes in between is read anew.
    let current: FileSystem | undefined = fileSystem;
    const create = () => {
      const iterator = (current ?? reader(volume) ?? fileSystem).freeRanges();
      current = undefined;
      return iterator[Symbol.iterator]();
    };
    for await (const batch of eachFetched(create, pace.signal)) {
      for (const { offset, length } of batch) {
        freeBytes += length;
        const added = whenFetched(() => blocks.add(start + offset, length), pace.signal);
        // There are millions of them, and mostly there is nothing to wait for.
        if (added instanceof Promise) await added;
      }
      await pace.reach(0, virtualSize);
    }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { fileSystem: error.fileSystem, reason: error.reason };
  }
  const { name, blockSize } = fileSystem;
  const reclaimable = unit === 0
    ? {}
    : { reclaimableBytes: await whenFetched(() => blocks.end(), pace.signal) };
  return { fileSystem: name, blockSize, freeBytes, ...reclaimable };
}

/** Counts the bytes of blocks that are stored for nothing but free ranges, which come in order. */
class FreeBlocks {
  readonly #image: DiskImage;
  #start = 0;
  #end = 0;
  #bytes = 0;

  constructor(image: DiskImage) {
    this.#image = image;
  }

  add(offset: number, length: number): void {
    if (offset !== this.#end) {
      this.#count();
      this.#start = offset;
    }
    this.#end = offset + length;
  }

  end(): number {
    this.#count();
    return this.#bytes;
  }

  #count(): void {
    const { blockSize, virtualSize } = this.#image;
    if (blockSize === 0) return;
    const first = Math.ceil(this.#start / blockSize) * blockSize;
    // The last block may be cut off by the end of the disk.
    const last = this.#end === virtualSize
      ? virtualSize
      : Math.floor(this.#end / blockSize) * blockSize;
    if (first >= last) return;
    // All of it or nothing: what lacks bytes is done again.
    let bytes = 0;
    for (const { kind, length } of imageExtents(this.#image, first, last)) {
      if (kind === "file") bytes += length;
    }
    this.#bytes += bytes;
  }
}

function* freeBatches(
  reader: FileSystemReader,
  volume: Volume,
  path: string,
): Generator<readonly DiskRange[]> {
  try {
    const fileSystem = reader(volume);
    if (fileSystem !== undefined) return yield* fileSystem.freeRanges();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    throw changed(path, error.message);
  }
  throw changed(path, "it is gone");
}

/** What was verified is read again when it is used, and must still be the same. */
function changed(path: string, what: string): ImageError {
  return new ImageError("ERROR_INVALID_STATE", {
    path,
    reason: `a file system has changed since its free space was found: ${what}`,
  });
}

function volumeOf(disk: PartitionedDisk, { offset: start, length: size }: DiskRange): Volume {
  return {
    size,
    sectorSize: disk.sectorSize,
    read(offset, length) {
      if (!(offset >= 0 && length >= 0 && offset + length <= size)) {
        throw new Error(`a reader asked for ${length} bytes at ${offset} of a volume of ${size}`);
      }
      return disk.read(start + offset, length);
    },
  };
}
