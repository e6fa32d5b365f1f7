/**
 * Which virtual disks this machine has attached, and which images its volumes and disks rest on.
 *
 * @module
 */
import { virtualDiskError } from "./errors/error.ts";
import { checkOptions } from "./disk/arguments.ts";
import { nativeIfHere } from "./backend.ts";
import {
  type AttachedVirtualDisk,
  STORAGE_DEPENDENCY_OPTIONS,
  type StorageDependency,
  type StorageDependencyKind,
  type StorageDependencyOptions,
  type StorageObject,
} from "./disk/storage_dependency.ts";

/**
 * The virtual disks that are attached to this machine, whoever attached them: the image, its parents, the device
 * and where its volumes are mounted (GetAllAttachedVirtualDiskPhysicalPaths, which gives the images, and questions to
 * each). Windows 8; needs `--allow-ffi` for `virtdisk.dll` and `kernel32.dll`. PowerShell: `Get-DiskImage`.
 *
 * @example List them
 * ```ts ignore
 * import { attachedVirtualDisks } from "@virtdisk/virtdisk";
 *
 * for (const { imagePath, physicalPath, mountPoints, error } of attachedVirtualDisks()) {
 *   // D:\vm\disk.vhdx \\.\PhysicalDrive1 V:\
 *   console.log(imagePath, error?.message ?? physicalPath, mountPoints.join(" "));
 * }
 * ```
 *
 * @returns An entry per disk. One that cannot be asked, because it was detached meanwhile or its file may not be
 * read, has an `error` and hides no other.
 * @throws {VirtualDiskError} `ERROR_NOT_SUPPORTED` off Windows; what Windows says if it gives no list.
 * @throws {Deno.errors.NotCapable} Without `--allow-ffi`.
 *
 * @category Windows only
 */
export function attachedVirtualDisks(): AttachedVirtualDisk[] {
  const { listAttachedDisks, systemLibraries } = windows("GetAllAttachedVirtualDiskPhysicalPaths");
  return listAttachedDisks(systemLibraries());
}

/**
 * The images that a volume or disk rests on, or with `direction: "dependents"` those that rest on it
 * (GetStorageDependencyInformation). Needs `--allow-ffi` for `virtdisk.dll` and `kernel32.dll`; a disk, which
 * is opened for reading, is asked about by elevated programs only. Volumes, folders and files need no elevation.
 *
 * @example Which image is drive V: in?
 * ```ts ignore
 * import { storageDependencies } from "@virtdisk/virtdisk";
 *
 * for (const { imagePath } of storageDependencies({ volume: "V:" })) console.log(imagePath);
 * ```
 *
 * @param object A file or folder, a volume or a disk.
 * @param options What is asked.
 * @returns An entry per image.
 * @throws {VirtualDiskError} `ERROR_VIRTDISK_NOT_VIRTUAL_DISK` if a volume or disk is on no image;
 * `ERROR_ACCESS_DENIED` for a disk if the program is not elevated; what else CreateFileW says of the volume or
 * disk; `ERROR_NOT_SUPPORTED` off Windows.
 * @throws {Deno.errors.NotCapable} Without `--allow-ffi`.
 *
 * @category Windows only
 */
export function storageDependencies(
  object: StorageObject,
  options?: StorageDependencyOptions & { names?: true },
): StorageDependency[];
/**
 * As the other, without names and paths: version 1 of the structure.
 *
 * @throws {VirtualDiskError} As the other.
 *
 * @category Windows only
 */
export function storageDependencies(
  object: StorageObject,
  options: StorageDependencyOptions & { names: false },
): StorageDependencyKind[];
export function storageDependencies(
  object: StorageObject,
  options?: StorageDependencyOptions,
): StorageDependencyKind[] {
  const { direction = "hosts", names = true } = checkOptions(
    STORAGE_DEPENDENCY_OPTIONS,
    options,
    "storageDependencies",
  );
  const { queryDependencies, queryDependencyKinds, systemLibraries } = windows(
    "GetStorageDependencyInformation",
  );
  const query = names ? queryDependencies : queryDependencyKinds;
  return query(systemLibraries(), object, direction);
}

function windows(operation: string): NonNullable<ReturnType<typeof nativeIfHere>> {
  const native = nativeIfHere();
  if (native !== undefined) return native;
  throw virtualDiskError("ERROR_NOT_SUPPORTED", operation, {
    reason: "only Windows attaches virtual disks",
    causes: ["The portable backend reads and writes images without attaching them."],
  });
}
