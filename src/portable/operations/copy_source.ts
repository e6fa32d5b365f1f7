/**
 * What a new disk is made a copy of: an image with its parents, or a stream of a raw disk.
 *
 * @module
 */
import { type ImageChain, openSourceToRead, type SourceToRead } from "../chain/chain.ts";
import type { ByteSource } from "../file/byte_source.ts";
import { whenFetched } from "../file/fetched_file.ts";
import { ImageError } from "../file/image_error.ts";
import type { ImageFormat } from "../formats.ts";
import { type ForeignFormat, plainFormat } from "../image/foreign_format.ts";
import type { DiskImage } from "../image/image.ts";
import type { Pace } from "../image/pace.ts";
import { chainContents, type DiskContents, usedContents } from "./disk_contents.ts";
import { streamContents } from "./stream_contents.ts";

/** What the caller names as the source. */
export type SourceRequest =
  | SourceToRead & {
    /** Whether a file is taken for a raw disk that plainly is something else. */
    readonly force: boolean;
    /** Whether what its file systems say is free is left out. */
    readonly freeSpace: boolean;
  }
  | {
    readonly stream: ReadableStream<Uint8Array>;
    /** `"raw"`: its bytes are those of a disk, whatever they look like. It cannot be anything else. */
    readonly format: ImageFormat | undefined;
  };

/** The disk that a new one is a copy of. */
export interface SourceDisk {
  /** Bytes, or `undefined` where only its end tells. */
  readonly virtualSize: number | undefined;
  /** Bytes; `undefined` where the source knows nothing of sectors. */
  readonly logicalSectorSize: number | undefined;
}

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
export async function openSource(
  request: SourceRequest,
  target: string,
  size: number | undefined,
  pace: Pace,
): Promise<CopySource> {
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
  const chain = await openSourceChain(request, pace);
  return {
    disk: sourceDiskOf(chain.image),
    contents: request.freeSpace
      ? usedContents(chain.images, pace)
      : chainContents(chain.images, pace),
    [Symbol.dispose]: () => chain.close(),
  };
}

async function openSourceChain(
  request: Extract<SourceRequest, SourceToRead>,
  { signal }: Pace,
): Promise<ImageChain> {
  const chain = await openSourceToRead(request, "sourceType", signal);
  try {
    if (!request.force) await whenFetched(() => assertRawDisk(chain.image), signal);
    return chain;
  } catch (error) {
    chain.close();
    throw error;
  }
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
