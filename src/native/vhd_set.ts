/** The calls for VHD Sets. */
import {
  checkArgument,
  checkGuid,
  checkOptions,
  OBJECT,
  oneOf,
  toHostPath,
} from "../disk/arguments.ts";
import { NIL_GUID } from "../bytes/guid.ts";
import {
  APPLY_SNAPSHOT_VHDSET_FLAG,
  DELETE_SNAPSHOT_VHDSET_FLAG,
  MODIFY_VHDSET,
  MODIFY_VHDSET_FLAG,
  TAKE_SNAPSHOT_VHDSET_FLAG,
} from "../constants.ts";
import {
  APPLY_SNAPSHOT_OPTIONS,
  type ApplySnapshotOptions,
  DELETE_SNAPSHOT_OPTIONS,
  type DeleteSnapshotOptions,
  TAKE_SNAPSHOT_OPTIONS,
  type TakeSnapshotOptions,
  type VhdSetChange,
} from "../disk/driver_options.ts";
import { assertSuccess, type CalledDisk, newerFunction } from "./call/disk_call.ts";
import { CallMemory } from "./call/memory.ts";
import { fullPath } from "./ffi/text.ts";
import {
  APPLY_SNAPSHOT_VHDSET_PARAMETERS,
  DELETE_SNAPSHOT_VHDSET_PARAMETERS,
  MODIFY_VHDSET_PARAMETERS,
  type ModifyVhdSetParameters,
  TAKE_SNAPSHOT_VHDSET_PARAMETERS,
} from "./ffi/structs.ts";

const CHANGE_KIND = oneOf("snapshot-path", "remove-snapshot", "default-path");

/** Adds a snapshot to an open VHD Set; gives its id. */
export function takeSnapshot(disk: CalledDisk, given: TakeSnapshotOptions): string {
  const options = checkOptions(TAKE_SNAPSHOT_OPTIONS, given, "takeSnapshot");
  const operation = "TakeSnapshotVhdSet";
  const SnapshotId = snapshotIdOf(options.snapshotId ?? crypto.randomUUID(), "snapshotId");
  const parameters = TAKE_SNAPSHOT_VHDSET_PARAMETERS.pack({ Version: 1, Version1: { SnapshotId } });
  const flags = options.writable
    ? TAKE_SNAPSHOT_VHDSET_FLAG.WRITEABLE
    : TAKE_SNAPSHOT_VHDSET_FLAG.NONE;
  const call = newerFunction(disk.libraries.virtdisk, operation);
  assertSuccess(call(disk.handle, parameters, flags), operation, disk.path);
  return SnapshotId;
}

/** Removes a snapshot from an open VHD Set. */
export function deleteSnapshot(
  disk: CalledDisk,
  snapshotId: string,
  given: DeleteSnapshotOptions,
): void {
  const options = checkOptions(DELETE_SNAPSHOT_OPTIONS, given, "deleteSnapshot");
  const operation = "DeleteSnapshotVhdSet";
  const SnapshotId = snapshotIdOf(snapshotId, "snapshotId");
  const parameters = DELETE_SNAPSHOT_VHDSET_PARAMETERS.pack({
    Version: 1,
    Version1: { SnapshotId },
  });
  const flags = options.persistReferencePoint
    ? DELETE_SNAPSHOT_VHDSET_FLAG.PERSIST_RCT
    : DELETE_SNAPSHOT_VHDSET_FLAG.NONE;
  const call = newerFunction(disk.libraries.virtdisk, operation);
  assertSuccess(call(disk.handle, parameters, flags), operation, disk.path);
}

/** Makes a snapshot the active state of an open VHD Set. */
export function applySnapshot(
  disk: CalledDisk,
  snapshotId: string,
  given: ApplySnapshotOptions,
): void {
  const options = checkOptions(APPLY_SNAPSHOT_OPTIONS, given, "applySnapshot");
  const operation = "ApplySnapshotVhdSet";
  const { leafSnapshotId } = options;
  const SnapshotId = snapshotIdOf(snapshotId, "snapshotId");
  const LeafSnapshotId = leafSnapshotId === undefined
    ? NIL_GUID
    : snapshotIdOf(leafSnapshotId, "leafSnapshotId");
  const parameters = APPLY_SNAPSHOT_VHDSET_PARAMETERS.pack({
    Version: 1,
    Version1: { SnapshotId, LeafSnapshotId },
  });
  const flags = options.writable
    ? APPLY_SNAPSHOT_VHDSET_FLAG.WRITEABLE
    : APPLY_SNAPSHOT_VHDSET_FLAG.NONE;
  const call = newerFunction(disk.libraries.virtdisk, operation);
  assertSuccess(call(disk.handle, parameters, flags), operation, disk.path);
}

/** Changes the table of an open VHD Set. */
export function modifyVhdSet(disk: CalledDisk, change: VhdSetChange): void {
  const operation = "ModifyVhdSet";
  checkArgument(CHANGE_KIND, checkArgument(OBJECT, change, "the change").kind, "kind");
  const { virtdisk, kernel32 } = disk.libraries;
  const call = newerFunction(virtdisk, operation);
  using memory = new CallMemory(kernel32);
  const parameters = modification(
    change,
    (path) => memory.addressOfString(fullPath(kernel32, toHostPath(path), operation)),
  );
  const flags = change.kind === "snapshot-path" && change.writable
    ? MODIFY_VHDSET_FLAG.WRITEABLE_SNAPSHOT
    : MODIFY_VHDSET_FLAG.NONE;
  const packed = memory.keep(MODIFY_VHDSET_PARAMETERS.pack(parameters));
  assertSuccess(call(disk.handle, packed, flags), operation, disk.path);
}

function modification(
  change: VhdSetChange,
  addressOfPath: (path: string | URL) => bigint,
): ModifyVhdSetParameters {
  switch (change.kind) {
    case "snapshot-path": {
      const SnapshotId = snapshotIdOf(change.snapshotId, "snapshotId");
      const SnapshotFilePath = addressOfPath(change.path);
      return {
        Version: MODIFY_VHDSET.SNAPSHOT_PATH,
        SnapshotPath: { SnapshotId, SnapshotFilePath },
      };
    }
    case "remove-snapshot": {
      const SnapshotId = snapshotIdOf(change.snapshotId, "snapshotId");
      return { Version: MODIFY_VHDSET.REMOVE_SNAPSHOT, SnapshotId };
    }
    case "default-path": {
      const DefaultFilePath = addressOfPath(change.path);
      return { Version: MODIFY_VHDSET.DEFAULT_SNAPSHOT_PATH, DefaultFilePath };
    }
  }
}

/** An all-zero id means "none" where the set is concerned, and names no snapshot. */
function snapshotIdOf(value: string, name: string): string {
  const guid = checkGuid(value, name);
  if (guid === NIL_GUID) throw new TypeError(`${name} is all zeros, which names no snapshot`);
  return guid;
}
