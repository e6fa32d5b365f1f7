/** The call of GetStorageDependencyInformation. */
import { decodeUtf16 } from "../bytes/utf16.ts";
import { GET_STORAGE_DEPENDENCY_FLAG, STORAGE_DEPENDENCY_INFO_VERSION } from "../constants.ts";
import { checkArgument, type Kind, OBJECT, PATH, toHostPath, uint32 } from "../disk/arguments.ts";
import {
  type AttachedVirtualDisk,
  dependentDiskFlags,
  type StorageDependency,
  type StorageDependencyKind,
  type StorageObject,
} from "../disk/storage_dependency.ts";
import { errorCode } from "../errors/codes.ts";
import { isErrorOf, VirtualDiskError, virtualDiskError } from "../errors/error.ts";
import type { CalledDisk } from "./call/disk_call.ts";
import { GENERIC_READ, type Handle, NO_ACCESS, openExisting } from "./call/handle.ts";
import { CallMemory } from "./call/memory.ts";
import { sizedAnswer } from "./call/sized_answer.ts";
import type { Kernel32 } from "./ffi/kernel32.ts";
import type { Libraries } from "./ffi/library.ts";
import {
  STORAGE_DEPENDENCY_INFO,
  type StorageDependencyInfo,
  type StorageDependencyInfoType1,
  type StorageDependencyInfoType2,
} from "./ffi/structs.ts";
import { fullPath } from "./ffi/text.ts";
import { deviceName, readInformation } from "./information.ts";
import { openToAsk } from "./open.ts";
import { attachedImagePaths, mountPointsOfDisk, physicalPath } from "./device.ts";

const OPERATION = "GetStorageDependencyInformation";
/** Bytes: some entries and their names. */
const USUAL_ANSWER = 4096;
/** Bytes: thousands of entries; what is asked for beyond is not allocated. */
const LARGEST_ANSWER = 4 * 1024 * 1024;
const MORE_DATA = errorCode("ERROR_MORE_DATA");
const VERSION_OFFSET = 0;
const UNIT_SIZE = 2;

/** Whether hosts or dependents are asked for. */
export type DependencyDirection = "hosts" | "dependents";

/**
 * The images that a volume or disk rests on, or that rest on it, by name.
 *
 * @throws {VirtualDiskError} As CreateFileW says of the volume or disk, or with the code that the call
 * returns; `ERROR_VIRTDISK_NOT_VIRTUAL_DISK` if it is on no image; `ERROR_INVALID_DATA` if the answer points
 * outside of itself.
 */
export function queryDependencies(
  libraries: Libraries,
  object: StorageObject,
  direction: DependencyDirection,
): StorageDependency[] {
  return query(libraries, object, direction, STORAGE_DEPENDENCY_INFO_VERSION[2], (info, names) => {
    return info.Version === 2 ? info.Version2Entries.map((entry) => named(entry, names)) : [];
  });
}

/** As {@linkcode queryDependencies}, without names. */
export function queryDependencyKinds(
  libraries: Libraries,
  object: StorageObject,
  direction: DependencyDirection,
): StorageDependencyKind[] {
  return query(libraries, object, direction, STORAGE_DEPENDENCY_INFO_VERSION[1], (info) => {
    return info.Version === 1 ? info.Version1Entries.map(kindOf) : [];
  });
}

/** The string at an address within the answer; the empty one at address 0. */
type Names = (address: bigint) => string;

function query<T>(
  libraries: Libraries,
  object: StorageObject,
  direction: DependencyDirection,
  version: number,
  convert: (info: StorageDependencyInfo, names: Names) => T,
): T {
  const { virtdisk, kernel32 } = libraries;
  const target = objectPath(kernel32, object);
  const { path } = target;
  // The same flags in every round: without DISK_HANDLE the handle of a disk would be taken for a volume's.
  const flags =
    (direction === "hosts"
      ? GET_STORAGE_DEPENDENCY_FLAG.HOST_VOLUMES
      : GET_STORAGE_DEPENDENCY_FLAG.NONE) |
    (target.isDisk ? GET_STORAGE_DEPENDENCY_FLAG.DISK_HANDLE : GET_STORAGE_DEPENDENCY_FLAG.NONE);
  using handle = openObject(kernel32, target);
  // Kept to the end: the addresses in the answer are those of its own buffer.
  using memory = new CallMemory(kernel32);
  const ask = (capacity: number) => {
    const buffer = new Uint8Array(capacity);
    const address = memory.addressOf(buffer);
    new DataView(buffer.buffer).setUint32(VERSION_OFFSET, version, true);
    const used = new Uint32Array(1);
    const code = virtdisk.GetStorageDependencyInformation(
      handle.value,
      flags,
      capacity,
      buffer,
      used,
    );
    // All of the answer may be there in spite of this code: Windows' own callers take it then.
    const isWhole = code === 0 || (code === MORE_DATA && used[0]! > 0 && used[0]! <= capacity);
    const size = isWhole ? capacity : used[0]!;
    return { code: isWhole ? 0 : code, size, answer: { buffer, address } };
  };
  const answer = answerOf(ask, path);
  new DataView(answer.buffer.buffer).setUint32(VERSION_OFFSET, version, true);
  try {
    const names = (address: bigint) => stringAt(answer.buffer, answer.address, address);
    return convert(STORAGE_DEPENDENCY_INFO.unpack(answer.buffer), names);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw virtualDiskError("ERROR_INVALID_DATA", OPERATION, {
      path,
      reason: error.message,
      cause: error,
    });
  }
}

/** @throws {VirtualDiskError} `ERROR_VIRTDISK_NOT_VIRTUAL_DISK`, whichever way Windows says it. */
function answerOf<T>(
  call: (capacity: number) => { code: number; size: number; answer: T },
  path: string,
): T {
  try {
    return sizedAnswer({
      operation: OPERATION,
      path,
      unit: "bytes",
      first: USUAL_ANSWER,
      largest: LARGEST_ANSWER,
      call,
    }).answer;
  } catch (error) {
    throw isErrorOf(error, "ERROR_INVALID_FUNCTION", "ERROR_NOT_SUPPORTED")
      ? notVirtualDisk(error, path)
      : error;
  }
}

/** A driver that does not know the question belongs to something that is on no image. */
function notVirtualDisk(cause: VirtualDiskError, path: string): VirtualDiskError {
  return virtualDiskError("ERROR_VIRTDISK_NOT_VIRTUAL_DISK", OPERATION, {
    path,
    reason: `no virtual disk is involved: Windows answered ${cause.symbol} (${cause.code})`,
    cause,
  });
}

/** @throws {RangeError} Where the string is not all within the buffer. */
function stringAt(buffer: Uint8Array, start: bigint, address: bigint): string {
  if (address === 0n) return "";
  const offset = address - start;
  if (offset < 0n || offset >= BigInt(buffer.length)) {
    throw new RangeError("a name lies outside of the answer");
  }
  for (let end = Number(offset); end + UNIT_SIZE <= buffer.length; end += UNIT_SIZE) {
    if (buffer[end] === 0 && buffer[end + 1] === 0) {
      return decodeUtf16(buffer.subarray(Number(offset), end));
    }
  }
  throw new RangeError("a name does not end within the answer");
}

function kindOf(entry: StorageDependencyInfoType1): StorageDependencyKind {
  const { DeviceId, VendorId } = entry.VirtualStorageType;
  return {
    flags: dependentDiskFlags(entry.DependencyTypeFlags),
    providerSpecificFlags: entry.ProviderSpecificFlags,
    storageType: { device: deviceName(DeviceId), vendor: VendorId },
  };
}

function named(entry: StorageDependencyInfoType2, names: Names): StorageDependency {
  const hostVolume = names(entry.HostVolumeName);
  const relativePath = names(entry.DependentVolumeRelativePath);
  return {
    ...kindOf(entry),
    ancestorLevel: entry.AncestorLevel,
    deviceName: names(entry.DependencyDeviceName),
    hostVolume,
    dependentVolume: names(entry.DependentVolumeName),
    relativePath,
    imagePath: joined(hostVolume, relativePath),
  };
}

/** The one ends, or the other begins, with a backslash: one of them is enough. */
function joined(volume: string, path: string): string {
  return volume === "" ? path : `${volume.replace(/\\+$/, "")}\\${path.replace(/^\\+/, "")}`;
}

// The volumes and disks that GetStorageDependencyInformation is asked about, opened.

/** FILE_SHARE_READ, FILE_SHARE_WRITE and FILE_SHARE_DELETE. */
const SHARE_ALL = 1 | 2 | 4;
/** Without it CreateFileW opens no folder. */
const FILE_FLAG_BACKUP_SEMANTICS = 0x0200_0000;

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
  const handle = openExisting(kernel32, path, {
    // The control code by which a disk is asked, 0x2D518C, has FILE_READ_ACCESS: without the right to read
    // Windows answers ERROR_ACCESS_DENIED, to an administrator too. The one for volumes and files has
    // FILE_ANY_ACCESS.
    access: isDisk ? GENERIC_READ : NO_ACCESS,
    share: SHARE_ALL,
    flags: isDisk ? 0 : FILE_FLAG_BACKUP_SEMANTICS,
  });
  if (handle !== undefined) return handle;
  throw new VirtualDiskError(kernel32.GetLastError(), OPERATION, { path });
}

// The virtual disks that are attached to this machine, and the images behind them.

/** The most files of a chain that are looked at. */
const LONGEST_CHAIN = 256;

/**
 * Lists the attached disks. One about which not everything can be said comes with the error, and hides no other.
 *
 * @throws {VirtualDiskError} With the code that GetAllAttachedVirtualDiskPhysicalPaths returns.
 */
export function listAttachedDisks(libraries: Libraries): AttachedVirtualDisk[] {
  return attachedImagePaths(libraries.virtdisk).map((imagePath) =>
    attachedDisk(libraries, imagePath)
  );
}

function attachedDisk(libraries: Libraries, imagePath: string): AttachedVirtualDisk {
  const found: AttachedVirtualDisk = { imagePath, parents: [], mountPoints: [] };
  try {
    const { path, handle } = openToAsk(libraries, imagePath);
    using _handle = handle;
    const disk = { libraries, handle: handle.value, path };
    found.physicalPath = physicalPath(disk);
    found.mountPoints = mountPointsOfDisk(libraries.kernel32, found.physicalPath);
    addParents(disk, found.parents);
  } catch (error) {
    if (!(error instanceof VirtualDiskError)) throw error;
    found.error = error;
  }
  return found;
}

/** Adds the parents of an image, nearest first. */
function addParents(image: CalledDisk, parents: string[]): void {
  const seen = new Set([image.path.toLowerCase()]);
  using stack = new DisposableStack();
  let child = image;
  while (parents.length < LONGEST_CHAIN) {
    const candidates = parentCandidates(child);
    if (candidates.length === 0) return;
    const parent = openFirst(child.libraries, candidates);
    stack.use(parent.handle);
    // A chain that ends in itself is one that Windows would not have attached: files were exchanged.
    if (seen.has(parent.path.toLowerCase())) return;
    seen.add(parent.path.toLowerCase());
    parents.push(parent.path);
    child = { libraries: child.libraries, handle: parent.handle.value, path: parent.path };
  }
}

/** Where the parent may be; nowhere if the image has none. */
function parentCandidates(disk: CalledDisk): string[] {
  try {
    return readInformation(disk, "parentLocation").paths;
  } catch (error) {
    if (isErrorOf(error, ...NO_PARENT)) return [];
    throw error;
  }
}

const NO_PARENT = [
  "ERROR_VHD_INVALID_TYPE",
  "ERROR_NOT_SUPPORTED",
  "ERROR_INVALID_PARAMETER",
] as const;

function openFirst(libraries: Libraries, candidates: readonly string[]) {
  let first: unknown;
  for (const candidate of candidates) {
    try {
      return openToAsk(libraries, candidate);
    } catch (error) {
      first ??= error;
    }
  }
  throw first;
}

/**
 * The images that an attached disk itself rests on, nearest first: not those that the volume of its image
 * rests on, should that be a virtual disk too.
 */
export function diskDependencies(libraries: Libraries, physicalPath: string): StorageDependency[] {
  const hosts = queryDependencies(libraries, { disk: physicalPath }, "hosts")
    .sort((a, b) => a.ancestorLevel - b.ancestorLevel);
  const own = hosts.filter(({ deviceName }) =>
    deviceName.toLowerCase() === physicalPath.toLowerCase()
  );
  // No page says that the device of an entry is written as the device was asked for.
  return own.length > 0 ? own : hosts;
}
