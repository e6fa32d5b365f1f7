/**
 * Any disk as the file of an image of another kind, without making that file.
 *
 * @module
 */
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
import { respond } from "../../disk/contents.ts";
import { nextTurn } from "../../disk/pause.ts";
import { OPERATION_OPTIONS, type OperationOptions, ProgressReporter } from "../../disk/progress.ts";
import { SIZE, type Size } from "../../disk/size.ts";
import { whenFetched } from "../file/fetched_file.ts";
import { inLongOperation } from "../file/image_error.ts";
import type { DiskImage } from "../image/image.ts";
import { Pace } from "../image/pace.ts";
import { MAX_PIECE } from "./write_image.ts";
import { assertRawDisk, sourceDiskOf } from "./copy_source.ts";
import { withoutFreeSpace } from "./free_space.ts";
import { imageSpec, kindToCreate } from "./create_rules.ts";
import { findBlocks, ImageBytes } from "./image_bytes.ts";

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
   *
   * It is a byte stream: a reader that brings memory of its own, by `getReader({ mode: "byob" })`, has that filled, at
   * most 1 MiB at a time, and nothing is read ahead. That takes less time than new memory for each chunk.
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
    const bytes = new ImageBytes(images, layout, blocks, signal);
    const readable = streamOf(bytes, { signal, onProgress }, assertReadable);
    return { byteLength: bytes.byteLength, readable };
  });
}

function streamOf(
  bytes: ImageBytes,
  { signal, onProgress }: OperationOptions,
  assertReadable: () => void,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const { byteLength } = bytes;
  const reporter = new ProgressReporter(onProgress);
  let done = 0;
  const fill = async (buffer: Uint8Array, isBlank: boolean) => {
    // Reads are synchronous: between two of them the event loop gets its turn.
    await nextTurn();
    assertReadable();
    return await inLongOperation(OPERATION, () => bytes.fill(buffer, isBlank));
  };
  const read = async () => {
    const chunk = new Uint8Array(Math.min(MAX_PIECE, bytes.left));
    await fill(chunk, true);
    return chunk;
  };
  const count = (length: number) => {
    signal?.throwIfAborted();
    assertReadable();
    done += length;
    if (length === 0) reporter.end(done);
    else reporter.step(done, byteLength, done);
  };
  let ahead: ReturnType<typeof read> | undefined;

  /** In memory that the reader gets. */
  async function enqueue(controller: ReadableByteStreamController): Promise<void> {
    const chunk = await (ahead ?? read());
    ahead = undefined;
    count(chunk.length);
    const request = controller.byobRequest;
    if (chunk.length === 0) {
      controller.close();
      request?.respond(0);
      return;
    }
    controller.enqueue(chunk);
    if (request !== null) return;
    // While that is used, the next piece is read. Of a failure is told whoever asks for it.
    ahead = read();
    ahead.catch(() => {});
  }

  return new ReadableStream({
    type: "bytes",
    async pull(controller) {
      // A reader that has brought no memory before may bring some now.
      if (ahead !== undefined || controller.byobRequest === null) return await enqueue(controller);
      // Where the next piece goes is not known before it is asked for.
      await respond(controller, (view) => fill(view.subarray(0, MAX_PIECE), false), count);
    },
  });
}
