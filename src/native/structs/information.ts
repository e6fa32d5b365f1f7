/** What GetVirtualDiskInformation gives and SetVirtualDiskInformation takes. */
import { bool, guid, pcwstr, u32, u64, wchars } from "../codec.ts";
import { type Struct, struct, TaggedUnion } from "../struct.ts";
import { VIRTUAL_STORAGE_TYPE, type VirtualStorageType } from "./storage_type.ts";

/** A property of a disk, by GET_VIRTUAL_DISK_INFO_VERSION. Sizes are bytes. */
export type GetVirtualDiskInfo =
  | {
    readonly Version: 1;
    readonly Size: {
      readonly VirtualSize: bigint;
      readonly PhysicalSize: bigint;
      readonly BlockSize: number;
      readonly SectorSize: number;
    };
  }
  | { readonly Version: 2; readonly Identifier: string }
  | {
    readonly Version: 3;
    readonly ParentLocation: {
      readonly ParentResolved: boolean;
      /** A path; a multi-string of candidates where the parent was not found. */
      readonly ParentLocationBuffer: string;
    };
  }
  | { readonly Version: 4; readonly ParentIdentifier: string }
  | { readonly Version: 5; readonly ParentTimestamp: number }
  | { readonly Version: 6; readonly VirtualStorageType: VirtualStorageType }
  | { readonly Version: 7; readonly ProviderSubtype: number }
  | { readonly Version: 8; readonly Is4kAligned: boolean }
  | {
    readonly Version: 9;
    readonly PhysicalDisk: {
      readonly LogicalSectorSize: number;
      readonly PhysicalSectorSize: number;
      readonly IsRemote: boolean;
    };
  }
  | { readonly Version: 10; readonly VhdPhysicalSectorSize: number }
  | { readonly Version: 11; readonly SmallestSafeVirtualSize: bigint }
  | { readonly Version: 12; readonly FragmentationPercentage: number }
  | { readonly Version: 13; readonly IsLoaded: boolean }
  | { readonly Version: 14; readonly VirtualDiskId: string }
  | {
    readonly Version: 15;
    readonly ChangeTrackingState: {
      readonly Enabled: boolean;
      readonly NewerChanges: boolean;
      readonly MostRecentId: string;
    };
  };

/** GET_VIRTUAL_DISK_INFO. */
export const GET_VIRTUAL_DISK_INFO: Struct<GetVirtualDiskInfo> = struct(
  "GET_VIRTUAL_DISK_INFO",
  { Version: u32 },
  new TaggedUnion("Version", {
    1: {
      Size: struct("Size", {
        VirtualSize: u64,
        PhysicalSize: u64,
        BlockSize: u32,
        SectorSize: u32,
      }),
    },
    2: { Identifier: guid },
    3: {
      ParentLocation: struct("ParentLocation", {
        ParentResolved: bool,
        ParentLocationBuffer: wchars,
      }),
    },
    4: { ParentIdentifier: guid },
    5: { ParentTimestamp: u32 },
    6: { VirtualStorageType: VIRTUAL_STORAGE_TYPE },
    7: { ProviderSubtype: u32 },
    8: { Is4kAligned: bool },
    9: {
      PhysicalDisk: struct("PhysicalDisk", {
        LogicalSectorSize: u32,
        PhysicalSectorSize: u32,
        IsRemote: bool,
      }),
    },
    10: { VhdPhysicalSectorSize: u32 },
    11: { SmallestSafeVirtualSize: u64 },
    12: { FragmentationPercentage: u32 },
    13: { IsLoaded: bool },
    14: { VirtualDiskId: guid },
    15: {
      ChangeTrackingState: struct("ChangeTrackingState", {
        Enabled: bool,
        NewerChanges: bool,
        MostRecentId: wchars,
      }),
    },
  }),
);

/** A property to set, by SET_VIRTUAL_DISK_INFO_VERSION. Paths are addresses. */
export type SetVirtualDiskInfo =
  | { readonly Version: 1; readonly ParentFilePath: bigint }
  | { readonly Version: 2; readonly UniqueIdentifier: string }
  | {
    readonly Version: 3;
    readonly ParentPathWithDepthInfo: {
      /** The leaf is 1. */
      readonly ChildDepth: number;
      readonly ParentFilePath: bigint;
    };
  }
  | { readonly Version: 4; readonly VhdPhysicalSectorSize: number }
  | { readonly Version: 5; readonly VirtualDiskId: string }
  | { readonly Version: 6; readonly ChangeTrackingEnabled: boolean }
  | {
    readonly Version: 7;
    readonly ParentLocator: { readonly LinkageId: string; readonly ParentFilePath: bigint };
  };

/** SET_VIRTUAL_DISK_INFO. */
export const SET_VIRTUAL_DISK_INFO: Struct<SetVirtualDiskInfo> = struct(
  "SET_VIRTUAL_DISK_INFO",
  { Version: u32 },
  new TaggedUnion("Version", {
    1: { ParentFilePath: pcwstr },
    2: { UniqueIdentifier: guid },
    3: {
      ParentPathWithDepthInfo: struct("ParentPathWithDepthInfo", {
        ChildDepth: u32,
        ParentFilePath: pcwstr,
      }),
    },
    4: { VhdPhysicalSectorSize: u32 },
    5: { VirtualDiskId: guid },
    6: { ChangeTrackingEnabled: bool },
    7: { ParentLocator: struct("ParentLocator", { LinkageId: guid, ParentFilePath: pcwstr }) },
  }),
);
