/**
 * The contents of a disk in long pieces and as streams: both backends read and write synchronously underneath, so
 * what is long is cut into pieces, between which the event loop gets its turn.
 *
 * @module
 */
import {
  BOOLEAN,
  byteCount,
  BYTES,
  checkArgument,
  checkOptions,
  NUMBER,
  type OptionKinds,
  SIGNAL,
} from "./arguments.ts";
import { nextTurn } from "./pause.ts";

/**
 * A range of a disk, in bytes.
 *
 * @category Contents
 */
export interface DiskRange {
  /**
   * Where it begins, in bytes from the start of the disk.
   *
   * @default {0}
   */
  offset?: number | undefined;
  /** How many bytes; by default, and at most, up to the end of the disk. */
  length?: number | undefined;
}

/**
 * How a stream reads.
 *
 * @category Contents
 */
export interface ReadableOptions extends DiskRange {
  /** Cancels the stream, which then fails with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/**
 * How a stream writes.
 *
 * @category Contents
 */
export interface WritableOptions {
  /**
   * Where in the disk the first chunk goes, in bytes.
   *
   * @default {0}
   */
  offset?: number | undefined;
  /** Cancels the stream, which then fails with the signal's reason. What has been written stays. */
  signal?: AbortSignal | undefined;
}

/**
 * How a range becomes zeros.
 *
 * @category Contents
 */
export interface ZeroOptions {
  /**
   * Whether the image file gets the space of the range, so that later writes there need no more.
   *
   * @default {false}
   */
  allocate?: boolean | undefined;
}

/** The kinds of the options. */
export const ZERO_OPTIONS: OptionKinds<ZeroOptions> = { allocate: BOOLEAN };
const DISK_RANGE: OptionKinds<DiskRange> = { offset: NUMBER, length: NUMBER };
const READABLE_OPTIONS: OptionKinds<ReadableOptions> = { ...DISK_RANGE, signal: SIGNAL };
const WRITABLE_OPTIONS: OptionKinds<WritableOptions> = { offset: NUMBER, signal: SIGNAL };

/** Bytes between two turns of the event loop: whole sectors of every disk. */
const PIECE = 1 << 20;

/** Reads as `VirtualDisk.readSync`, or once what is read has been fetched. */
export type Read = (buffer: Uint8Array, offset: number) => number | Promise<number>;

/** An open disk, as what is here writes it. */
export interface Contents {
  /** Writes as `VirtualDisk.writeSync`. */
  writeSync(buffer: Uint8Array, offset: number): number;
  /** Flushes as `VirtualDisk.flushSync`. */
  flushSync(): void;
}

/** How large a disk is, and what is read or written of it at least. */
export interface Geometry {
  /** Bytes of the disk. */
  readonly size: number;
  /** Offsets and lengths are multiples of it: 1, or the bytes of a sector. */
  readonly unit: number;
}

/**
 * Where a range begins and ends; what of it lies beyond the disk is left out.
 *
 * @throws {TypeError | RangeError} If it is no range.
 */
export function rangeOf(
  range: DiskRange,
  size: number,
  of: string,
): { readonly start: number; readonly end: number } {
  const { offset = 0, length } = checkOptions(DISK_RANGE, range, of);
  const start = Math.min(byteCount(offset, "offset"), size);
  const end = length === undefined ? size : start + byteCount(length, "length");
  return { start, end: Math.min(end, size) };
}

/** Reads a range piece by piece. What the disk throws, the promise is rejected with. */
export async function readInPieces(
  read: Read,
  buffer: Uint8Array,
  offset: number,
): Promise<number> {
  checkArgument(BYTES, buffer, "buffer");
  let done = 0;
  do {
    await nextTurn();
    const piece = buffer.subarray(done, done + PIECE);
    const length = await read(piece, offset + done);
    done += length;
    if (length < piece.length) break;
  } while (done < buffer.length);
  return done;
}

/**
 * Writes a range piece by piece. Each sector is in one of them, so that after a crash it is old or new.
 *
 * @param check Throws if not all of the range can be written: before any of it is.
 */
export async function writeInPieces(
  disk: Contents,
  buffer: Uint8Array,
  offset: number,
  check: () => void,
): Promise<number> {
  checkArgument(BYTES, buffer, "buffer");
  check();
  let done = 0;
  do {
    await nextTurn();
    const end = done + PIECE - (offset + done) % PIECE;
    done += disk.writeSync(buffer.subarray(done, end), offset + done);
  } while (done < buffer.length);
  return done;
}

/** Flushes in a turn of its own. */
export async function flushLater(disk: Contents): Promise<void> {
  await nextTurn();
  disk.flushSync();
}

/**
 * A stream of bytes of the disk. Nothing is read ahead, and a reader's own buffer is filled without a copy, unless it
 * does not hold whole units.
 *
 * @throws {TypeError | RangeError} If an option is wrong.
 */
export function readableOf(
  read: Read,
  { size, unit }: Geometry,
  options: ReadableOptions,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const { signal, ...range } = checkOptions(READABLE_OPTIONS, options, "readable");
  const { start, end } = rangeOf(range, size, "readable");
  let position = start;
  /** What was read of a unit beyond what its reader had room for. */
  let rest = new Uint8Array(0);

  /** Gives no bytes at the end alone. */
  async function fill(view: Uint8Array<ArrayBuffer>): Promise<number> {
    const wanted = Math.min(view.length, PIECE, end - position);
    if (wanted <= 0) return 0;
    const whole = wanted - wanted % unit;
    if (rest.length === 0 && whole > 0) return await read(view.subarray(0, whole), position);
    if (rest.length === 0) {
      const sector = new Uint8Array(unit);
      await read(sector, position);
      rest = sector;
    }
    const length = Math.min(wanted, rest.length);
    view.set(rest.subarray(0, length));
    rest = rest.subarray(length);
    return length;
  }

  return new ReadableStream({
    type: "bytes",
    // A reader without a buffer of its own gets one for each chunk.
    autoAllocateChunkSize: Math.max(unit, Math.min(PIECE, end - start)),
    async pull(controller) {
      // Reads are synchronous: between two of them the event loop gets its turn.
      await nextTurn();
      signal?.throwIfAborted();
      await respond(controller, fill, (length) => {
        position += length;
      });
    },
  });
}

/**
 * Fills the memory that the reader of a byte stream has brought. No bytes are the end of the stream.
 *
 * @param onFilled Is told how many bytes the reader gets; what it throws, the stream fails with.
 */
export async function respond(
  controller: ReadableByteStreamController,
  fill: (view: Uint8Array<ArrayBuffer>) => Promise<number>,
  onFilled: (length: number) => void,
): Promise<void> {
  const request = controller.byobRequest;
  // It was cancelled meanwhile.
  if (!request?.view) return;
  const { buffer, byteOffset, byteLength } = request.view;
  const length = await fill(new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength));
  // As above: nobody asks for it any more.
  if (!request.view) return;
  onFilled(length);
  if (length === 0) controller.close();
  request.respond(length);
}

/**
 * A stream into the disk, which is flushed when the stream is closed.
 *
 * @throws {TypeError | RangeError} If an option is wrong.
 */
export function writableOf(
  disk: Contents & { write(buffer: Uint8Array, offset: number): Promise<number> },
  { unit }: Geometry,
  options: WritableOptions,
): WritableStream<Uint8Array> {
  const { signal, offset = 0 } = checkOptions(WRITABLE_OPTIONS, options, "writable");
  let position = byteCount(offset, "offset");
  /** The beginning of a unit. */
  let rest = new Uint8Array(0);
  return new WritableStream({
    async write(chunk) {
      signal?.throwIfAborted();
      checkArgument(BYTES, chunk, "chunk");
      const bytes = rest.length === 0 ? chunk : joined(rest, chunk);
      const whole = bytes.length - bytes.length % unit;
      if (whole > 0) position += await disk.write(bytes.subarray(0, whole), position);
      rest = bytes.slice(whole);
    },
    async close() {
      signal?.throwIfAborted();
      // The disk says what is wrong with a part of a unit.
      if (rest.length > 0) await disk.write(rest, position);
      await flushLater(disk);
    },
  });
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const all = new Uint8Array(first.length + second.length);
  all.set(first);
  all.set(second, first.length);
  return all;
}
