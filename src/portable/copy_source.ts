/**
 * What a new disk is made a copy of: an image with its parents, or a stream of a raw disk.
 *
 * @module
 */
import type { ByteSource } from "./byte_source.ts";
import { openToRead } from "./chain_to_read.ts";
import type { SourceDisk } from "./create_size.ts";
import type { ImageFormat } from "./detect.ts";
import { type ForeignFormat, plainFormat } from "./foreign_format.ts";
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
    /** Whether a file is taken for a raw disk that plainly is something else. */
    readonly force: boolean;
  }
  | {
    readonly stream: ReadableStream<Uint8Array>;
    /** `"raw"`: its bytes are those of a disk, whatever they look like. It cannot be anything else. */
    readonly format: ImageFormat | undefined;
  };

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
    const { stream, format } = request;
    if (stream.locked) {
      throw new ImageError("ERROR_INVALID_PARAMETER", {
        path: target,
        reason: "the source is a stream that somebody else reads",
      });
    }
    if (format !== undefined && format !== "raw") {
      throw new ImageError("ERROR_NOT_SUPPORTED", {
        path: target,
        reason: `the source is a stream, which cannot be a ${format.toUpperCase()} image`,
        causes: [SAVE],
      });
    }
    const check = (bytes: ByteSource) => {
      const plain = plainFormat(bytes);
      if (plain !== undefined) throw plainStream(target, plain);
    };
    return {
      disk: { virtualSize: undefined, logicalSectorSize: undefined },
      contents: streamContents(stream, size, pace, format === "raw" ? undefined : check),
      [Symbol.dispose]() {},
    };
  }
  const chain = openToRead(request.path, request.format, "sourceType");
  try {
    if (!request.force) assertRawDisk(chain.image);
  } catch (error) {
    chain.close();
    throw error;
  }
  return {
    disk: sourceDiskOf(chain.image),
    contents: chainContents(chain.images, pace),
    [Symbol.dispose]: () => chain.close(),
  };
}

/**
 * Refuses to take the file of an image, or a packed one, as if its bytes were those of a disk.
 *
 * @param insistence How the caller's caller insists on it.
 * @throws {ImageError} `ERROR_INVALID_PARAMETER`
 */
export function assertRawDisk(
  { format, source }: DiskImage,
  insistence = "Pass `force` to take its bytes for those of a disk all the same.",
): void {
  const plain = format === "raw" ? plainFormat(source) : undefined;
  if (plain === undefined) return;
  throw new ImageError("ERROR_INVALID_PARAMETER", {
    path: source.path,
    reason: `the file is ${plain.name}, not the bytes of a disk`,
    causes: [
      plain.kind === "named" ? "Do not call it raw: the file says what it is." : plain.advice,
      insistence,
    ],
  });
}

const SAVE = "Save it to a file, and name that as the source.";

function plainStream(path: string, { name, kind, advice }: ForeignFormat): ImageError {
  return new ImageError("ERROR_INVALID_PARAMETER", {
    path,
    reason: `the source is ${name}, and a stream must be the bytes of a disk`,
    causes: [
      kind === "named" ? SAVE : advice,
      'Pass { sourceType: "raw" } to take it for the bytes of a disk all the same.',
    ],
  });
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
