/** The volumes and disks that GetStorageDependencyInformation is asked about, opened. */
import { VirtualDiskError } from "../errors/error.ts";
import { checkArgument, type Kind, OBJECT, PATH, toHostPath, uint32 } from "../disk/arguments.ts";
import type { StorageObject } from "../disk/storage_dependency.ts";
import { fullPath } from "./full_path.ts";
import { Handle } from "./handle.ts";
import type { Kernel32 } from "./kernel32.ts";
import { wideString } from "./wide_string.ts";

const OPERATION = "GetStorageDependencyInformation";
/** Nothing of a volume is read or written; the handle only says which one is meant. */
const NO_ACCESS = 0;
/**
 * The control code by which a disk is asked, 0x2D518C, has FILE_READ_ACCESS: without the right to read Windows
 * answers ERROR_ACCESS_DENIED, to an administrator too. The one for volumes and files has FILE_ANY_ACCESS.
 */
const GENERIC_READ = 0x8000_0000;
/** FILE_SHARE_READ, FILE_SHARE_WRITE and FILE_SHARE_DELETE. */
const SHARE_ALL = 1 | 2 | 4;
const OPEN_EXISTING = 3;
/** Without it CreateFileW opens no folder. */
const FILE_FLAG_BACKUP_SEMANTICS = 0x0200_0000;
const INVALID_HANDLE_VALUE = 0xffff_ffff_ffff_ffffn;

const STORAGE_OBJECT: Kind = {
  expected: "a path, { volume } or { disk }",
  accepts: (value) =>
    PATH.accepts(value) ||
    OBJECT.accepts(value) && ("volume" in Object(value) || "disk" in Object(value)),
};

/** A path that CreateFileW opens, and whether it is a disk's. */
export interface ObjectPath {
  readonly path: string;
  readonly isDisk: boolean;
}

/**
 * Where a volume or disk is.
 *
 * @throws {TypeError | RangeError} Where it is none.
 */
export function objectPath(kernel32: Kernel32, object: StorageObject): ObjectPath {
  checkArgument(STORAGE_OBJECT, object, "what is asked about");
  if (typeof object === "string" || object instanceof URL) {
    return { path: fullPath(kernel32, toHostPath(object), OPERATION), isDisk: false };
  }
  if ("volume" in object) return { path: rootOf(kernel32, object.volume), isDisk: false };
  const { disk } = object;
  if (typeof disk === "string") return { path: toHostPath(disk, "disk"), isDisk: true };
  return { path: `\\\\.\\PhysicalDrive${uint32(disk, "disk")}`, isDisk: true };
}

/** The root folder of a volume: with a backslash at the end, for without it the device is meant. */
function rootOf(kernel32: Kernel32, volume: string): string {
  const path = toHostPath(volume, "volume");
  const drive = /^([a-z]):?[\\/]*$/i.exec(path)?.[1];
  if (drive !== undefined) return `${drive}:\\`;
  return `${fullPath(kernel32, path, OPERATION).replace(/[\\/]+$/, "")}\\`;
}

/**
 * Opens a volume, folder or file with no right to its contents, or a disk for reading.
 *
 * @throws {VirtualDiskError} As CreateFileW says.
 */
export function openObject(kernel32: Kernel32, { path, isDisk }: ObjectPath): Handle {
  const handle = kernel32.CreateFileW(
    wideString(path),
    isDisk ? GENERIC_READ : NO_ACCESS,
    SHARE_ALL,
    null,
    OPEN_EXISTING,
    isDisk ? 0 : FILE_FLAG_BACKUP_SEMANTICS,
    0n,
  );
  if (handle !== INVALID_HANDLE_VALUE) return new Handle(kernel32, handle);
  throw new VirtualDiskError(kernel32.GetLastError(), OPERATION, { path });
}
