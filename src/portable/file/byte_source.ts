/**
 * What a format parser reads from: an image file, or the file with its log replayed in memory.
 *
 * @module
 */
import { isAllZero } from "../../bytes/zeros.ts";
import type { ErrorSymbol } from "../../errors/codes.ts";
import { damaged } from "./image_error.ts";

/** Random access to the bytes of an image. */
export interface ByteSource {
  /** The absolute path of the file; of what has none, what messages call it. */
  readonly path: string;
  /** What has no path: the object that the bytes come from. */
  readonly origin?: object | undefined;
  /** Length in bytes. */
  readonly size: number;
  /**
   * Fills `buffer` from `offset` on.
   *
   * @returns The bytes read: less than the buffer's length only where the source ends.
   */
  readAt(buffer: Uint8Array, offset: number): number;
}

/** Random access that writes too. */
export interface WritableSource extends ByteSource {
  /** Writes all of `bytes` at `offset`; the file grows as it must. */
  writeAt(bytes: Uint8Array, offset: number): void;
  /** Sets the length; what is added reads as zeros, and takes no space where the file system can. */
  truncate(size: number): void;
  /**
   * Copies a range of the file to another place in it, which shares no byte with it. Absent if there is no
   * shorter way than to read and write.
   */
  copyWithin?(from: number, to: number, length: number): void;
  /** Returns once everything written before is durable; what is written later is not durable before it. */
  flush(): void;
  /** For a `BackgroundWriter`. Absent if writing leaves nobody time for anything else. */
  inBackground?(): BackgroundFile;
}

/** A file that can be written while something else is done. */
export interface BackgroundFile {
  /** Writes all of `bytes`; nothing else is done with the file until then. */
  write(bytes: Uint8Array, offset: number): Promise<void>;
  /** Opens the file once more: to make durable what has been written, while more is. */
  reopen(): SyncHandle;
}

/** What makes a file durable. */
export interface SyncHandle {
  sync(): Promise<void>;
  close(): void;
}

/** What is open while a disk is: a file of the host, or whatever else holds the bytes of an image. */
export interface OpenFile extends WritableSource {
  /** Whether a write has failed, after which nothing more is written. */
  readonly hasFailed: boolean;
  /** Whether a write found no room that could have been done again, and nothing has been made durable since. */
  readonly lacksRoom: boolean;
  /**
   * Runs changes after which nothing is uncertain if there is no room for a write: they leave all in order for
   * others, and can be done again. Any other failure, and one of a flush, ends the writing all the same.
   */
  retryable<T>(run: () => T): T;
  /** The same for all names of one file, and for nothing else. */
  identity(): string;
  close(): void;
}

/**
 * Reads exactly `length` bytes of a structure. Callers bound `length` before: it is allocated.
 *
 * @throws {ImageError} `code` where the source ends before.
 */
export function readStructure(
  source: ByteSource,
  offset: number,
  length: number,
  structure: string,
  code: ErrorSymbol,
): Uint8Array<ArrayBuffer> {
  return readStructureInto(new Uint8Array(length), source, offset, structure, code);
}

/** As {@linkcode readStructure}, of as many bytes as `target` has, into these. */
export function readStructureInto<T extends Uint8Array>(
  target: T,
  source: ByteSource,
  offset: number,
  structure: string,
  code: ErrorSymbol,
): T {
  const count = source.readAt(target, offset);
  if (count < target.length) {
    throw damaged(source, code, structure, offset, `${count} bytes`, `${target.length} bytes`);
  }
  return target;
}

/** What is read and written at once, in bytes. */
const PIECE = 2 ** 20;

/** Makes a range read as zeros. What does so already is not written: holes stay holes. */
export function fillWithZeros(file: WritableSource, offset: number, length: number): void {
  const present = new Uint8Array(Math.min(PIECE, length));
  for (let done = 0; done < length; done += PIECE) {
    const piece = present.subarray(0, Math.min(PIECE, length - done));
    piece.fill(0);
    file.readAt(piece, offset + done);
    if (!isAllZero(piece)) file.writeAt(piece.fill(0), offset + done);
  }
}

/** Some of the bytes. All of them are not cut out: a view costs as much as a good part of a short read or write. */
export function partOf<T extends Uint8Array>(bytes: T, start: number, end: number): T {
  return start === 0 && end >= bytes.length ? bytes : bytes.subarray(start, end) as T;
}

/** A view over all of `bytes`, wherever they lie in their buffer. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Whether the ASCII text `signature` stands at `offset`. */
export function hasSignature(bytes: Uint8Array, offset: number, signature: string): boolean {
  if (offset + signature.length > bytes.length) return false;
  for (let i = 0; i < signature.length; i++) {
    if (bytes[offset + i] !== signature.charCodeAt(i)) return false;
  }
  return true;
}

/** The bytes of an ASCII field as printable text, for error messages. */
export function asciiField(bytes: Uint8Array, offset: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(offset, offset + length))
    // deno-lint-ignore no-control-regex -- control characters are what it replaces
    .replaceAll(/[\x00-\x1f\x7f-\xff]/g, ".");
}
