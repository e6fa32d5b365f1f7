/** An open disk, as the calls that work on it need it. */
import { VirtualDiskError, virtualDiskError } from "../../errors/error.ts";
import type { Libraries } from "../ffi/library.ts";
import type { VirtDisk } from "../ffi/virtdisk.ts";

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

/** The operations of one disk that are not over: its handle must not be closed under them. */
export class RunningCalls {
  readonly #names = new Map<symbol, string>();

  /** Runs an operation. */
  async run<T>(name: string, work: () => Promise<T>): Promise<T> {
    const end = this.begin(name);
    try {
      return await work();
    } finally {
      end();
    }
  }

  /** An operation begins; the function that is returned ends it. */
  begin(name: string): () => void {
    const key = Symbol(name);
    this.#names.set(key, name);
    return () => this.#names.delete(key);
  }

  /**
   * Makes sure that the handle may be closed.
   *
   * @throws {VirtualDiskError} `ERROR_INVALID_STATE` while something goes on.
   */
  assertNone(path: string): void {
    const [name] = this.#names.values();
    if (name === undefined) return;
    throw virtualDiskError("ERROR_INVALID_STATE", "CloseHandle", {
      path,
      reason: `${name} is not over`,
    });
  }
}

/** Options that are flags each. */

/** The bits of the options that are set. */
export function flagsOf(...flags: readonly (readonly [boolean | undefined, number])[]): number {
  return flags.reduce((sum, [isSet, bit]) => isSet ? sum | bit : sum, 0);
}

// Functions that are newer than Windows 8, and that a system may therefore lack.

const WINDOWS_10 = "Windows 10 or Windows Server 2016";
const WINDOWS_10_1809 = "Windows 10 version 1809 or Windows Server 2019";

/**
 * The name of a function that is newer than Windows 8.
 *
 * @category Functions
 */
export type NewerFunctionName =
  | "QueryChangesVirtualDisk"
  | "TakeSnapshotVhdSet"
  | "DeleteSnapshotVhdSet"
  | "ModifyVhdSet"
  | "ApplySnapshotVhdSet"
  | "RawSCSIVirtualDisk"
  | "ForkVirtualDisk"
  | "CompleteForkVirtualDisk";

/** Which Windows has each first: the pages of the functions, and the gates of virtdisk.h. */
const SINCE: Record<NewerFunctionName, string> = {
  QueryChangesVirtualDisk: WINDOWS_10,
  TakeSnapshotVhdSet: WINDOWS_10,
  DeleteSnapshotVhdSet: WINDOWS_10,
  ModifyVhdSet: WINDOWS_10,
  ApplySnapshotVhdSet: WINDOWS_10,
  RawSCSIVirtualDisk: WINDOWS_10,
  ForkVirtualDisk: WINDOWS_10_1809,
  CompleteForkVirtualDisk: WINDOWS_10_1809,
};

/**
 * A function that is newer than Windows 8.
 *
 * @throws {VirtualDiskError} `ERROR_CALL_NOT_IMPLEMENTED`, with the Windows that has it, where this one
 * has not.
 *
 * @category Functions
 */
export function newerFunction<N extends NewerFunctionName>(
  virtdisk: VirtDisk,
  name: N,
): NonNullable<VirtDisk[N]> {
  return present(virtdisk[name], name);
}

/** The same function in another form: `found` is `null` where this Windows does not have it. */
export function present<F>(found: F, name: NewerFunctionName): NonNullable<F> {
  if (found) return found;
  throw virtualDiskError("ERROR_CALL_NOT_IMPLEMENTED", name, {
    reason: "this Windows does not have the function",
    causes: [`It needs ${SINCE[name]}.`],
  });
}

/**
 * Refuses options of the portable backend that are set: what Windows cannot leave undone, or do besides, must
 * not look as if it had.
 *
 * @throws {VirtualDiskError} `ERROR_NOT_SUPPORTED`, with the option's name.
 */
export function refusePortable(
  operation: string,
  path: string,
  options: Readonly<Record<string, unknown>>,
): void {
  const name = Object.keys(options).find((key) => (options[key] ?? false) !== false);
  if (name === undefined) return;
  throw virtualDiskError("ERROR_NOT_SUPPORTED", operation, {
    path,
    reason: `${name} is an option of the portable backend`,
    causes: ['Open the disk with { backend: "portable" }.'],
  });
}
