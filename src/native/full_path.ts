/** Paths as VirtDisk.dll should be given them: absolute, and of any length. */
import { VirtualDiskError } from "../errors.ts";
import type { Kernel32 } from "./kernel32.ts";
import { pathFrom, wideString } from "./wide_string.ts";

/** MAX_PATH: longer paths, counted with the NUL, are for names with a prefix alone. */
const MAX_PATH = 260;
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
 * @throws {VirtualDiskError} As GetFullPathNameW says.
 */
export function fullPath(kernel32: Kernel32, path: string, operation: string): string {
  if (DEVICE_PATH.test(path)) return path;
  const name = wideString(path);
  const full = pathFrom((buffer, characters) =>
    kernel32.GetFullPathNameW(name, characters, buffer, null)
  );
  if (full === undefined) throw new VirtualDiskError(kernel32.GetLastError(), operation, { path });
  return full.length < MAX_PATH || DEVICE_PATH.test(full) ? full : prefixed(full);
}

function prefixed(path: string): string {
  return path.startsWith(UNC_START) ? UNC_PREFIX + path.slice(UNC_START.length) : PREFIX + path;
}
