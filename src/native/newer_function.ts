/** Functions that are newer than Windows 8, and that a system may therefore lack. */
import { virtualDiskError } from "../errors/error.ts";
import type { VirtDisk } from "./virtdisk.ts";

const WINDOWS_10 = "Windows 10 or Windows Server 2016";
const WINDOWS_10_1809 = "Windows 10 version 1809 or Windows Server 2019";

/** The name of a function that is newer than Windows 8. */
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
