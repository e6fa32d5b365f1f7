/**
 * Writes the contents of a disk into a new image file, in one pass: the data first, block after block,
 * then the structures that lead to them. Zeros are not written, and blocks of zeros are not allocated.
 *
 * @module
 */
import type { WritableSource } from "../file/byte_source.ts";
import { ImageError } from "../file/image_error.ts";
import { dataRuns } from "../image/blocks.ts";
import {
  allBlocks,
  BlockBitmap,
  type BlockSet,
  type ImageLayout,
  layoutBlockCount,
  NO_BLOCKS,
  writeParts,
} from "../image/layout.ts";
import type { Preallocation } from "../image/preallocation.ts";
import type { CopySource, DiskContents } from "./copy_source.ts";
import { imageSpec, type NewDisk, type NewKind } from "./create_rules.ts";

/** What is read and written at once, in bytes, unless blocks are smaller. */
export const MAX_PIECE = 2 ** 20;

/** What {@linkcode writeBlocks} has written. */
export interface WrittenBlocks {
  readonly blocks: BlockSet;
  /** Where the contents ended, in bytes: what follows is zeros. */
  readonly end: number;
}

/**
 * Writes the blocks of a new image into an empty file; `writeParts` makes an image of it.
 *
 * @param preallocation For a layout with all its blocks: fills what lies between the data.
 * @throws {ImageError} What reading and writing fail with; `ERROR_INVALID_PARAMETER` where the contents
 * are longer than the disk.
 */
export async function writeBlocks(
  file: WritableSource,
  layout: ImageLayout,
  contents: DiskContents,
  preallocation?: Preallocation,
): Promise<WrittenBlocks> {
  const blocks = new PlacedBlocks(file, layout);
  const total = layout.byteLength(layoutBlockCount(layout));
  let end = 0;
  for await (const { offset, bytes } of contents.pieces(Math.min(MAX_PIECE, layout.blockSize))) {
    end = offset + bytes.length;
    if (end > layout.virtualSize) {
      throw new ImageError("ERROR_INVALID_PARAMETER", {
        path: file.path,
        reason: `the source holds more than ${layout.virtualSize} bytes, the size of the new disk`,
      });
    }
    for (const run of dataRuns(bytes)) {
      const place = blocks.place(offset + run.start);
      await preallocation?.fillTo(place, total);
      file.writeAt(bytes.subarray(run.start, run.end), place);
      await preallocation?.passTo(place + run.end - run.start, total);
    }
  }
  return { blocks: blocks.set, end: Math.max(end, contents.size ?? 0) };
}

/** Gives blocks their places as they come. */
class PlacedBlocks {
  readonly set: BlockSet;
  readonly #bitmap: BlockBitmap | undefined;
  readonly #file: WritableSource;
  readonly #layout: ImageLayout;
  #block = -1;
  /** Where the data of the block begin in the file. */
  #dataOffset = 0;

  constructor(file: WritableSource, layout: ImageLayout) {
    const count = layoutBlockCount(layout);
    this.#bitmap = layout.isFull ? undefined : new BlockBitmap(count);
    this.set = this.#bitmap ?? allBlocks(count);
    this.#file = file;
    this.#layout = layout;
  }

  /** The place in the file of an offset in the disk, not before those asked for earlier. */
  place(offset: number): number {
    const { blockSize } = this.#layout;
    const block = Math.floor(offset / blockSize);
    if (block !== this.#block) this.#enter(block);
    return this.#dataOffset + offset - block * blockSize;
  }

  #enter(block: number): void {
    const { blocksOffset, blockStride, blockPrefix } = this.#layout;
    const number = this.#bitmap === undefined ? block : this.#bitmap.count;
    const offset = blocksOffset + number * blockStride;
    this.#bitmap?.add(block);
    if (blockPrefix.length > 0) this.#file.writeAt(blockPrefix, offset);
    this.#block = block;
    this.#dataOffset = offset + blockPrefix.length;
  }
}

/** Writes an image that holds nothing of its own. */
export async function writeEmpty(
  file: WritableSource,
  layout: ImageLayout,
  preallocation?: Preallocation,
): Promise<void> {
  const blocks = layout.isFull ? allBlocks(layoutBlockCount(layout)) : NO_BLOCKS;
  await fillRest(layout, blocks, preallocation);
  writeParts(file, layout, blocks);
}

/** Writes an image that holds what the source does. */
export async function writeCopy(
  file: WritableSource,
  layout: ImageLayout,
  { contents }: CopySource,
  preallocation?: Preallocation,
): Promise<void> {
  const { blocks } = await writeBlocks(file, layout, contents, preallocation);
  await fillRest(layout, blocks, preallocation);
  writeParts(file, layout, blocks);
}

/**
 * Whether the size of the copy is that of its source, which only the end of the source will tell. Then
 * the data must be first in the file, whatever the size.
 */
export function learnsSize(
  { size }: NewDisk,
  { rules, subtype }: NewKind,
  { disk }: CopySource,
): boolean {
  return size === undefined && disk.virtualSize === undefined && rules.isDataFirst(subtype);
}

/**
 * Writes an image whose size is learnt by reading the source.
 *
 * @throws {ImageError} As `imageSpec`, once the size is known.
 */
export async function writeCopyOfUnknownSize(
  file: WritableSource,
  request: NewDisk,
  kind: NewKind,
  source: CopySource,
  preallocation?: Preallocation,
): Promise<void> {
  const { maximumSize, layout: layoutFor } = kind.rules;
  const anySize = { ...request, alignment: undefined, size: maximumSize };
  const { blocks, end } = await writeBlocks(
    file,
    await layoutFor(imageSpec(anySize, kind, undefined, source.disk), file.path),
    source.contents,
    preallocation,
  );
  const disk = { ...source.disk, virtualSize: end };
  const layout = await layoutFor(imageSpec(request, kind, undefined, disk), file.path);
  await fillRest(layout, blocks, preallocation);
  writeParts(file, layout, blocks);
}

async function fillRest(
  layout: ImageLayout,
  { count }: BlockSet,
  preallocation: Preallocation | undefined,
): Promise<void> {
  const length = layout.byteLength(count);
  await preallocation?.fillTo(length, length);
}
