/** What GetVirtualDiskInformation gives, in the terms of `VirtualDiskInformation`. */
import {
  GET_VIRTUAL_DISK_INFO as CLASS,
  VIRTUAL_STORAGE_TYPE_DEVICE as DEVICE,
} from "../constants.ts";
import { virtualDiskError } from "../errors/error.ts";
import type {
  InformationKind,
  ProviderSubtype,
  StorageType,
  VirtualDiskInformation,
} from "../disk/information.ts";
import type { CalledDisk } from "./called_disk.ts";
import {
  type InformationOf,
  type InformationVersion,
  queryInformation,
} from "./information_query.ts";
import { multiString } from "./multi_string.ts";

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
