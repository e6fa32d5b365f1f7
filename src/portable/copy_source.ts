/**
 * What a new disk is made a copy of: an image with its parents, or a stream of a raw disk.
 *
 * @module
 */
import { openToRead } from "./chain_to_read.ts";
import type { SourceDisk } from "./create_size.ts";
import type { ImageFormat } from "./detect.ts";
import type { DiskImage } from "./image.ts";
import { ImageError } from "./image_error.ts";
import { chainContents, type DiskContents } from "./operations/disk_contents.ts";
import type { Pace } from "./operations/pace.ts";
import { streamContents } from "./operations/stream_contents.ts";

/** What the caller names as the source. */
export type SourceRequest =
  | {
    readonly path: string;
    /** Found out from the file where it is absent, but never taken for a raw disk then. */
    readonly format: ImageFormat | undefined;
  }
  | { readonly stream: ReadableStream<Uint8Array> };

/** An open source. */
export interface CopySource extends Disposable {
  readonly disk: SourceDisk;
  readonly contents: DiskContents;
}

/**
 * Opens the source.
 *
 * @param target The new file, for errors.
 * @param size The size of the new disk where the caller has chosen one.
 * @throws {ImageError} As OpenVirtualDisk.
 */
export function openSource(
  request: SourceRequest,
  target: string,
  size: number | undefined,
  pace: Pace,
): CopySource {
  if ("stream" in request) {
    const { stream } = request;
    if (stream.locked) {
      throw new ImageError("ERROR_INVALID_PARAMETER", {
        path: target,
        reason: "the source is a stream that somebody else reads",
      });
    }
    return {
      disk: { virtualSize: undefined, logicalSectorSize: undefined },
      contents: streamContents(stream, size, pace),
      [Symbol.dispose]() {},
    };
  }
  const rawAdvice = "pass `sourceType`, or --source-type, `raw`";
  const chain = openToRead(request.path, request.format, rawAdvice);
  return {
    disk: sourceDiskOf(chain.image),
    contents: chainContents(chain.images, pace),
    [Symbol.dispose]: () => chain.close(),
  };
}

/** An image as the source of another. */
export function sourceDiskOf(image: DiskImage): SourceDisk {
  // The sectors of a raw disk are not known, and those of an optical disc no hard disk has.
  const hasSectors = image.format === "vhd" || image.format === "vhdx";
  return {
    virtualSize: image.virtualSize,
    logicalSectorSize: hasSectors ? image.logicalSectorSize : undefined,
  };
}
