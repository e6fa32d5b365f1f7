/**
 * What an image is read from: a file of the host, or something else that holds its bytes.
 *
 * @module
 */
import { virtualDiskError } from "../errors/error.ts";
import { checkArgument, type Kind, PATH, toHostPath } from "./arguments.ts";

/**
 * Bytes that are read and written at any place, at once: the shape of `FileSystemSyncAccessHandle`, which browsers
 * have, and which anything can be given that holds bytes.
 *
 * What is only read needs `read` and `getSize` alone.
 *
 * @example An image in the memory of a program, behind an object of its own
 * ```ts
 * import { createVirtualDisk, openVirtualDisk, type RandomAccess } from "@virtdisk/virtdisk";
 *
 * const path = `${await Deno.makeTempDir()}/disk.vhdx`;
 * (await createVirtualDisk(path, { size: "64MiB", backend: "portable" })).close();
 * const bytes = await Deno.readFile(path);
 *
 * const handle: RandomAccess = {
 *   getSize: () => bytes.length,
 *   read(buffer, { at }) {
 *     const part = bytes.subarray(at, at + buffer.length);
 *     buffer.set(part);
 *     return part.length;
 *   },
 * };
 * using disk = await openVirtualDisk(handle, { backend: "portable" });
 * console.log(disk.size); // 67108864
 * ```
 *
 * @category Opening
 */
export interface RandomAccess {
  /**
   * Fills the buffer with what is at `at`, a number of bytes from the start.
   *
   * @returns How many bytes were read: less than asked for is no error, 0 is the end.
   */
  read(buffer: Uint8Array, options: { at: number }): number;
  /**
   * Writes what the buffer holds to `at`. What lies between the former end and `at` reads as zeros.
   *
   * @returns How many bytes were written: at least 1.
   */
  write?(buffer: Uint8Array, options: { at: number }): number;
  /** How many bytes there are. */
  getSize(): number;
  /** Sets the length; what is added reads as zeros. */
  truncate?(size: number): void;
  /** Returns once everything written before is durable. */
  flush?(): void;
  /** Called when the disk is closed that was opened with it. */
  close?(): void;
}

/**
 * What an image is read from.
 *
 * - A string is always a path of the host, whatever it looks like; so is a `file:` URL.
 * - An `https:` or `http:` URL, as an object, is only read, by range requests: see below.
 * - A {@linkcode RandomAccess} is read, and if the disk is opened for writing written, through its methods.
 * - A `Uint8Array` is read and written in place.
 * - A `Blob`, such as a `File`, is only read, and its bytes come later than they are asked for: see
 *   `PortableVirtualDisk.fetched`.
 *
 * All but a path is for the portable backend. What has no path is not locked, and has no folder in which images could
 * be looked for that have it as their parent: nobody else may write to it while the disk is open. Nothing is opened or
 * fetched that such an image names: its parents are given with `parents`.
 *
 * A URL needs `--allow-net` for its server, and for those to which that redirects. Of the file, 512 KiB are fetched when
 * it is opened, and pages of 64 KiB when they are asked for, two at least; 64 MiB of them are kept. The server must answer range
 * requests, and say which version of the file it answers with (`ETag` or `Last-Modified`): a file that changes while it
 * is open is an error (`ERROR_FILE_INVALID`), never a mix. A server that breaks off, or is busy, is asked three times
 * more; one that is silent for 30 seconds is given up (`ERROR_TIMEOUT`). A redirect is followed, but not from `https:`
 * to `http:`. Over `http:` anybody on the way can read and change the file: that is for servers in the same house.
 *
 * @example A file on a server, of which as much is fetched as is asked for
 * ```ts
 * import { openVirtualDisk } from "@virtdisk/virtdisk";
 *
 * const server = Deno.serve({ port: 0, onListen() {} }, () => new Response("no image here"));
 * const url = new URL(`http://localhost:${server.addr.port}/disk.vhdx`);
 * try {
 *   using disk = await openVirtualDisk(url, { backend: "portable" });
 *   console.log(disk.size);
 * } catch (error) {
 *   console.log(error instanceof Error && error.message);
 * }
 * await server.shutdown();
 * ```
 *
 * @category Opening
 */
export type DiskSource = string | URL | RandomAccess | Uint8Array | Blob;

/** What is not a path of the host. */
export type PathlessSource = RandomAccess | FetchedSource | Uint8Array;

/** What gives its bytes later than they are asked for. */
export type FetchedSource = Blob | URL;

/** A source: a path of the host as functions take it, or what is none. */
export type HostSource = string | PathlessSource;

/** What a {@linkcode DiskSource} is. */
export const SOURCE: Kind = {
  expected: "a path, a URL, a Uint8Array, a Blob or an object with read() and getSize()",
  accepts: (value) =>
    PATH.accepts(value) || value instanceof Uint8Array || value instanceof Blob ||
    isRandomAccess(value),
};

/** Read by range requests. */
const WEB: readonly string[] = ["https:", "http:"];

/** Some of them, in order. */
export const SOURCES: Kind = {
  expected: `an array, each of it ${SOURCE.expected}`,
  accepts: (value) => Array.isArray(value) && value.every(SOURCE.accepts),
};

/**
 * The source that a caller passed.
 *
 * @throws {TypeError} If it cannot be one.
 */
export function toHostSource(source: DiskSource, name: string): HostSource {
  checkArgument(SOURCE, source, name);
  if (typeof source !== "string" && !(source instanceof URL)) return source;
  if (source instanceof URL && WEB.includes(source.protocol)) return source;
  if (source instanceof URL && source.protocol !== "file:") {
    throw new TypeError(
      `${name} must be a URL of file:, https: or http:, not of ${source.protocol}`,
    );
  }
  return toHostPath(source, name);
}

/** What messages call a source: its path, if it has one; a URL without what it asks for, and who asks. */
export function nameOfSource(source: HostSource): string {
  if (typeof source === "string") return source;
  // What gives access to a file belongs into no message.
  if (source instanceof URL) return source.origin + source.pathname;
  if (source instanceof File) return source.name;
  if (source instanceof Blob) return "(Blob)";
  return source instanceof Uint8Array ? "(Uint8Array)" : "(handle)";
}

/** Whether a source gives its bytes later than they are asked for. */
export function isFetchedSource(source: HostSource): source is FetchedSource {
  return source instanceof Blob || source instanceof URL;
}

/**
 * The path of a source for Windows, which opens files alone.
 *
 * @param operation Of virtdisk.h.
 * @throws {VirtualDiskError} `ERROR_INVALID_PARAMETER` if it has none.
 */
export function pathForWindows(source: HostSource, operation: string): string {
  if (typeof source === "string") return source;
  throw virtualDiskError("ERROR_INVALID_PARAMETER", operation, {
    path: nameOfSource(source),
    reason: "the native backend opens files by their path, and nothing else",
    causes: ['The portable backend opens it: use { backend: "portable" }.'],
  });
}

function isRandomAccess(value: unknown): value is RandomAccess {
  if (typeof value !== "object" || value === null) return false;
  const { read, getSize } = value as Partial<RandomAccess>;
  return typeof read === "function" && typeof getSize === "function";
}
