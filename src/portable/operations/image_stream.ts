/**
 * Any disk as the file of an image of another kind, without making that file.
 *
 * @module
 */
import { isAllZero } from "../../bytes/zeros.ts";
import {
  BOOLEAN,
  checkArgument,
  checkGuid,
  checkOptions,
  oneOf,
  type OptionKinds,
  STRING,
} from "../../disk/arguments.ts";
import { sizesOf } from "../../disk/create_options.ts";
import { nextTurn } from "../../disk/pause.ts";
import { OPERATION_OPTIONS, type OperationOptions, ProgressReporter } from "../../disk/progress.ts";
import { SIZE, type Size } from "../../disk/size.ts";
import { whenFetched } from "../file/fetched_file.ts";
import { inLongOperation } from "../file/image_error.ts";
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
import { Pace } from "../image/pace.ts";
import { MAX_PIECE } from "./write_image.ts";
import { assertRawDisk, sourceDiskOf } from "./copy_source.ts";
import { dataWindows } from "./disk_contents.ts";
import { withoutFreeSpace } from "./free_space.ts";
import { imageSpec, kindToCreate } from "./create_rules.ts";

/**
 * Which image a disk is streamed as. What is left out has the default of `createVirtualDisk`.
 *
 * @category Contents
 */
export interface ImageStreamOptions extends OperationOptions {
  /** The format; `"raw"` is the bytes of the disk alone. */
  type: "vhd" | "vhdx" | "raw";
  /**
   * How space is allocated. A differencing disk is streamed with all that its parents hold.
   *
   * @default {"dynamic", raw: "fixed"}
   */
  subtype?: "dynamic" | "fixed" | undefined;
  /**
   * Size of the new disk, in bytes or as in `"10GiB"`.
   *
   * @default {the disk's own}
   */
  size?: Size | undefined;
  /** The size is rounded up to a multiple of it: `"1MiB"` for Azure, which takes fixed VHDs of whole MiB. */
  alignment?: Size | undefined;
  /** Unit of allocation in bytes, not for fixed disks; by default as in `createVirtualDisk`. */
  blockSize?: Size | undefined;
  /** Logical sector size in bytes; by default the disk's own, or 512. */
  sectorSize?: Size | undefined;
  /** Physical sector size in bytes; by default as in `createVirtualDisk`. */
  physicalSectorSize?: Size | undefined;
  /** A GUID: the unique id of a VHD, the virtual disk id of a VHDX; by default a random one. */
  identifier?: string | undefined;
  /**
   * Streams the bytes of a disk that was opened as a raw one even if its file plainly is an image, packed or a
   * text.
   *
   * @default {false}
   */
  force?: boolean | undefined;
  /**
   * Leaves out what the file systems on the disk say is free: see `CreateOptions.freeSpace`.
   *
   * @default {false}
   */
  freeSpace?: boolean | undefined;
}

/**
 * An image file that comes as a stream.
 *
 * @category Contents
 */
export interface ImageStream {
  /** How many bytes the stream gives, exactly: an upload can say so before it begins. */
  readonly byteLength: number;
  /**
   * The bytes of the file, in chunks of at most 1 MiB. They are read from the disk, which must stay open and unchanged
   * meanwhile; while a chunk is used, the next one is read, and no more.
   */
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
}

const IMAGE_STREAM_OPTIONS: OptionKinds<ImageStreamOptions> = {
  ...OPERATION_OPTIONS,
  type: oneOf("vhd", "vhdx", "raw"),
  subtype: oneOf("dynamic", "fixed"),
  size: SIZE,
  alignment: SIZE,
  blockSize: SIZE,
  sectorSize: SIZE,
  physicalSectorSize: SIZE,
  identifier: STRING,
  force: BOOLEAN,
  freeSpace: BOOLEAN,
};

const OPERATION = "CreateVirtualDisk";

/**
 * Plans the image and begins its stream.
 *
 * @param assertReadable Throws once the disk cannot be read any more.
 * @throws {VirtualDiskError} As `createVirtualDisk` with a source.
 */
export function openImageStream(
  allImages: readonly [DiskImage, ...DiskImage[]],
  options: ImageStreamOptions,
  assertReadable: () => void,
): Promise<ImageStream> {
  return inLongOperation(OPERATION, async () => {
    const { signal, onProgress, identifier, ...wanted } = checkOptions(
      IMAGE_STREAM_OPTIONS,
      options,
      "imageStream",
    );
    const path = allImages[0].source.path;
    const pace = new Pace({ signal });
    if (!wanted.force) await whenFetched(() => assertRawDisk(allImages[0]), signal);
    const images = wanted.freeSpace ? await withoutFreeSpace(allImages, pace) : allImages;
    const request = {
      ...wanted,
      ...sizesOf(wanted),
      path,
      identifier: identifier === undefined ? undefined : checkGuid(identifier, "identifier"),
    };
    checkArgument(IMAGE_STREAM_OPTIONS.type, request.type, "type");
    const kind = kindToCreate(request);
    const spec = imageSpec(request, kind, undefined, sourceDiskOf(images[0]!));
    const layout = await kind.rules.layout(spec, path);
    const blocks = await findBlocks(images, layout, pace, assertReadable);
    const byteLength = layout.byteLength(blocks.count);
    const pieces = imageBytes(images, layout, blocks, signal);
    const readable = streamOf(pieces, byteLength, { signal, onProgress }, assertReadable);
    return { byteLength, readable };
  });
}

function streamOf(
  pieces: AsyncIterator<Uint8Array<ArrayBuffer>>,
  byteLength: number,
  { signal, onProgress }: OperationOptions,
  assertReadable: () => void,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const reporter = new ProgressReporter(onProgress);
  let done = 0;
  const read = async () => {
    // Reads are synchronous: between two of them the event loop gets its turn.
    await nextTurn();
    assertReadable();
    return await inLongOperation(OPERATION, () => pieces.next());
  };
  let ahead: ReturnType<typeof read> | undefined;
  return new ReadableStream({
    pull: async (controller) => {
      const next = await (ahead ?? read());
      signal?.throwIfAborted();
      assertReadable();
      if (next.done) {
        reporter.end(done);
        return controller.close();
      }
      done += next.value.length;
      reporter.step(done, byteLength, done);
      controller.enqueue(next.value);
      // While that is used, the next piece is read. Of a failure is told whoever asks for it.
      ahead = read();
      ahead.catch(() => {});
    },
  }, { highWaterMark: 0 });
}

// Any disk as the file of a new image, in the order of the file and without making it: its length is
// known before its first byte.

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

/**
 * The bytes of the image file in pieces of at most 1 MiB, each in memory of its own.
 *
 * @throws {ImageError} What reading fails with.
 */
export async function* imageBytes(
  images: readonly DiskImage[],
  layout: ImageLayout,
  blocks: BlockSet,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
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
    yield* blockBytes(images, layout, block, signal);
    position = place + layout.blockPrefix.length + blockLength(layout, block);
    place += layout.blockStride;
  }
  for (const part of parts) {
    if (part.offset >= layout.blocksOffset) yield* emit(part);
  }
  yield* zeros(layout.byteLength(blocks.count) - position);
}

async function* blockBytes(
  images: readonly DiskImage[],
  layout: ImageLayout,
  block: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  if (layout.blockPrefix.length > 0) yield layout.blockPrefix.slice();
  const start = block * layout.blockSize;
  const end = start + blockLength(layout, block);
  // A disk that is larger than its source has zeros behind it.
  const sourceEnd = Math.min(end, images[0]!.virtualSize);
  let offset = start;
  while (offset < sourceEnd) {
    const bytes = new Uint8Array(Math.min(MAX_PIECE, sourceEnd - offset));
    await whenFetched(() => readChain(images, bytes, offset), signal);
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
