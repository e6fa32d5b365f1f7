/**
 * Writes the contents of a disk into a new image file, in one pass: the data first, block after block,
 * then the structures that lead to them. Zeros are not written, and blocks of zeros are not allocated.
 *
 * @module
 */
import { BackgroundWriter } from "../file/background_writer.ts";
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
import type { Pace } from "../image/pace.ts";
import { Preallocation } from "../image/preallocation.ts";
import type { CopySource } from "./copy_source.ts";
import type { DiskContents } from "./disk_contents.ts";
import { imageSpec, type NewDisk, type NewKind } from "./create_rules.ts";

/** What is read and written at once, in bytes, unless blocks are smaller. */
export const MAX_PIECE = 2 ** 20;

/** What has been written of the contents of a disk. */
interface WrittenBlocks {
  readonly blocks: BlockSet;
  /** Where the contents ended, in bytes: what follows is zeros. */
  readonly end: number;
}

/** Writes the blocks of a new image into an empty file; `writeParts` makes an image of it. */
class BlockWriter {
  readonly #path: string;
  readonly #writer: BackgroundWriter;
  readonly #preallocation: Preallocation | undefined;

  /** @param pace Given for a file without holes: learns how far that is. */
  constructor(path: string, writer: BackgroundWriter, pace: Pace | undefined) {
    this.#path = path;
    this.#writer = writer;
    this.#preallocation = pace && new Preallocation(writer, pace);
  }

  /**
   * Writes what is not zeros. While a piece is written the next one is read.
   *
   * @throws {ImageError} What reading and writing fail with; `ERROR_INVALID_PARAMETER` where the contents
   * are longer than the disk.
   */
  async writeData(layout: ImageLayout, contents: DiskContents): Promise<WrittenBlocks> {
    const blocks = new PlacedBlocks(this.#writer, layout);
    const total = layout.byteLength(layoutBlockCount(layout));
    let end = 0;
    for await (const { offset, bytes } of contents.pieces(Math.min(MAX_PIECE, layout.blockSize))) {
      end = offset + bytes.length;
      if (end > layout.virtualSize) {
        throw new ImageError("ERROR_INVALID_PARAMETER", {
          path: this.#path,
          reason:
            `the source holds more than ${layout.virtualSize} bytes, the size of the new disk`,
        });
      }
      let isZero = true;
      for (const run of dataRuns(bytes)) {
        isZero = false;
        const place = await blocks.place(offset + run.start);
        await this.#preallocation?.fillTo(place, total);
        await this.#writer.write(bytes.subarray(run.start, run.end), place);
        await this.#preallocation?.passTo(place + run.end - run.start, total);
      }
      // The bytes of the piece before this one are overwritten next.
      if (isZero) await this.#writer.settle();
    }
    return { blocks: blocks.set, end: Math.max(end, contents.size ?? 0) };
  }

  /** Returns once all has been written. */
  async finish(layout: ImageLayout, { count }: BlockSet): Promise<void> {
    const length = layout.byteLength(count);
    await this.#preallocation?.fillTo(length, length);
    await this.#writer.settle();
  }
}

/** Gives blocks their places as they come. */
class PlacedBlocks {
  readonly set: BlockSet;
  readonly #bitmap: BlockBitmap | undefined;
  readonly #writer: BackgroundWriter;
  readonly #layout: ImageLayout;
  #block = -1;
  /** Where the data of the block begin in the file. */
  #dataOffset = 0;

  constructor(writer: BackgroundWriter, layout: ImageLayout) {
    const count = layoutBlockCount(layout);
    this.#bitmap = layout.isFull ? undefined : new BlockBitmap(count);
    this.set = this.#bitmap ?? allBlocks(count);
    this.#writer = writer;
    this.#layout = layout;
  }

  /** The place in the file of an offset in the disk, not before those asked for earlier. */
  async place(offset: number): Promise<number> {
    const { blockSize } = this.#layout;
    const block = Math.floor(offset / blockSize);
    if (block !== this.#block) await this.#enter(block);
    return this.#dataOffset + offset - block * blockSize;
  }

  async #enter(block: number): Promise<void> {
    const { blocksOffset, blockStride, blockPrefix } = this.#layout;
    const number = this.#bitmap === undefined ? block : this.#bitmap.count;
    const offset = blocksOffset + number * blockStride;
    this.#bitmap?.add(block);
    if (blockPrefix.length > 0) await this.#writer.write(blockPrefix, offset);
    this.#block = block;
    this.#dataOffset = offset + blockPrefix.length;
  }
}

/**
 * Writes an image that holds nothing of its own.
 *
 * @param pace Given for a file without holes: learns how far that is.
 */
export async function writeEmpty(
  file: WritableSource,
  layout: ImageLayout,
  pace?: Pace,
): Promise<void> {
  const blocks = layout.isFull ? allBlocks(layoutBlockCount(layout)) : NO_BLOCKS;
  await inBackground(file, pace, (writer) => writer.finish(layout, blocks));
  writeParts(file, layout, blocks);
}

/**
 * Writes an image that holds what the source does.
 *
 * @param pace As that of {@linkcode writeEmpty}.
 */
export async function writeCopy(
  file: WritableSource,
  layout: ImageLayout,
  { contents }: CopySource,
  pace?: Pace,
): Promise<void> {
  const { blocks } = await inBackground(file, pace, async (writer) => {
    const written = await writer.writeData(layout, contents);
    await writer.finish(layout, written.blocks);
    return written;
  });
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
 * @param pace As that of {@linkcode writeEmpty}.
 * @throws {ImageError} As `imageSpec`, once the size is known.
 */
export async function writeCopyOfUnknownSize(
  file: WritableSource,
  request: NewDisk,
  kind: NewKind,
  source: CopySource,
  pace?: Pace,
): Promise<void> {
  const { maximumSize, layout: layoutFor } = kind.rules;
  const anySize = { ...request, alignment: undefined, size: maximumSize };
  const anyLayout = await layoutFor(imageSpec(anySize, kind, undefined, source.disk), file.path);
  const { layout, blocks } = await inBackground(file, pace, async (writer) => {
    const { blocks, end } = await writer.writeData(anyLayout, source.contents);
    const disk = { ...source.disk, virtualSize: end };
    const layout = await layoutFor(imageSpec(request, kind, undefined, disk), file.path);
    await writer.finish(layout, blocks);
    return { layout, blocks };
  });
  writeParts(file, layout, blocks);
}

/** Returns once nothing works on the file any more. */
async function inBackground<T>(
  file: WritableSource,
  pace: Pace | undefined,
  run: (writer: BlockWriter) => Promise<T>,
): Promise<T> {
  await using writer = new BackgroundWriter(file);
  return await run(new BlockWriter(file.path, writer, pace));
}
