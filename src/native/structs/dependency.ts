/** What GetStorageDependencyInformation gives. */
import { flexible, pwstr, u32 } from "../codec.ts";
import { type Struct, struct, TaggedUnion } from "../struct.ts";
import { VIRTUAL_STORAGE_TYPE, type VirtualStorageType } from "./storage_type.ts";

/** A disk that depends on an image. */
export interface StorageDependencyInfoType1 {
  /** DEPENDENT_DISK_FLAG. */
  readonly DependencyTypeFlags: number;
  /** Of the provider. */
  readonly ProviderSpecificFlags: number;
  /** The image's format. */
  readonly VirtualStorageType: VirtualStorageType;
}

/** A disk that depends on an image, with names: addresses within the buffer that was filled. */
export interface StorageDependencyInfoType2 extends StorageDependencyInfoType1 {
  /** Distance in the nesting. */
  readonly AncestorLevel: number;
  /** `\\.\PhysicalDriveN` or `\\.\CDROMN`. */
  readonly DependencyDeviceName: bigint;
  /** Volume that holds the image. */
  readonly HostVolumeName: bigint;
  /** Volume on the virtual disk; may be empty. */
  readonly DependentVolumeName: bigint;
  /** The image, below the volume that holds it. */
  readonly DependentVolumeRelativePath: bigint;
}

/** The disks, by version. */
export type StorageDependencyInfo =
  | {
    readonly Version: 1;
    readonly NumberEntries: number;
    readonly Version1Entries: readonly StorageDependencyInfoType1[];
  }
  | {
    readonly Version: 2;
    readonly NumberEntries: number;
    readonly Version2Entries: readonly StorageDependencyInfoType2[];
  };

const TYPE_1 = {
  DependencyTypeFlags: u32,
  ProviderSpecificFlags: u32,
  VirtualStorageType: VIRTUAL_STORAGE_TYPE,
} as const;

/** STORAGE_DEPENDENCY_INFO_TYPE_1. */
export const STORAGE_DEPENDENCY_INFO_TYPE_1: Struct<StorageDependencyInfoType1> = struct(
  "STORAGE_DEPENDENCY_INFO_TYPE_1",
  TYPE_1,
);

/** STORAGE_DEPENDENCY_INFO_TYPE_2. */
export const STORAGE_DEPENDENCY_INFO_TYPE_2: Struct<StorageDependencyInfoType2> = struct(
  "STORAGE_DEPENDENCY_INFO_TYPE_2",
  {
    ...TYPE_1,
    AncestorLevel: u32,
    DependencyDeviceName: pwstr,
    HostVolumeName: pwstr,
    DependentVolumeName: pwstr,
    DependentVolumeRelativePath: pwstr,
  },
);

/** STORAGE_DEPENDENCY_INFO: 8 bytes and the entries; its C size includes one entry. */
export const STORAGE_DEPENDENCY_INFO: Struct<StorageDependencyInfo> = struct(
  "STORAGE_DEPENDENCY_INFO",
  { Version: u32, NumberEntries: u32 },
  new TaggedUnion("Version", {
    1: { Version1Entries: flexible(STORAGE_DEPENDENCY_INFO_TYPE_1, "NumberEntries") },
    2: { Version2Entries: flexible(STORAGE_DEPENDENCY_INFO_TYPE_2, "NumberEntries") },
  }),
);
