/** The call of GetStorageDependencyInformation. */
import { decodeUtf16 } from "../bytes/utf16.ts";
import { GET_STORAGE_DEPENDENCY_FLAG, STORAGE_DEPENDENCY_INFO_VERSION } from "../constants.ts";
import { errorCode } from "../errors/codes.ts";
import { isErrorOf, type VirtualDiskError, virtualDiskError } from "../errors/error.ts";
import {
  dependentDiskFlags,
  type StorageDependency,
  type StorageDependencyKind,
  type StorageObject,
} from "../disk/storage_dependency.ts";
import { CallMemory } from "./call_memory.ts";
import { deviceName } from "./information_classes.ts";
import type { Libraries } from "./library.ts";
import { sizedAnswer } from "./sized_answer.ts";
import { objectPath, openObject } from "./storage_object.ts";
import {
  STORAGE_DEPENDENCY_INFO,
  type StorageDependencyInfo,
  type StorageDependencyInfoType1,
  type StorageDependencyInfoType2,
} from "./structs.ts";

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
