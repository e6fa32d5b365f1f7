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
} from "../disk/arguments.ts";
import { setImmediate } from "node:timers/promises";
import { OPERATION_OPTIONS, type OperationOptions, ProgressReporter } from "../disk/progress.ts";
import { SIZE, type Size } from "../disk/size.ts";
import { assertRawDisk, sourceDiskOf } from "./copy_source.ts";
import { formatToCreate, imageSpec } from "./create_rules.ts";
import { sizesOf } from "../disk/create_options.ts";
import type { DiskImage } from "./image.ts";
import { inLongOperation, inOperation } from "./image_error.ts";
import { layoutOf } from "./new_image.ts";
import { findBlocks, imageBytes } from "./operations/image_bytes.ts";
import { Pace } from "./operations/pace.ts";

/** Which image a disk is streamed as. What is left out has the default of `createVirtualDisk`. */
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
}

/** An image file that comes as a stream. */
export interface ImageStream {
  /** How many bytes the stream gives, exactly: an upload can say so before it begins. */
  readonly byteLength: number;
  /** The bytes of the file. They are read from the disk, which must stay open and unchanged meanwhile. */
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
};

const OPERATION = "CreateVirtualDisk";

/**
 * Plans the image and begins its stream.
 *
 * @param assertReadable Throws once the disk cannot be read any more.
 * @throws {VirtualDiskError} As `createVirtualDisk` with a source.
 */
export function openImageStream(
  images: readonly DiskImage[],
  options: ImageStreamOptions,
  assertReadable: () => void,
): Promise<ImageStream> {
  return inLongOperation(OPERATION, async () => {
    const { signal, onProgress, identifier, ...wanted } = checkOptions(
      IMAGE_STREAM_OPTIONS,
      options,
      "imageStream",
    );
    const path = images[0]!.source.path;
    if (!wanted.force) assertRawDisk(images[0]!);
    const request = {
      ...wanted,
      ...sizesOf(wanted),
      path,
      identifier: identifier === undefined ? undefined : checkGuid(identifier, "identifier"),
    };
    checkArgument(IMAGE_STREAM_OPTIONS.type, request.type, "type");
    const spec = imageSpec(request, undefined, sourceDiskOf(images[0]!));
    const layout = layoutOf(formatToCreate(request), spec, path);
    const pace = new Pace({ signal });
    pace.assertWanted();
    const blocks = await findBlocks(images, layout, pace, assertReadable);
    const byteLength = layout.byteLength(blocks.count);
    const pieces = imageBytes(images, layout, blocks);
    const readable = streamOf(pieces, byteLength, { signal, onProgress }, assertReadable);
    return { byteLength, readable };
  });
}

function streamOf(
  pieces: Iterator<Uint8Array<ArrayBuffer>>,
  byteLength: number,
  { signal, onProgress }: OperationOptions,
  assertReadable: () => void,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const reporter = new ProgressReporter(onProgress);
  let done = 0;
  return new ReadableStream({
    pull: async (controller) => {
      // Reads are synchronous: between two of them the event loop gets its turn.
      await setImmediate();
      signal?.throwIfAborted();
      assertReadable();
      const next = inOperation(OPERATION, () => pieces.next());
      if (next.done) {
        reporter.end(done);
        return controller.close();
      }
      done += next.value.length;
      reporter.step(done, byteLength, done);
      controller.enqueue(next.value);
    },
  }, { highWaterMark: 0 });
}
