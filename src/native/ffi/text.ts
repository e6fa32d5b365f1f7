/** Strings as Windows functions take them: UTF-16, ended by a NUL. */
import { decodeUtf16, encodeUtf16 } from "../../bytes/utf16.ts";
import {
  VirtualDiskError,
  virtualDiskError,
  type VirtualDiskErrorOptions,
} from "../../errors/error.ts";
import type { Kernel32 } from "./kernel32.ts";

/**
 * A string as a function takes it.
 *
 * @throws {TypeError} Where it holds a NUL: Windows would see it cut off there.
 *
 * @category Memory
 */
export function wideString(text: string): Uint8Array<ArrayBuffer> {
  if (text.includes("\0")) throw new TypeError(`text holds a NUL: ${JSON.stringify(text)}`);
  return encodeUtf16(`${text}\0`);
}

/** Lists of strings as Windows functions give them. */

/** The strings of a multi-string: an empty one, or its end, ends it. */
export function multiString(text: string): string[] {
  const all = text.split("\0");
  const end = all.indexOf("");
  return end < 0 ? all : all.slice(0, end);
}

/** The functions that tell a path. */
type PathKernel32 = Pick<Kernel32, "GetFullPathNameW" | "GetLastError">;

/** The longest path without a prefix, its NUL counted. */
const MAX_PATH = 260;
/** The longest path of all, its NUL counted (Microsoft, "Maximum Path Length Limitation"). */
const MAX_LONG_PATH = 32768;
/** What most paths fit into, until they are text. */
const PATH_BUFFER = new Uint8Array(2 * MAX_PATH);
const PREFIX = "\\\\?\\";
const UNC_PREFIX = "\\\\?\\UNC\\";
const UNC_START = "\\\\";
/** `\\?\`, where nothing is interpreted, and `\\.\`, where devices are. */
const DEVICE_PATH = /^\\\\[?.]\\/;

/**
 * The absolute form of a path, by the current directory of the process as Windows knows it: asking Deno
 * for it would need `--allow-read`.
 *
 * @param operation For whom, if it fails.
 * @throws {VirtualDiskError} As GetFullPathNameW says, or `ERROR_FILENAME_EXCED_RANGE`.
 */
export function fullPath(kernel32: PathKernel32, path: string, operation: string): string {
  return fullWidePath(kernel32, path, operation).path;
}

/** A path, and how functions take it. */
export interface WidePath {
  readonly path: string;
  readonly wide: Uint8Array<ArrayBuffer>;
}

/** As {@linkcode fullPath}, with the path as functions take it: mostly the same as was asked for. */
export function fullWidePath(kernel32: PathKernel32, path: string, operation: string): WidePath {
  const wide = wideString(path);
  if (DEVICE_PATH.test(path)) return { path, wide };
  const full = withPrefix(writtenPath(
    kernel32,
    (buffer, characters) => kernel32.GetFullPathNameW(wide, characters, buffer, null),
    operation,
    { path },
  ));
  return { path: full, wide: full === path ? wide : wideString(full) };
}

/** An absolute path as Windows takes it, whatever its length. */
export function withPrefix(path: string): string {
  if (path.length < MAX_PATH || DEVICE_PATH.test(path)) return path;
  return path.startsWith(UNC_START) ? UNC_PREFIX + path.slice(UNC_START.length) : PREFIX + path;
}

/** The directory of the system's own DLLs. */
export function systemDirectory(kernel32: Kernel32): string {
  return writtenPath(kernel32, kernel32.GetSystemDirectoryW, "GetSystemDirectoryW", {});
}

/**
 * What a function wrote that takes a buffer and its size in characters: it returns the length of the
 * path, or the characters that it needs with the NUL where they are more than that, or 0 where it failed.
 */
function writtenPath(
  kernel32: Pick<Kernel32, "GetLastError">,
  write: (buffer: Uint8Array<ArrayBuffer>, characters: number) => number,
  operation: string,
  options: VirtualDiskErrorOptions,
): string {
  for (const characters of [MAX_PATH, MAX_LONG_PATH]) {
    const buffer = characters === MAX_PATH ? PATH_BUFFER : new Uint8Array(2 * characters);
    const length = write(buffer, characters);
    if (length === 0) throw new VirtualDiskError(kernel32.GetLastError(), operation, options);
    if (length < characters) return decodeUtf16(buffer.subarray(0, 2 * length));
  }
  throw virtualDiskError("ERROR_FILENAME_EXCED_RANGE", operation, options);
}
