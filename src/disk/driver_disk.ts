/**
 * What Windows' driver alone can do with a disk in one call: change tracking, chains made by hand, SCSI
 * commands, VHD Sets.
 *
 * @module
 */
import { OperatedDisk } from "./operated_disk.ts";
import type { StorageDependency } from "./storage_dependency.ts";
import type {
  ApplySnapshotOptions,
  ChangedRange,
  ChangeQueryOptions,
  DeleteSnapshotOptions,
  ScsiRequest,
  ScsiResponse,
  TakeSnapshotOptions,
  VhdSetChange,
} from "./driver_options.ts";

/**
 * The part of `VirtualDisk` that needs Windows' driver. Each method throws `ERROR_NOT_SUPPORTED` where
 * the disk was opened by the portable backend, and `ERROR_INVALID_HANDLE` after `close()`.
 */
export abstract class DriverDisk extends OperatedDisk {
  /**
   * The ranges that have changed since a tracking point, as QueryChangesVirtualDisk gives them. Windows
   * 10; the disk must have change tracking switched on.
   *
   * @example Copy what has changed since the last backup
   * ```ts ignore
   * import { openVirtualDisk } from "@virtdisk/virtdisk";
   *
   * using disk = await openVirtualDisk("C:\\vm\\disk.vhdx", { backend: "native" });
   * const { mostRecentId } = disk.getInformation("changeTrackingState");
   * for (const { offset, length } of disk.queryChanges(mostRecentId)) console.log(offset, length);
   * ```
   *
   * @param changeTrackingId The tracking point: a `mostRecentId` of `getInformation("changeTrackingState")`
   * kept from an earlier time.
   * @param options Which part of the disk; by default all of it.
   * @returns The ranges in order. They are asked for page by page, while one iterates; the disk must stay
   * open meanwhile.
   * @throws {VirtualDiskError} `ERROR_VHD_INVALID_CHANGE_TRACKING_ID`, `ERROR_VHD_CHANGE_TRACKING_DISABLED`,
   * `ERROR_VHD_MISSING_CHANGE_TRACKING_INFORMATION`; `ERROR_CALL_NOT_IMPLEMENTED` before Windows 10.
   */
  queryChanges(changeTrackingId: string, options?: ChangeQueryOptions): Iterable<ChangedRange>;
  queryChanges(): Iterable<ChangedRange> {
    throw this.unsupported("QueryChangesVirtualDisk");
  }

  /**
   * Adds the next parent of a chain that is made by hand, in place of the one that the image names
   * (AddVirtualDiskParent): of the open image first, then of its parent, and so on. Nothing is stored. Both
   * backends.
   *
   * @example Open a child with parents that were moved
   * ```ts ignore
   * import { openVirtualDisk } from "@virtdisk/virtdisk";
   *
   * using child = await openVirtualDisk("child.vhdx", { flags: ["custom-diff-chain"] });
   * child.addParent("moved\\middle.vhdx");
   * child.addParent("moved\\base.vhdx");
   * ```
   *
   * @param path The parent's image.
   * @throws {VirtualDiskError} `ERROR_INVALID_PARAMETER` where the disk was not opened with the flag
   * `"custom-diff-chain"`; `ERROR_VHD_CHILD_PARENT_ID_MISMATCH` for a wrong parent; `ERROR_VHD_INVALID_TYPE`
   * where the chain is complete.
   */
  addParent(path: string | URL): void;
  addParent(): void {
    throw this.unsupported("AddVirtualDiskParent");
  }

  /**
   * Sends one SCSI command to the disk (RawSCSIVirtualDisk). Windows 10.
   *
   * @example Ask the disk what it is
   * ```ts ignore
   * import { openVirtualDisk } from "@virtdisk/virtdisk";
   *
   * using disk = await openVirtualDisk("disk.vhdx", { backend: "native" });
   * const data = new Uint8Array(96);
   * const cdb = Uint8Array.of(0x12, 0, 0, 0, data.length, 0); // INQUIRY
   * const { srbStatus } = disk.rawScsi({ cdb, data });
   * console.log(srbStatus, new TextDecoder().decode(data.subarray(8, 32)));
   * ```
   *
   * @param request The command and its data.
   * @returns What the disk made of it: that the call succeeds says only that the command reached the disk.
   * @throws {VirtualDiskError} With the code that the call returns; `ERROR_CALL_NOT_IMPLEMENTED` before
   * Windows 10.
   * @throws {RangeError} Where a part is longer than the call can say.
   */
  rawScsi(request: ScsiRequest): ScsiResponse;
  rawScsi(): ScsiResponse {
    throw this.unsupported("RawSCSIVirtualDisk");
  }

  /**
   * The images that this attached disk rests on (GetStorageDependencyInformation): the image itself and
   * its parents. For other disks and volumes there is the function of the same name.
   *
   * @example What an attached disk is made of
   * ```ts ignore
   * import { openVirtualDisk } from "@virtdisk/virtdisk";
   *
   * using disk = await openVirtualDisk("child.vhdx", { backend: "native" });
   * await using _attachment = await disk.attach();
   * for (const { imagePath } of disk.storageDependencies()) console.log(imagePath);
   * ```
   *
   * @returns An entry per image.
   * @throws {VirtualDiskError} `ERROR_DEV_NOT_EXIST` if the disk is not attached, `ERROR_ACCESS_DENIED` if the
   * program is not elevated.
   */
  storageDependencies(): StorageDependency[] {
    throw this.unsupported("GetStorageDependencyInformation");
  }

  /**
   * Adds a snapshot to the VHD Set that is open (TakeSnapshotVhdSet). Windows 10.
   *
   * @example Take a snapshot, and return to it
   * ```ts ignore
   * import { openVirtualDisk } from "@virtdisk/virtdisk";
   *
   * using set = await openVirtualDisk("shared.vhds", { type: "vhdset", readOnly: false });
   * const snapshotId = set.takeSnapshot();
   * set.applySnapshot(snapshotId);
   * ```
   *
   * @param options Its id, and whether it can be written to.
   * @returns The id of the snapshot.
   * @throws {VirtualDiskError} With the code that the call returns; `ERROR_CALL_NOT_IMPLEMENTED` before
   * Windows 10.
   */
  takeSnapshot(options?: TakeSnapshotOptions): string;
  takeSnapshot(): string {
    throw this.unsupported("TakeSnapshotVhdSet");
  }

  /**
   * Removes a snapshot from the VHD Set that is open (DeleteSnapshotVhdSet). Windows 10.
   *
   * @example Remove a snapshot, and keep tracking changes from it on
   * ```ts ignore
   * import { openVirtualDisk } from "@virtdisk/virtdisk";
   *
   * const [snapshotId = ""] = Deno.args;
   * using set = await openVirtualDisk("shared.vhds", { type: "vhdset", readOnly: false });
   * set.deleteSnapshot(snapshotId, { persistReferencePoint: true });
   * ```
   *
   * @param snapshotId The snapshot's id, a GUID.
   * @param options Whether a reference point stays.
   * @throws {VirtualDiskError} As {@linkcode DriverDisk.takeSnapshot}.
   */
  deleteSnapshot(snapshotId: string, options?: DeleteSnapshotOptions): void;
  deleteSnapshot(): void {
    throw this.unsupported("DeleteSnapshotVhdSet");
  }

  /**
   * Makes a snapshot the active state of the VHD Set that is open (ApplySnapshotVhdSet). The present
   * state is lost unless `leafSnapshotId` is given. Windows 10.
   *
   * @example Go back, and lose nothing
   * ```ts ignore
   * import { openVirtualDisk } from "@virtdisk/virtdisk";
   *
   * const [snapshotId = ""] = Deno.args;
   * using set = await openVirtualDisk("shared.vhds", { type: "vhdset", readOnly: false });
   * set.applySnapshot(snapshotId, { leafSnapshotId: crypto.randomUUID() });
   * ```
   *
   * @param snapshotId The snapshot's id, a GUID.
   * @param options What becomes of the present state.
   * @throws {VirtualDiskError} As {@linkcode DriverDisk.takeSnapshot}.
   */
  applySnapshot(snapshotId: string, options?: ApplySnapshotOptions): void;
  applySnapshot(): void {
    throw this.unsupported("ApplySnapshotVhdSet");
  }

  /**
   * Changes the table of the VHD Set that is open, and no image file (ModifyVhdSet): for sets whose
   * files were moved. Windows 10.
   *
   * @example Say where the active state is now
   * ```ts ignore
   * import { openVirtualDisk } from "@virtdisk/virtdisk";
   *
   * using set = await openVirtualDisk("shared.vhds", { type: "vhdset", readOnly: false });
   * set.modifyVhdSet({ kind: "default-path", path: "D:\\sets\\shared.avhdx" });
   * ```
   *
   * @param change What to change.
   * @throws {VirtualDiskError} As {@linkcode DriverDisk.takeSnapshot}.
   */
  modifyVhdSet(change: VhdSetChange): void;
  modifyVhdSet(): void {
    throw this.unsupported("ModifyVhdSet");
  }
}
