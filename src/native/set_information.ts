/** The call of SetVirtualDiskInformation. */
import { SET_VIRTUAL_DISK_INFO as CLASS } from "../constants.ts";
import type { InformationChange } from "../disk/information.ts";
import { assertSuccess, type CalledDisk } from "./called_disk.ts";
import { CallMemory } from "./call_memory.ts";
import { fullPath } from "./full_path.ts";
import { refusePortable } from "./portable_options.ts";
import { SET_VIRTUAL_DISK_INFO, type SetVirtualDiskInfo } from "./structs.ts";

const OPERATION = "SetVirtualDiskInformation";

/**
 * Sets a class of information.
 *
 * @throws {VirtualDiskError} With the code that the call returns.
 */
export function setInformation(disk: CalledDisk, change: InformationChange): void {
  const { virtdisk, kernel32 } = disk.libraries;
  const isParent = change.kind === "parentPath" || change.kind === "parentPathWithDepth";
  refusePortable(OPERATION, disk.path, { dryRun: isParent && change.value.dryRun });
  using memory = new CallMemory(kernel32);
  const addressOfPath = (path: string) =>
    memory.addressOfString(fullPath(kernel32, path, OPERATION));
  const info = SET_VIRTUAL_DISK_INFO.pack(infoOf(change, addressOfPath));
  const code = virtdisk.SetVirtualDiskInformation(disk.handle, memory.keep(info));
  assertSuccess(code, OPERATION, disk.path);
}

function infoOf(
  { kind, value }: InformationChange,
  addressOfPath: (path: string) => bigint,
): SetVirtualDiskInfo {
  switch (kind) {
    case "parentPath":
      return { Version: CLASS.PARENT_PATH, ParentFilePath: addressOfPath(value.path) };
    case "identifier":
      return { Version: CLASS.IDENTIFIER, UniqueIdentifier: value };
    case "parentPathWithDepth": {
      const { childDepth: ChildDepth, path } = value;
      return {
        Version: CLASS.PARENT_PATH_WITH_DEPTH,
        ParentPathWithDepthInfo: { ChildDepth, ParentFilePath: addressOfPath(path) },
      };
    }
    case "vhdPhysicalSectorSize":
      return { Version: CLASS.PHYSICAL_SECTOR_SIZE, VhdPhysicalSectorSize: value };
    case "virtualDiskId":
      return { Version: CLASS.VIRTUAL_DISK_ID, VirtualDiskId: value };
    case "changeTrackingEnabled":
      return { Version: CLASS.CHANGE_TRACKING_STATE, ChangeTrackingEnabled: value };
    case "parentLocator": {
      const { linkageId: LinkageId, path } = value;
      return {
        Version: CLASS.PARENT_LOCATOR,
        ParentLocator: { LinkageId, ParentFilePath: addressOfPath(path) },
      };
    }
  }
}
