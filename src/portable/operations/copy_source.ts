/**
 * What a new disk is made a copy of: an image with its parents, or a stream of a raw disk.
 *
 * @module
 */
import { BYTES, checkArgument } from "../../disk/arguments.ts";
import { type ImageChain, openSourceToRead, type SourceToRead } from "../chain/chain.ts";
import type { ByteSource } from "../file/byte_source.ts";
import { whenFetched } from "../file/fetched_file.ts";
import { ImageError } from "../file/image_error.ts";
import type { ImageFormat } from "../formats.ts";
import { chainExtent, readChain } from "../image/extents.ts";
import { type ForeignFormat, plainFormat } from "../image/foreign_format.ts";
import type { DiskImage } from "../image/image.ts";
import type { Pace } from "../image/pace.ts";
import { withoutFreeSpace } from "./free_space.ts";

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

/** Bytes of the disk that may hold something. */
export interface DiskPiece {
  /** Where they are in the disk. */
  readonly offset: number;
  /** They may be overwritten as soon as the next piece is asked for. */
  readonly bytes: Uint8Array;
}

/** What is copied. */
export interface DiskContents {
  /** Bytes, or `undefined` where only the end tells. */
  readonly size: number | undefined;
  /**
   * The pieces in order; what lies between them is zeros. None crosses a multiple of `unit`.
   *
   * @throws {ImageError} What reading fails with.
   */
  pieces(unit: number): AsyncIterable<DiskPiece>;
}

/** A range of a disk that may hold something. */
export interface DataWindow {
  readonly offset: number;
  readonly length: number;
}

/** Where a chain may hold something: windows that begin at a multiple of `unit` and are as long. */
export async function* dataWindows(
  images: readonly DiskImage[],
  unit: number,
  pace: Pace,
): AsyncGenerator<DataWindow> {
  const size = images[0]!.virtualSize;
  for (let position = 0; position < size;) {
    await pace.reach(position, size);
    const extent = await whenFetched(() => chainExtent(images, position, size), pace.signal);
    if (extent.kind === "zero" || extent.kind === "lost") {
      position += extent.length;
      continue;
    }
    const offset = Math.floor(position / unit) * unit;
    const length = Math.min(unit, size - offset);
    yield { offset, length };
    position = offset + length;
  }
}

/** The disk that a chain of images makes. */
export function chainContents(images: readonly DiskImage[], pace: Pace): DiskContents {
  return {
    size: images[0]!.virtualSize,
    async *pieces(unit) {
      const buffer = new Uint8Array(unit);
      for await (const { offset, length } of dataWindows(images, unit, pace)) {
        const bytes = length === unit ? buffer : buffer.subarray(0, length);
        await whenFetched(() => readChain(images, bytes, offset), pace.signal);
        pace.count(length);
        yield { offset, bytes };
      }
    },
  };
}

/** As {@linkcode chainContents}, without what its file systems say is free. */
function usedContents(images: ImageChain["images"], pace: Pace): DiskContents {
  return {
    size: images[0].virtualSize,
    async *pieces(unit) {
      yield* chainContents(await withoutFreeSpace(images, pace), pace).pieces(unit);
    },
  };
}

// The contents of a disk as they come in by a stream: a raw disk, byte after byte.

/** How much of the beginning and of the end of a stream says what it is. */
const MARGIN = 4096;

/**
 * The disk that a stream holds. The stream is read to its end, or cancelled where the copying ends
 * before.
 *
 * @param size What the caller says of the size; the stream may end before it.
 * @param check Refuses a stream that is no raw disk. It is asked as soon as its beginning is there, of a source
 * that has nothing but that, and once more when all has been read, of one that has the end too.
 */
export function streamContents(
  stream: ReadableStream<Uint8Array>,
  size: number | undefined,
  pace: Pace,
  check: (source: ByteSource) => void = () => {},
): DiskContents {
  return { size, pieces: (unit) => streamPieces(stream, unit, size, pace, check) };
}

async function* streamPieces(
  stream: ReadableStream<Uint8Array>,
  unit: number,
  size: number | undefined,
  pace: Pace,
  check: (source: ByteSource) => void,
): AsyncGenerator<DiskPiece> {
  const { signal } = pace;
  const margins = new StreamMargins();
  const reader = stream.getReader();
  // Ends a pending read, which may wait for ever; what the cancelling itself fails with says nothing new.
  const cancel = () => void reader.cancel(signal?.reason).catch(() => {});
  signal?.addEventListener("abort", cancel);
  let isOver = false;
  try {
    // A signal that was aborted before that does not say so any more.
    pace.assertWanted();
    const buffer = new Uint8Array(unit);
    let offset = 0;
    let filled = 0;
    while (true) {
      const { value, done } = await reader.read();
      pace.assertWanted();
      if (done) break;
      checkArgument(BYTES, value, "a chunk of source");
      if (margins.add(value)) check(margins.beginning());
      for (let taken = 0; taken < value.length;) {
        const part = value.subarray(taken, taken + unit - filled);
        buffer.set(part, filled);
        taken += part.length;
        filled += part.length;
        if (filled < unit) continue;
        yield { offset, bytes: buffer };
        offset += unit;
        filled = 0;
        pace.count(unit);
        await pace.reach(offset, size ?? 0);
      }
    }
    isOver = true;
    check(margins.whole());
    if (filled > 0) yield { offset, bytes: buffer.subarray(0, filled) };
  } finally {
    signal?.removeEventListener("abort", cancel);
    if (!isOver) await reader.cancel().catch(() => {});
    reader.releaseLock();
  }
}

/** The beginning and the end of what has come so far; what is between them reads as nothing. */
class StreamMargins {
  readonly #head = new Uint8Array(MARGIN);
  #tail: Uint8Array = new Uint8Array(0);
  #size = 0;

  /** Takes the next bytes; gives whether they have completed the beginning. */
  add(bytes: Uint8Array): boolean {
    const before = this.#size;
    if (before < MARGIN) this.#head.set(bytes.subarray(0, MARGIN - before), before);
    this.#size += bytes.length;
    // The buffer is its owner's, who may fill it anew.
    const latest = bytes.slice(-MARGIN);
    this.#tail = latest.length === MARGIN ? latest : joined(this.#tail, latest).slice(-MARGIN);
    return before < MARGIN && this.#size >= MARGIN;
  }

  beginning(): ByteSource {
    return this.#source(Number.MAX_SAFE_INTEGER);
  }

  whole(): ByteSource {
    return this.#source(this.#size);
  }

  #source(size: number): ByteSource {
    const tailOffset = this.#size - this.#tail.length;
    return {
      path: "",
      size,
      readAt: (buffer, offset) => {
        const head = this.#head.subarray(0, Math.min(this.#size, MARGIN));
        const bytes = offset < head.length
          ? head.subarray(offset)
          : offset >= tailOffset
          ? this.#tail.subarray(offset - tailOffset)
          : new Uint8Array(0);
        const part = bytes.subarray(0, buffer.length);
        buffer.set(part);
        return part.length;
      },
    };
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(first.length + second.length);
  bytes.set(first);
  bytes.set(second, first.length);
  return bytes;
}
