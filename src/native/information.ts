/** What GetVirtualDiskInformation gives, in the terms of `VirtualDiskInformation`. */
import {
  GET_VIRTUAL_DISK_INFO as CLASS,
  SET_VIRTUAL_DISK_INFO as SET_CLASS,
  VIRTUAL_STORAGE_TYPE_DEVICE as DEVICE,
} from "../constants.ts";
import type {
  InformationChange,
  InformationKind,
  ProviderSubtype,
  StorageType,
  VirtualDiskInformation,
} from "../disk/information.ts";
import { virtualDiskError } from "../errors/error.ts";
import { assertSuccess, type CalledDisk, refusePortable } from "./call/disk_call.ts";
import { CallMemory } from "./call/memory.ts";
import { sizedAnswer } from "./call/sized_answer.ts";
import {
  GET_VIRTUAL_DISK_INFO,
  type GetVirtualDiskInfo,
  SET_VIRTUAL_DISK_INFO,
  type SetVirtualDiskInfo,
} from "./ffi/structs.ts";
import { fullPath, multiString } from "./ffi/text.ts";
import type { VirtDisk } from "./ffi/virtdisk.ts";

type Reader<T> = (disk: CalledDisk) => T;

/** A class, and how its structure is turned into the value of a kind. */
function reader<V extends InformationVersion, T>(
  version: V,
  convert: (info: InformationOf<V>, path: string) => T,
): Reader<T> {
  return ({ libraries, handle, path }) =>
    convert(queryInformation(libraries.virtdisk, handle, version, path), path);
}

const READERS: { readonly [K in InformationKind]: Reader<VirtualDiskInformation[K]> } = {
  size: reader(CLASS.SIZE, ({ Size }, path) => ({
    virtualSize: safeNumber(Size.VirtualSize, path),
    physicalSize: safeNumber(Size.PhysicalSize, path),
    blockSize: Size.BlockSize,
    sectorSize: Size.SectorSize,
  })),
  identifier: reader(CLASS.IDENTIFIER, (info) => info.Identifier),
  parentLocation: reader(CLASS.PARENT_LOCATION, ({ ParentLocation }) => ({
    resolved: ParentLocation.ParentResolved,
    paths: multiString(ParentLocation.ParentLocationBuffer),
  })),
  parentIdentifier: reader(CLASS.PARENT_IDENTIFIER, (info) => info.ParentIdentifier),
  parentTimestamp: reader(CLASS.PARENT_TIMESTAMP, (info) => info.ParentTimestamp),
  storageType: reader(CLASS.VIRTUAL_STORAGE_TYPE, ({ VirtualStorageType }) => ({
    device: deviceName(VirtualStorageType.DeviceId),
    vendor: VirtualStorageType.VendorId,
  })),
  providerSubtype: reader(
    CLASS.PROVIDER_SUBTYPE,
    (info) => SUBTYPE_NAMES.get(info.ProviderSubtype) ?? "unknown",
  ),
  is4kAligned: reader(CLASS.IS_4K_ALIGNED, (info) => info.Is4kAligned),
  physicalDisk: reader(CLASS.PHYSICAL_DISK, ({ PhysicalDisk }) => ({
    logicalSectorSize: PhysicalDisk.LogicalSectorSize,
    physicalSectorSize: PhysicalDisk.PhysicalSectorSize,
    isRemote: PhysicalDisk.IsRemote,
  })),
  vhdPhysicalSectorSize: reader(
    CLASS.VHD_PHYSICAL_SECTOR_SIZE,
    (info) => info.VhdPhysicalSectorSize,
  ),
  smallestSafeVirtualSize: reader(
    CLASS.SMALLEST_SAFE_VIRTUAL_SIZE,
    (info, path) => safeNumber(info.SmallestSafeVirtualSize, path),
  ),
  fragmentationPercentage: reader(CLASS.FRAGMENTATION, (info) => info.FragmentationPercentage),
  isLoaded: reader(CLASS.IS_LOADED, (info) => info.IsLoaded),
  virtualDiskId: reader(CLASS.VIRTUAL_DISK_ID, (info) => info.VirtualDiskId),
  changeTrackingState: reader(CLASS.CHANGE_TRACKING_STATE, ({ ChangeTrackingState }) => ({
    enabled: ChangeTrackingState.Enabled,
    newerChanges: ChangeTrackingState.NewerChanges,
    mostRecentId: multiString(ChangeTrackingState.MostRecentId)[0] ?? "",
  })),
};

const DEVICE_NAMES = new Map<number, StorageType["device"]>([
  [DEVICE.ISO, "iso"],
  [DEVICE.VHD, "vhd"],
  [DEVICE.VHDX, "vhdx"],
  [DEVICE.VHDSET, "vhdset"],
]);

/** The numbers of the page of GET_VIRTUAL_DISK_INFO; virtdisk.h has no names for them. */
const SUBTYPE_NAMES = new Map<number, ProviderSubtype>([
  [2, "fixed"],
  [3, "dynamic"],
  [4, "differencing"],
]);

/** The word for a `VIRTUAL_STORAGE_TYPE_DEVICE_*` number. */
export function deviceName(deviceId: number): StorageType["device"] {
  return DEVICE_NAMES.get(deviceId) ?? "unknown";
}

/** Asks an open disk for a kind of information. */
export function readInformation<K extends InformationKind>(
  disk: CalledDisk,
  kind: K,
): VirtualDiskInformation[K] {
  return READERS[kind](disk);
}

function safeNumber(value: bigint, path: string): number {
  if (value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value);
  throw virtualDiskError("ERROR_INVALID_DATA", "GetVirtualDiskInformation", {
    path,
    reason: `a size of ${value} bytes is beyond every format`,
  });
}

/** Far more than the longest list of paths; what a broken library asks for beyond is not allocated. */
const LARGEST_ANSWER = 1024 * 1024;
const VERSION_OFFSET = 0;

/** An information class, by its number. */
export type InformationVersion = GetVirtualDiskInfo["Version"];
/** What a class gives. */
export type InformationOf<V extends InformationVersion> = Extract<
  GetVirtualDiskInfo,
  { readonly Version: V }
>;

/**
 * Asks an open disk for a class of information.
 *
 * @param path For errors.
 * @throws {VirtualDiskError} With the code that the call returns.
 */
export function queryInformation<V extends InformationVersion>(
  virtdisk: Pick<VirtDisk, "GetVirtualDiskInformation">,
  handle: bigint,
  version: V,
  path: string,
): InformationOf<V> {
  const { answer } = sizedAnswer({
    operation: "GetVirtualDiskInformation",
    path,
    unit: "bytes",
    // VirtDisk.dll does not take less than the structure of the header, whatever the class needs.
    first: GET_VIRTUAL_DISK_INFO.size,
    largest: LARGEST_ANSWER,
    call: (capacity) => {
      const info = new Uint8Array(capacity);
      new DataView(info.buffer).setUint32(VERSION_OFFSET, version, true);
      const size = new DataView(new ArrayBuffer(4));
      size.setUint32(0, capacity, true);
      const code = virtdisk.GetVirtualDiskInformation(handle, size, info, null);
      return { code, size: code === 0 ? capacity : size.getUint32(0, true), answer: info };
    },
  });
  // The class that was asked for, should the call have left another number there.
  new DataView(answer.buffer).setUint32(VERSION_OFFSET, version, true);
  return GET_VIRTUAL_DISK_INFO.unpack(answer) as InformationOf<V>;
}

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
      return { Version: SET_CLASS.PARENT_PATH, ParentFilePath: addressOfPath(value.path) };
    case "identifier":
      return { Version: SET_CLASS.IDENTIFIER, UniqueIdentifier: value };
    case "parentPathWithDepth": {
      const { childDepth: ChildDepth, path } = value;
      return {
        Version: SET_CLASS.PARENT_PATH_WITH_DEPTH,
        ParentPathWithDepthInfo: { ChildDepth, ParentFilePath: addressOfPath(path) },
      };
    }
    case "vhdPhysicalSectorSize":
      return { Version: SET_CLASS.PHYSICAL_SECTOR_SIZE, VhdPhysicalSectorSize: value };
    case "virtualDiskId":
      return { Version: SET_CLASS.VIRTUAL_DISK_ID, VirtualDiskId: value };
    case "changeTrackingEnabled":
      return { Version: SET_CLASS.CHANGE_TRACKING_STATE, ChangeTrackingEnabled: value };
    case "parentLocator": {
      const { linkageId: LinkageId, path } = value;
      return {
        Version: SET_CLASS.PARENT_LOCATOR,
        ParentLocator: { LinkageId, ParentFilePath: addressOfPath(path) },
      };
    }
  }
}
