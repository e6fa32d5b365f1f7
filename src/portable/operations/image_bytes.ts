/**
 * Any disk as the bytes of a new image, in the order of its file and without making that: its length is known before
 * its first byte.
 *
 * @module
 */
import { isAllZero } from "../../bytes/zeros.ts";
import { whenFetched } from "../file/fetched_file.ts";
import { chainExtents, readChain } from "../image/extents.ts";
import type { DiskImage } from "../image/image.ts";
import {
  allBlocks,
  BlockBitmap,
  type BlockSet,
  type ImageLayout,
  type ImagePart,
  layoutBlockCount,
} from "../image/layout.ts";
import type { Pace } from "../image/pace.ts";
import { MAX_PIECE } from "./write_image.ts";
import { dataWindows } from "./disk_contents.ts";

/**
 * Finds the blocks that hold something. Of a block that the chain has, only as much is read as it takes
 * to find a byte that is not zero; blocks that the chain does not have are not read at all.
 *
 * @param assertReadable Throws once the disk cannot be read any more.
 * @throws {ImageError} What reading fails with.
 */
export async function findBlocks(
  images: readonly DiskImage[],
  layout: ImageLayout,
  pace: Pace,
  assertReadable: () => void,
): Promise<BlockSet> {
  const count = layoutBlockCount(layout);
  if (layout.isFull) return allBlocks(count);
  const found = new BlockBitmap(count);
  const unit = Math.min(MAX_PIECE, layout.blockSize);
  const buffer = new Uint8Array(unit);
  for await (const { offset, length } of dataWindows(images, unit, pace)) {
    const block = Math.floor(offset / layout.blockSize);
    if (found.has(block)) continue;
    assertReadable();
    // What the tables say of all of it: a damaged one is found before the stream begins.
    await whenFetched(() => [...chainExtents(images, offset, offset + length)], pace.signal);
    let isZero = true;
    for (let done = 0; isZero && done < length;) {
      // Data mostly begin with data.
      const bytes = buffer.subarray(0, Math.min(done === 0 ? PROBE : unit, length - done));
      const start = offset + done;
      await whenFetched(() => readChain(images, bytes, start), pace.signal);
      isZero = isAllZero(bytes);
      done += bytes.length;
    }
    if (!isZero) found.add(block);
  }
  return found;
}

/** What is read first to see whether a block holds something, in bytes. */
const PROBE = 4096;

/** A stretch of the image file. */
type Stretch =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly kind: "zeros"; readonly length: number }
  /** So much of the disk. */
  | { readonly kind: "disk"; readonly offset: number; readonly length: number };

/** The disk is read in units of it: the largest sector that there is. */
const UNIT = 4096;

/** The bytes of the image file, one after the other, into whatever memory there is for them. */
export class ImageBytes {
  readonly byteLength: number;
  readonly #images: readonly DiskImage[];
  readonly #stretches: Iterator<Stretch, undefined>;
  readonly #signal: AbortSignal | undefined;
  /** What comes next: first these bytes, then the rest of a stretch. */
  #bytes: Uint8Array = new Uint8Array(0);
  #stretch: Exclude<Stretch, { kind: "bytes" }> = { kind: "zeros", length: 0 };
  #position = 0;

  constructor(
    images: readonly DiskImage[],
    layout: ImageLayout,
    blocks: BlockSet,
    signal: AbortSignal | undefined,
  ) {
    this.byteLength = layout.byteLength(blocks.count);
    this.#images = images;
    this.#stretches = stretchesOf(images[0]!.virtualSize, layout, blocks);
    this.#signal = signal;
  }

  /** How many bytes have not been asked for yet. */
  get left(): number {
    return this.byteLength - this.#position;
  }

  /**
   * Fills memory with the next bytes.
   *
   * @param isBlank Whether it holds zeros already.
   * @returns How many they are: fewer than there is room for only where the file ends.
   * @throws {ImageError} What reading fails with.
   */
  async fill(buffer: Uint8Array, isBlank: boolean): Promise<number> {
    const length = Math.min(buffer.length, this.left);
    for (let done = 0; done < length;) {
      const count = await this.#give(buffer.subarray(done, length), isBlank);
      done += count;
      this.#position += count;
    }
    return length;
  }

  async #give(room: Uint8Array, isBlank: boolean): Promise<number> {
    while (this.#bytes.length === 0 && this.#stretch.length === 0) this.#advance();
    if (this.#bytes.length > 0) return this.#giveBytes(room);
    const stretch = this.#stretch;
    if (stretch.kind === "zeros") return this.#giveZeros(room, stretch.length, isBlank);
    return await this.#giveDisk(room, stretch);
  }

  #giveBytes(room: Uint8Array): number {
    const bytes = this.#bytes.subarray(0, room.length);
    room.set(bytes);
    this.#bytes = this.#bytes.subarray(bytes.length);
    return bytes.length;
  }

  /** Goes on to the next stretch: there is one as long as bytes are left. */
  #advance(): void {
    const stretch = this.#stretches.next().value!;
    if (stretch.kind === "bytes") this.#bytes = stretch.bytes;
    else this.#stretch = stretch;
  }

  #giveZeros(room: Uint8Array, length: number, isBlank: boolean): number {
    const count = Math.min(room.length, length);
    if (!isBlank) room.fill(0, 0, count);
    this.#stretch = { kind: "zeros", length: length - count };
    return count;
  }

  async #giveDisk(
    room: Uint8Array,
    { offset, length }: Extract<Stretch, { kind: "disk" }>,
  ): Promise<number> {
    const count = room.length < length ? room.length - room.length % UNIT : length;
    // Where there is room for a part of a unit only, the whole of it is read, and kept.
    const bytes = count > 0 ? room.subarray(0, count) : new Uint8Array(Math.min(UNIT, length));
    await whenFetched(() => readChain(this.#images, bytes, offset), this.#signal);
    const end = offset + bytes.length;
    this.#stretch = { kind: "disk", offset: end, length: offset + length - end };
    if (count === 0) this.#bytes = bytes;
    return count;
  }
}

/**
 * All of the file, in its order.
 *
 * @param size Bytes of the disk that is copied.
 */
function* stretchesOf(
  size: number,
  layout: ImageLayout,
  blocks: BlockSet,
): Generator<Stretch> {
  const parts = layout.parts(blocks);
  let position = 0;
  const zerosTo = (end: number): Stretch => ({ kind: "zeros", length: end - position });
  const emit = function* (part: ImagePart): Generator<Stretch> {
    yield zerosTo(part.offset);
    for (const bytes of part.bytes()) yield { kind: "bytes", bytes };
    position = part.offset + part.length;
  };
  for (const part of parts) {
    if (part.offset < layout.blocksOffset) yield* emit(part);
  }
  let place = layout.blocksOffset;
  for (let block = 0; place < layout.blocksOffset + blocks.count * layout.blockStride; block++) {
    if (!blocks.has(block)) continue;
    yield zerosTo(place);
    yield* blockStretches(size, layout, block);
    position = place + layout.blockPrefix.length + blockLength(layout, block);
    place += layout.blockStride;
  }
  for (const part of parts) {
    if (part.offset >= layout.blocksOffset) yield* emit(part);
  }
  yield zerosTo(layout.byteLength(blocks.count));
}

function* blockStretches(size: number, layout: ImageLayout, block: number): Generator<Stretch> {
  yield { kind: "bytes", bytes: layout.blockPrefix };
  const start = block * layout.blockSize;
  const end = start + blockLength(layout, block);
  // A disk that is larger than its source has zeros behind it.
  const sourceEnd = Math.min(end, Math.max(start, size));
  yield { kind: "disk", offset: start, length: sourceEnd - start };
  yield { kind: "zeros", length: end - sourceEnd };
}

/** The last block of the disk may be shorter than the others. */
function blockLength({ virtualSize, blockSize }: ImageLayout, block: number): number {
  return Math.min(blockSize, virtualSize - block * blockSize);
}
