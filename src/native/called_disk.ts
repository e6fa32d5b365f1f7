/** An open disk, as the calls that work on it need it. */
import { VirtualDiskError } from "../errors/error.ts";
import type { Libraries } from "./library.ts";

/** What a call needs. */
export interface CalledDisk {
  /** The functions. */
  readonly libraries: Libraries;
  /** The handle of the open disk. */
  readonly handle: bigint;
  /** The image's path, for errors. */
  readonly path: string;
}

/** Throws where a function of VirtDisk.dll returned an error code. */
export function assertSuccess(code: number, operation: string, path?: string): void {
  if (code !== 0) throw new VirtualDiskError(code, operation, { path });
}
