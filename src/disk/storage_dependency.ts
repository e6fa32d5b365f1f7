/**
 * What rests on what: which image is behind a volume or disk.
 *
 * @see {@link https://learn.microsoft.com/windows/win32/api/virtdisk/nf-virtdisk-getstoragedependencyinformation}
 * @module
 */
import { BOOLEAN, oneOf, type OptionKinds } from "./arguments.ts";
import { DEPENDENT_DISK_FLAG } from "../constants.ts";
import type { VirtualDiskError } from "../errors/error.ts";
import type { StorageType } from "./information.ts";

/**
 * DEPENDENT_DISK_FLAG.
 *
 * @category Windows only
 */
export type DependentDiskFlag =
  | "multiple-backing-files"
  | "fully-allocated"
  | "read-only"
  | "remote"
  | "system-volume"
  | "system-volume-parent"
  | "removable"
  | "no-drive-letter"
  | "parent"
  | "no-host-disk"
  | "permanent-lifetime"
  | "support-compressed-volumes"
  | "always-allow-sparse"
  | "support-encrypted-files";

const FLAG_BITS: Record<DependentDiskFlag, number> = {
  "multiple-backing-files": DEPENDENT_DISK_FLAG.MULT_BACKING_FILES,
  "fully-allocated": DEPENDENT_DISK_FLAG.FULLY_ALLOCATED,
  "read-only": DEPENDENT_DISK_FLAG.READ_ONLY,
  "remote": DEPENDENT_DISK_FLAG.REMOTE,
  "system-volume": DEPENDENT_DISK_FLAG.SYSTEM_VOLUME,
  "system-volume-parent": DEPENDENT_DISK_FLAG.SYSTEM_VOLUME_PARENT,
  "removable": DEPENDENT_DISK_FLAG.REMOVABLE,
  "no-drive-letter": DEPENDENT_DISK_FLAG.NO_DRIVE_LETTER,
  "parent": DEPENDENT_DISK_FLAG.PARENT,
  "no-host-disk": DEPENDENT_DISK_FLAG.NO_HOST_DISK,
  "permanent-lifetime": DEPENDENT_DISK_FLAG.PERMANENT_LIFETIME,
  "support-compressed-volumes": DEPENDENT_DISK_FLAG.SUPPORT_COMPRESSED_VOLUMES,
  "always-allow-sparse": DEPENDENT_DISK_FLAG.ALWAYS_ALLOW_SPARSE,
  "support-encrypted-files": DEPENDENT_DISK_FLAG.SUPPORT_ENCRYPTED_FILES,
};

/** The words of the bits; a bit without a word is left out. */
export function dependentDiskFlags(bits: number): DependentDiskFlag[] {
  return (Object.keys(FLAG_BITS) as DependentDiskFlag[])
    .filter((word) => (bits & FLAG_BITS[word]) !== 0);
}

/**
 * What is looked at: any file or folder of a volume, the volume (`"D:"`, a folder that it is mounted in,
 * or `\\?\Volume{...}\`), or the disk (its number, `\\.\PhysicalDrive1` or `\\.\CDRom0`).
 *
 * @category Windows only
 */
export type StorageObject = string | URL | { volume: string } | { disk: number | string };

/**
 * What is asked of a volume or disk.
 *
 * @category Windows only
 */
export interface StorageDependencyOptions {
  /**
   * `"hosts"`: the images that the volume or disk rests on; `"dependents"`: the virtual disks whose
   * images rest on it.
   *
   * @default {"hosts"}
   */
  direction?: "hosts" | "dependents" | undefined;
  /**
   * Whether names and paths are wanted too (version 2 of the structure).
   *
   * @default {true}
   */
  names?: boolean | undefined;
}

/** Their kinds. */
export const STORAGE_DEPENDENCY_OPTIONS: OptionKinds<StorageDependencyOptions> = {
  direction: oneOf("hosts", "dependents"),
  names: BOOLEAN,
};

/**
 * An image that something rests on, or that rests on something.
 *
 * @category Windows only
 */
export interface StorageDependencyKind {
  /** What is known of the image and of how it is attached. */
  flags: DependentDiskFlag[];
  /** Flags of the provider; 0 for Microsoft's. */
  providerSpecificFlags: number;
  /** The image's format. */
  storageType: StorageType;
}

/**
 * An image that something rests on, or that rests on something, by name.
 *
 * @category Windows only
 */
export interface StorageDependency extends StorageDependencyKind {
  /** How many steps of nesting away. */
  ancestorLevel: number;
  /** The attached disk: `\\.\PhysicalDriveN` or `\\.\CDRomN`. */
  deviceName: string;
  /** The volume that holds the image: `\\?\Volume{...}\`. */
  hostVolume: string;
  /** The volume on the attached disk; may be empty. */
  dependentVolume: string;
  /** The image's path below `hostVolume`. */
  relativePath: string;
  /** The image: `hostVolume` and `relativePath` in one. */
  imagePath: string;
}

/**
 * A virtual disk that is attached to this machine.
 *
 * @category Windows only
 */
export interface AttachedVirtualDisk {
  /** The image file, as Windows names it: `D:\vm\disk.vhdx`. */
  imagePath: string;
  /** The device: `\\.\PhysicalDriveN`, or `\\.\CDROMN` of an ISO image. Absent if Windows does not say it: see `error`. */
  physicalPath?: string;
  /** The parents of a differencing image, nearest first, as far as they can be opened; else empty. */
  parents: string[];
  /** Where the volumes of the disk are mounted: drive letters, `V:\`, and folders. */
  mountPoints: string[];
  /**
   * What keeps Windows from saying all of it: the image was detached meanwhile, for example, or its file may not be
   * read. Absent if all is there.
   */
  error?: VirtualDiskError;
}
