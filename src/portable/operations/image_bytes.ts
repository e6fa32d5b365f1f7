/**
 * Any disk as the file of a new image, in the order of the file and without making it: its length is
 * known before its first byte.
 *
 * @module
 */
import { isAllZero } from "../../bytes/zeros.ts";
import { readChain } from "../chain_reader.ts";
import type { DiskImage } from "../image.ts";
import { allBlocks, BlockBitmap, type BlockSet } from "./block_set.ts";
import { dataWindows } from "./disk_contents.ts";
import { type ImageLayout, type ImagePart, layoutBlockCount } from "./image_layout.ts";
import type { Pace } from "./pace.ts";
import { MAX_PIECE } from "./write_image.ts";

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
    const bytes = buffer.subarray(0, length);
    readChain(images, bytes, offset);
    if (!isAllZero(bytes)) found.add(block);
  }
  return found;
}

/**
 * The bytes of the image file in pieces of at most 1 MiB, each in memory of its own.
 *
 * @throws {ImageError} What reading fails with.
 */
export function* imageBytes(
  images: readonly DiskImage[],
  layout: ImageLayout,
  blocks: BlockSet,
): Generator<Uint8Array<ArrayBuffer>> {
  const parts = layout.parts(blocks);
  let position = 0;
  const emit = function* (part: ImagePart) {
    yield* zeros(part.offset - position);
    for (const bytes of part.bytes()) yield bytes;
    position = part.offset + part.length;
  };
  for (const part of parts) {
    if (part.offset < layout.blocksOffset) yield* emit(part);
  }
  let place = layout.blocksOffset;
  for (let block = 0; place < layout.blocksOffset + blocks.count * layout.blockStride; block++) {
    if (!blocks.has(block)) continue;
    yield* zeros(place - position);
    yield* blockBytes(images, layout, block);
    position = place + layout.blockPrefix.length + blockLength(layout, block);
    place += layout.blockStride;
  }
  for (const part of parts) {
    if (part.offset >= layout.blocksOffset) yield* emit(part);
  }
  yield* zeros(layout.byteLength(blocks.count) - position);
}

function* blockBytes(
  images: readonly DiskImage[],
  layout: ImageLayout,
  block: number,
): Generator<Uint8Array<ArrayBuffer>> {
  if (layout.blockPrefix.length > 0) yield layout.blockPrefix.slice();
  const start = block * layout.blockSize;
  const end = start + blockLength(layout, block);
  // A disk that is larger than its source has zeros behind it.
  const sourceEnd = Math.min(end, images[0]!.virtualSize);
  let offset = start;
  while (offset < sourceEnd) {
    const bytes = new Uint8Array(Math.min(MAX_PIECE, sourceEnd - offset));
    readChain(images, bytes, offset);
    yield bytes;
    offset += bytes.length;
  }
  yield* zeros(end - offset);
}

/** The last block of the disk may be shorter than the others. */
function blockLength({ virtualSize, blockSize }: ImageLayout, block: number): number {
  return Math.min(blockSize, virtualSize - block * blockSize);
}

function* zeros(length: number): Generator<Uint8Array<ArrayBuffer>> {
  for (let rest = length; rest > 0; rest -= MAX_PIECE) {
    yield new Uint8Array(Math.min(MAX_PIECE, rest));
  }
}
