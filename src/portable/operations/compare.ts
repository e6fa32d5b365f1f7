/**
 * Where two disks differ, by their contents, whatever the formats of their images.
 *
 * @module
 */
import { isEqual } from "../../bytes/equal.ts";
import type { HostSource } from "../../disk/disk_source.ts";
import type { ImageType } from "../../disk/open_options.ts";
import type { OperationOptions } from "../../disk/progress.ts";
import { type ImageChain, openSourceToRead, type SourceToRead } from "../chain/chain.ts";
import { whenFetched } from "../file/fetched_file.ts";
import { ImageError, inLongOperation, inOperation } from "../file/image_error.ts";
import { sourceIdentity } from "../file/image_file.ts";
import { type ChainExtent, chainExtent, readChain } from "../image/extents.ts";
import type { DiskImage } from "../image/image.ts";
import { Pace } from "../image/pace.ts";

/** Bytes that are read at once. */
const PIECE = 1 << 20;
/** A difference is told in whole sectors of the smallest size there is. */
const GRAIN = 512;
/** Zeros are passed over, but the event loop gets its turn. */
const MAX_STEP = 2 ** 40;

/**
 * A range in which two disks differ.
 *
 * @category Contents
 */
export interface DifferentRange {
  /** Where it begins, in bytes, a multiple of 512. */
  readonly offset: number;
  /**
   * Bytes: whole sectors of 512, but for the end of the disk. Each of them holds a difference; or, compared
   * strictly, something that only the larger disk has.
   */
  readonly length: number;
}

/**
 * The ranges in which two disks differ, in order, no two of them adjacent. Where both read the same bytes of
 * the same file, nothing is read.
 *
 * @param first A disk and its parents; those it has in common with the other may be the same.
 * @param options With `strict`, all that only the larger disk has is different; else what is not zero of it.
 * @throws {ImageError} What reading fails with.
 */
export async function* differences(
  first: readonly [DiskImage, ...DiskImage[]],
  second: readonly [DiskImage, ...DiskImage[]],
  options: OperationOptions & { readonly strict?: boolean },
): AsyncGenerator<DifferentRange> {
  const pace = new Pace(options);
  const sizes = [first[0].virtualSize, second[0].virtualSize];
  const size = Math.max(...sizes);
  const common = Math.min(...sizes);
  // A sector of which the smaller disk has but a part is one that only the larger disk has.
  const compared = options.strict && common < size ? common - common % GRAIN : size;
  let pending: DifferentRange | undefined;
  for await (const range of found(new DiskPair(first, second), compared, size, pace)) {
    if (pending !== undefined && pending.offset + pending.length === range.offset) {
      pending = { offset: pending.offset, length: pending.length + range.length };
      continue;
    }
    if (pending !== undefined) yield pending;
    pending = range;
  }
  if (pending !== undefined) yield pending;
  pace.end();
}

/** The ranges up to `compared`, of at most a piece; and the rest up to `size`, which differs anyhow. */
async function* found(
  pair: DiskPair,
  compared: number,
  size: number,
  pace: Pace,
): AsyncGenerator<DifferentRange> {
  for (let position = 0; position < compared;) {
    await pace.reach(position, size);
    const { length, mayDiffer } = await whenFetched(
      () => pair.step(position, compared),
      pace.signal,
    );
    if (mayDiffer) {
      pace.count(length);
      yield* await whenFetched(() => [...pair.compare(position, length)], pace.signal);
    }
    position += length;
  }
  if (compared < size) yield { offset: compared, length: size - compared };
}

/** Two disks, side by side. */
class DiskPair {
  readonly #disks: readonly [Disk, Disk];

  constructor(
    first: readonly [DiskImage, ...DiskImage[]],
    second: readonly [DiskImage, ...DiskImage[]],
  ) {
    this.#disks = [new Disk(first), new Disk(second)];
  }

  /** How far from `position` on both disks are alike in where their bytes are. */
  step(position: number, size: number): { length: number; mayDiffer: boolean } {
    const [first, second] = this.#disks;
    const end = Math.min(size, position + MAX_STEP);
    const one = first.extent(position, end);
    const other = second.extent(position, position + one.length);
    const left = size - position;
    // A smaller disk may end within a sector, at which the pieces do not.
    const whole = other.length >= left ? left : other.length - other.length % GRAIN;
    if (whole > 0 && isSame(first, one, second, other)) return { length: whole, mayDiffer: false };
    const length = Math.min(left, Math.max(whole, GRAIN), PIECE - position % PIECE);
    return { length, mayDiffer: true };
  }

  /** The ranges that differ, of at most a piece. */
  *compare(offset: number, length: number): Generator<DifferentRange> {
    const [one, other] = this.#disks.map((disk) => disk.read(offset, length)) as [
      Uint8Array,
      Uint8Array,
    ];
    if (isEqual(one, other)) return;
    let start: number | undefined;
    for (let at = 0; at < length; at += GRAIN) {
      const end = Math.min(length, at + GRAIN);
      const differs = !isEqual(one.subarray(at, end), other.subarray(at, end));
      if (differs) start ??= at;
      else if (start !== undefined) {
        yield { offset: offset + start, length: at - start };
        start = undefined;
      }
    }
    if (start !== undefined) yield { offset: offset + start, length: length - start };
  }
}

/** Whether two extents of the same range must hold the same. */
function isSame(first: Disk, one: ChainExtent, second: Disk, other: ChainExtent): boolean {
  if (one.kind === "zero") return other.kind === "zero";
  return one.kind === "file" && other.kind === "file" && one.fileOffset === other.fileOffset &&
    first.identityOf(one.depth) === second.identityOf(other.depth);
}

/** A disk that goes on with zeros behind its end. */
class Disk {
  readonly #images: readonly [DiskImage, ...DiskImage[]];
  readonly #identities: readonly string[];
  readonly #buffer = new Uint8Array(PIECE);

  constructor(images: readonly [DiskImage, ...DiskImage[]]) {
    this.#images = images;
    this.#identities = images.map(({ source }) => sourceIdentity(source));
  }

  /** The same for the same file. */
  identityOf(depth: number): string {
    return this.#identities[depth]!;
  }

  extent(offset: number, end: number): ChainExtent {
    const { virtualSize } = this.#images[0];
    if (offset >= virtualSize) return { kind: "zero", offset, length: end - offset };
    return chainExtent(this.#images, offset, Math.min(end, virtualSize));
  }

  /** Valid until the next call. */
  read(offset: number, length: number): Uint8Array {
    const bytes = this.#buffer.subarray(0, length);
    const present = Math.max(0, Math.min(length, this.#images[0].virtualSize - offset));
    readChain(this.#images, bytes.subarray(0, present), offset);
    return bytes.fill(0, present);
  }
}

/**
 * What the files are that are compared, and how.
 *
 * @category Contents
 */
export interface CompareOptions extends OperationOptions {
  /** The type of the first; by default it is found out. Only `"raw"` never is. */
  firstType?: Exclude<ImageType, "vhdset"> | "raw" | undefined;
  /** The type of the second, likewise. */
  secondType?: Exclude<ImageType, "vhdset"> | "raw" | undefined;
  /**
   * Counts all that only the larger disk has as different, be it zeros: disks of different sizes are never
   * alike then. What is stored where never matters: sectors that one file has and the other does not are
   * alike where they hold zeros, which `qemu-img compare -s` would not have.
   *
   * @default {false}
   */
  strict?: boolean | undefined;
}

/**
 * The ranges in which the disks of two images differ.
 *
 * @throws {VirtualDiskError} If one cannot be opened or read.
 */
export async function* compareFiles(
  first: SourceToRead,
  second: SourceToRead,
  options: OperationOptions,
): AsyncGenerator<DifferentRange> {
  options.signal?.throwIfAborted();
  using one = await openChain(first, options, "firstType");
  using other = await openChain(second, options, "secondType");
  yield* inDisks(differences(one.images, other.images, options));
}

/**
 * The ranges in which a child differs from its parent.
 *
 * @throws {VirtualDiskError} If it has none, or if they cannot be opened or read.
 */
export async function* changesOf(
  source: HostSource,
  options: OperationOptions,
): AsyncGenerator<DifferentRange> {
  options.signal?.throwIfAborted();
  using chain = await openChain({ source, format: undefined }, options);
  const [, parent, ...ancestors] = chain.images;
  if (parent === undefined) {
    inOperation("OpenVirtualDisk", () => {
      throw new ImageError("ERROR_VHD_INVALID_TYPE", {
        path: chain.image.source.path,
        reason: "the disk has no parent",
        causes: ["compareVirtualDisks() says where it differs from another disk."],
      });
    });
    return;
  }
  yield* inDisks(differences(chain.images, [parent, ...ancestors], options));
}

function openChain(
  source: SourceToRead,
  { signal }: OperationOptions,
  option?: string,
): Promise<ImageChain> {
  return inLongOperation("OpenVirtualDisk", () => openSourceToRead(source, option, signal));
}

/** What fails while the disks are read fails as a read does. */
async function* inDisks(ranges: AsyncIterable<DifferentRange>): AsyncGenerator<DifferentRange> {
  try {
    yield* ranges;
  } catch (error) {
    throw error instanceof ImageError ? error.toVirtualDiskError("ReadFile") : error;
  }
}
