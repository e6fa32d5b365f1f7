/** The structures that others hold by value. */
import {
  array,
  bool,
  flexible,
  guid,
  handle,
  pcwstr,
  pvoid,
  pwstr,
  u16,
  u32,
  u64,
  u8,
  usize,
  wchars,
} from "./codec.ts";
import { FreeUnion, type Struct, struct, TaggedUnion } from "./struct.ts";

/**
 * GUID, part by part; elsewhere a GUID is its text.
 *
 * @category Structures
 */
export interface Guid {
  /** First eight digits. */
  readonly Data1: number;
  /** Next four. */
  readonly Data2: number;
  /** Next four. */
  readonly Data3: number;
  /** The other sixteen, in pairs. */
  readonly Data4: readonly number[];
}

/**
 * GUID of guiddef.h.
 *
 * @category Structures
 */
export const GUID: Struct<Guid> = struct("GUID", {
  Data1: u32,
  Data2: u16,
  Data3: u16,
  Data4: array(u8, 8),
});

/**
 * The format of an image and who defined it.
 *
 * @category Structures
 */
export interface VirtualStorageType {
  /** VIRTUAL_STORAGE_TYPE_DEVICE_*. */
  readonly DeviceId: number;
  /** VIRTUAL_STORAGE_TYPE_VENDOR_*. */
  readonly VendorId: string;
}

/**
 * VIRTUAL_STORAGE_TYPE.
 *
 * @category Structures
 */
export const VIRTUAL_STORAGE_TYPE: Struct<VirtualStorageType> = struct("VIRTUAL_STORAGE_TYPE", {
  DeviceId: u32,
  VendorId: guid,
});

/**
 * How an image is opened, by version.
 *
 * @category Structures
 */
export type OpenVirtualDiskParameters =
  | {
    readonly Version: 1;
    readonly Version1: {
      /** How many files of the chain, from the child on, are opened for writing. */
      readonly RWDepth: number;
    };
  }
  | { readonly Version: 2; readonly Version2: OpenVersion2 }
  | {
    readonly Version: 3;
    readonly Version3: OpenVersion2 & {
      /** A snapshot of a VHD Set. */
      readonly SnapshotId: string;
    };
  };

/**
 * Windows 8.
 *
 * @category Structures
 */
export interface OpenVersion2 {
  /** For queries alone. */
  readonly GetInfoOnly: boolean;
  /** Whether the files are opened for reading alone. */
  readonly ReadOnly: boolean;
  /** Tells openers apart. */
  readonly ResiliencyGuid: string;
}

const VERSION_2 = { GetInfoOnly: bool, ReadOnly: bool, ResiliencyGuid: guid } as const;

/**
 * OPEN_VIRTUAL_DISK_PARAMETERS.
 *
 * @category Structures
 */
export const OPEN_VIRTUAL_DISK_PARAMETERS: Struct<OpenVirtualDiskParameters> = struct(
  "OPEN_VIRTUAL_DISK_PARAMETERS",
  { Version: u32 },
  new TaggedUnion("Version", {
    1: { Version1: struct("Version1", { RWDepth: u32 }) },
    2: { Version2: struct("Version2", VERSION_2) },
    3: { Version3: struct("Version3", { ...VERSION_2, SnapshotId: guid }) },
  }),
);

/**
 * What every version says of a new disk. Sizes are bytes.
 *
 * @category Structures
 */
export interface CreateCommon {
  /** All zero: Windows makes one. */
  readonly UniqueId: string;
  /** 0 with a parent, or for the size of the source. */
  readonly MaximumSize: bigint;
  /** 0 is the format's default. */
  readonly BlockSizeInBytes: number;
  /** 0 is the format's default. */
  readonly SectorSizeInBytes: number;
}

/**
 * Addresses of the names of a parent and of a source; at most one is not 0.
 *
 * @category Structures
 */
export interface CreatePaths {
  /** Makes a differencing disk. */
  readonly ParentPath: bigint;
  /** Makes a copy. */
  readonly SourcePath: bigint;
}

/**
 * Windows 8.
 *
 * @category Structures
 */
export interface CreateVersion2 extends CreateCommon, CreatePaths {
  /** 0 is the format's default. */
  readonly PhysicalSectorSizeInBytes: number;
  /** OPEN_VIRTUAL_DISK_FLAG of the handle that comes back. */
  readonly OpenFlags: number;
  /** Zeros: the parent's file tells. */
  readonly ParentVirtualStorageType: VirtualStorageType;
  /** Zeros: the source's file tells. */
  readonly SourceVirtualStorageType: VirtualStorageType;
  /** Tells openers apart. */
  readonly ResiliencyGuid: string;
}

/**
 * VHD Sets and copies limited by change tracking.
 *
 * @category Structures
 */
export interface CreateVersion3 extends CreateVersion2 {
  /** Address of a file name or a change tracking id. */
  readonly SourceLimitPath: bigint;
  /** The format behind a VHD Set. */
  readonly BackingStorageType: VirtualStorageType;
}

/**
 * Virtual persistent memory.
 *
 * @category Structures
 */
export interface CreateVersion4 extends CreateVersion3 {
  /** How addresses are translated. */
  readonly PmemAddressAbstractionType: string;
  /** Bytes. */
  readonly DataAlignment: bigint;
}

/**
 * How an image is created, by version.
 *
 * @category Structures
 */
export type CreateVirtualDiskParameters =
  | { readonly Version: 1; readonly Version1: CreateCommon & CreatePaths }
  | { readonly Version: 2; readonly Version2: CreateVersion2 }
  | { readonly Version: 3; readonly Version3: CreateVersion3 }
  | { readonly Version: 4; readonly Version4: CreateVersion4 };

const COMMON = {
  UniqueId: guid,
  MaximumSize: u64,
  BlockSizeInBytes: u32,
  SectorSizeInBytes: u32,
} as const;
const PATHS = { ParentPath: pcwstr, SourcePath: pcwstr } as const;
const CREATE_VERSION_2 = {
  ...COMMON,
  PhysicalSectorSizeInBytes: u32,
  ...PATHS,
  OpenFlags: u32,
  ParentVirtualStorageType: VIRTUAL_STORAGE_TYPE,
  SourceVirtualStorageType: VIRTUAL_STORAGE_TYPE,
  ResiliencyGuid: guid,
} as const;
const VERSION_3 = {
  ...CREATE_VERSION_2,
  SourceLimitPath: pcwstr,
  BackingStorageType: VIRTUAL_STORAGE_TYPE,
} as const;
const VERSION_4 = { ...VERSION_3, PmemAddressAbstractionType: guid, DataAlignment: u64 } as const;

/**
 * CREATE_VIRTUAL_DISK_PARAMETERS.
 *
 * @category Structures
 */
export const CREATE_VIRTUAL_DISK_PARAMETERS: Struct<CreateVirtualDiskParameters> = struct(
  "CREATE_VIRTUAL_DISK_PARAMETERS",
  { Version: u32 },
  new TaggedUnion("Version", {
    1: { Version1: struct("Version1", { ...COMMON, ...PATHS }) },
    2: { Version2: struct("Version2", CREATE_VERSION_2) },
    3: { Version3: struct("Version3", VERSION_3) },
    4: { Version4: struct("Version4", VERSION_4) },
  }),
);

/**
 * A property of a disk, by GET_VIRTUAL_DISK_INFO_VERSION. Sizes are bytes.
 *
 * @category Structures
 */
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

/**
 * GET_VIRTUAL_DISK_INFO.
 *
 * @category Structures
 */
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

/**
 * A property to set, by SET_VIRTUAL_DISK_INFO_VERSION. Paths are addresses.
 *
 * @category Structures
 */
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

/**
 * SET_VIRTUAL_DISK_INFO.
 *
 * @category Structures
 */
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

// What the operations on an open disk take: attach, compact, merge, expand, resize, mirror, fork.

/**
 * How a disk is attached, by version.
 *
 * @category Structures
 */
export type AttachVirtualDiskParameters =
  | { readonly Version: 1; readonly Version1: { readonly Reserved: number } }
  | {
    readonly Version: 2;
    readonly Version2: { readonly RestrictedOffset: bigint; readonly RestrictedLength: bigint };
  };

/**
 * ATTACH_VIRTUAL_DISK_PARAMETERS.
 *
 * @category Structures
 */
export const ATTACH_VIRTUAL_DISK_PARAMETERS: Struct<AttachVirtualDiskParameters> = struct(
  "ATTACH_VIRTUAL_DISK_PARAMETERS",
  { Version: u32 },
  new TaggedUnion("Version", {
    1: { Version1: struct("Version1", { Reserved: u32 }) },
    2: { Version2: struct("Version2", { RestrictedOffset: u64, RestrictedLength: u64 }) },
  }),
);

/**
 * How a file is compacted.
 *
 * @category Structures
 */
export interface CompactVirtualDiskParameters {
  /** The only one. */
  readonly Version: 1;
  /** Zero. */
  readonly Version1: { readonly Reserved: number };
}

/**
 * COMPACT_VIRTUAL_DISK_PARAMETERS.
 *
 * @category Structures
 */
export const COMPACT_VIRTUAL_DISK_PARAMETERS: Struct<CompactVirtualDiskParameters> = struct(
  "COMPACT_VIRTUAL_DISK_PARAMETERS",
  { Version: u32 },
  new TaggedUnion("Version", { 1: { Version1: struct("Version1", { Reserved: u32 }) } }),
);

/**
 * Which files of a chain are merged, by version. The leaf is 1.
 *
 * @category Structures
 */
export type MergeVirtualDiskParameters =
  | { readonly Version: 1; readonly Version1: { readonly MergeDepth: number } }
  | {
    readonly Version: 2;
    readonly Version2: { readonly MergeSourceDepth: number; readonly MergeTargetDepth: number };
  };

/**
 * MERGE_VIRTUAL_DISK_PARAMETERS.
 *
 * @category Structures
 */
export const MERGE_VIRTUAL_DISK_PARAMETERS: Struct<MergeVirtualDiskParameters> = struct(
  "MERGE_VIRTUAL_DISK_PARAMETERS",
  { Version: u32 },
  new TaggedUnion("Version", {
    1: { Version1: struct("Version1", { MergeDepth: u32 }) },
    2: { Version2: struct("Version2", { MergeSourceDepth: u32, MergeTargetDepth: u32 }) },
  }),
);

/**
 * A new size.
 *
 * @category Structures
 */
export interface NewSizeParameters {
  /** The only one. */
  readonly Version: 1;
  /** All of the disk, in bytes. */
  readonly Version1: { readonly NewSize: bigint };
}

/**
 * EXPAND_VIRTUAL_DISK_PARAMETERS.
 *
 * @category Structures
 */
export const EXPAND_VIRTUAL_DISK_PARAMETERS: Struct<NewSizeParameters> = newSize(
  "EXPAND_VIRTUAL_DISK_PARAMETERS",
);

/**
 * RESIZE_VIRTUAL_DISK_PARAMETERS.
 *
 * @category Structures
 */
export const RESIZE_VIRTUAL_DISK_PARAMETERS: Struct<NewSizeParameters> = newSize(
  "RESIZE_VIRTUAL_DISK_PARAMETERS",
);

function newSize(name: string): Struct<NewSizeParameters> {
  return struct(
    name,
    { Version: u32 },
    new TaggedUnion("Version", { 1: { Version1: struct("Version1", { NewSize: u64 }) } }),
  );
}

/**
 * Where a mirror goes.
 *
 * @category Structures
 */
export interface MirrorVirtualDiskParameters {
  /** The only one. */
  readonly Version: 1;
  /** The address of a full path. */
  readonly Version1: { readonly MirrorVirtualDiskPath: bigint };
}

/**
 * MIRROR_VIRTUAL_DISK_PARAMETERS.
 *
 * @category Structures
 */
export const MIRROR_VIRTUAL_DISK_PARAMETERS: Struct<MirrorVirtualDiskParameters> = struct(
  "MIRROR_VIRTUAL_DISK_PARAMETERS",
  { Version: u32 },
  new TaggedUnion("Version", {
    1: { Version1: struct("Version1", { MirrorVirtualDiskPath: pcwstr }) },
  }),
);

/**
 * Where a fork goes.
 *
 * @category Structures
 */
export interface ForkVirtualDiskParameters {
  /** The only one. */
  readonly Version: 1;
  /** The address of a full path. */
  readonly Version1: { readonly ForkedVirtualDiskPath: bigint };
}

/**
 * FORK_VIRTUAL_DISK_PARAMETERS.
 *
 * @category Structures
 */
export const FORK_VIRTUAL_DISK_PARAMETERS: Struct<ForkVirtualDiskParameters> = struct(
  "FORK_VIRTUAL_DISK_PARAMETERS",
  { Version: u32 },
  new TaggedUnion("Version", {
    1: { Version1: struct("Version1", { ForkedVirtualDiskPath: pcwstr }) },
  }),
);

/**
 * How far an operation is.
 *
 * @category Structures
 */
export interface VirtualDiskProgress {
  /** 997 while it runs, then its error code. */
  readonly OperationStatus: number;
  /** Of CompletionValue; means nothing beside it. */
  readonly CurrentValue: bigint;
  /** May change from call to call. */
  readonly CompletionValue: bigint;
}

/**
 * VIRTUAL_DISK_PROGRESS.
 *
 * @category Structures
 */
export const VIRTUAL_DISK_PROGRESS: Struct<VirtualDiskProgress> = struct("VIRTUAL_DISK_PROGRESS", {
  OperationStatus: u32,
  CurrentValue: u64,
  CompletionValue: u64,
});

/**
 * A range that has changed. Bytes.
 *
 * @category Structures
 */
export interface QueryChangesVirtualDiskRange {
  /** From the start of the disk. */
  readonly ByteOffset: bigint;
  /** Length. */
  readonly ByteLength: bigint;
  /** Zero. */
  readonly Reserved: bigint;
}

/**
 * QUERY_CHANGES_VIRTUAL_DISK_RANGE.
 *
 * @category Structures
 */
export const QUERY_CHANGES_VIRTUAL_DISK_RANGE: Struct<QueryChangesVirtualDiskRange> = struct(
  "QUERY_CHANGES_VIRTUAL_DISK_RANGE",
  { ByteOffset: u64, ByteLength: u64, Reserved: u64 },
);

/**
 * State of an asynchronous call. Windows writes to it until the call is complete.
 *
 * @category Structures
 */
export interface Overlapped {
  /** NTSTATUS; 0x103 while the call is pending. */
  readonly Internal: bigint;
  /** Bytes transferred. */
  readonly InternalHigh: bigint;
  /** Low half of a file position. */
  readonly Offset?: number;
  /** High half of a file position. */
  readonly OffsetHigh?: number;
  /** In the place of the file position. */
  readonly Pointer?: bigint;
  /** An event that is set at completion, or 0. */
  readonly hEvent: bigint;
}

/**
 * OVERLAPPED of minwinbase.h.
 *
 * @category Structures
 */
export const OVERLAPPED: Struct<Overlapped> = struct(
  "OVERLAPPED",
  { Internal: usize, InternalHigh: usize },
  new FreeUnion([{ Offset: u32, OffsetHigh: u32 }, { Pointer: pvoid }]),
  { hEvent: handle },
);

/**
 * A disk that depends on an image.
 *
 * @category Structures
 */
export interface StorageDependencyInfoType1 {
  /** DEPENDENT_DISK_FLAG. */
  readonly DependencyTypeFlags: number;
  /** Of the provider. */
  readonly ProviderSpecificFlags: number;
  /** The image's format. */
  readonly VirtualStorageType: VirtualStorageType;
}

/**
 * A disk that depends on an image, with names: addresses within the buffer that was filled.
 *
 * @category Structures
 */
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

/**
 * The disks, by version.
 *
 * @category Structures
 */
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

/**
 * STORAGE_DEPENDENCY_INFO_TYPE_1.
 *
 * @category Structures
 */
export const STORAGE_DEPENDENCY_INFO_TYPE_1: Struct<StorageDependencyInfoType1> = struct(
  "STORAGE_DEPENDENCY_INFO_TYPE_1",
  TYPE_1,
);

/**
 * STORAGE_DEPENDENCY_INFO_TYPE_2.
 *
 * @category Structures
 */
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

/**
 * STORAGE_DEPENDENCY_INFO: 8 bytes and the entries; its C size includes one entry.
 *
 * @category Structures
 */
export const STORAGE_DEPENDENCY_INFO: Struct<StorageDependencyInfo> = struct(
  "STORAGE_DEPENDENCY_INFO",
  { Version: u32, NumberEntries: u32 },
  new TaggedUnion("Version", {
    1: { Version1Entries: flexible(STORAGE_DEPENDENCY_INFO_TYPE_1, "NumberEntries") },
    2: { Version2Entries: flexible(STORAGE_DEPENDENCY_INFO_TYPE_2, "NumberEntries") },
  }),
);

/**
 * A snapshot to take or to delete.
 *
 * @category Structures
 */
export interface SnapshotVhdSetParameters {
  /** The only one. */
  readonly Version: 1;
  /** Its id. */
  readonly Version1: { readonly SnapshotId: string };
}

/**
 * TAKE_SNAPSHOT_VHDSET_PARAMETERS.
 *
 * @category Structures
 */
export const TAKE_SNAPSHOT_VHDSET_PARAMETERS: Struct<SnapshotVhdSetParameters> = snapshot(
  "TAKE_SNAPSHOT_VHDSET_PARAMETERS",
);

/**
 * DELETE_SNAPSHOT_VHDSET_PARAMETERS.
 *
 * @category Structures
 */
export const DELETE_SNAPSHOT_VHDSET_PARAMETERS: Struct<SnapshotVhdSetParameters> = snapshot(
  "DELETE_SNAPSHOT_VHDSET_PARAMETERS",
);

function snapshot(name: string): Struct<SnapshotVhdSetParameters> {
  return struct(
    name,
    { Version: u32 },
    new TaggedUnion("Version", { 1: { Version1: struct("Version1", { SnapshotId: guid }) } }),
  );
}

/**
 * A snapshot to return to.
 *
 * @category Structures
 */
export interface ApplySnapshotVhdSetParameters {
  /** The only one. */
  readonly Version: 1;
  /** LeafSnapshotId: what the present state is kept as; all zero discards it. */
  readonly Version1: { readonly SnapshotId: string; readonly LeafSnapshotId: string };
}

/**
 * APPLY_SNAPSHOT_VHDSET_PARAMETERS.
 *
 * @category Structures
 */
export const APPLY_SNAPSHOT_VHDSET_PARAMETERS: Struct<ApplySnapshotVhdSetParameters> = struct(
  "APPLY_SNAPSHOT_VHDSET_PARAMETERS",
  { Version: u32 },
  new TaggedUnion("Version", {
    1: { Version1: struct("Version1", { SnapshotId: guid, LeafSnapshotId: guid }) },
  }),
);

/**
 * A change to the table of a VHD Set, by MODIFY_VHDSET_VERSION. Paths are addresses.
 *
 * @category Structures
 */
export type ModifyVhdSetParameters =
  | {
    readonly Version: 1;
    readonly SnapshotPath: { readonly SnapshotId: string; readonly SnapshotFilePath: bigint };
  }
  | { readonly Version: 2; readonly SnapshotId: string }
  | { readonly Version: 3; readonly DefaultFilePath: bigint };

/**
 * MODIFY_VHDSET_PARAMETERS.
 *
 * @category Structures
 */
export const MODIFY_VHDSET_PARAMETERS: Struct<ModifyVhdSetParameters> = struct(
  "MODIFY_VHDSET_PARAMETERS",
  { Version: u32 },
  new TaggedUnion("Version", {
    1: { SnapshotPath: struct("SnapshotPath", { SnapshotId: guid, SnapshotFilePath: pcwstr }) },
    2: { SnapshotId: guid },
    3: { DefaultFilePath: pcwstr },
  }),
);

/**
 * A SCSI command.
 *
 * @category Structures
 */
export interface RawScsiVirtualDiskParameters {
  /** The only one. */
  readonly Version: 1;
  /** The command; DataBuffer, SenseInfo and Cdb are addresses. */
  readonly Version1: {
    readonly RSVDHandle: boolean;
    readonly DataIn: number;
    readonly CdbLength: number;
    readonly SenseInfoLength: number;
    readonly SrbFlags: number;
    readonly DataTransferLength: number;
    readonly DataBuffer: bigint;
    readonly SenseInfo: bigint;
    readonly Cdb: bigint;
  };
}

/**
 * RAW_SCSI_VIRTUAL_DISK_PARAMETERS.
 *
 * @category Structures
 */
export const RAW_SCSI_VIRTUAL_DISK_PARAMETERS: Struct<RawScsiVirtualDiskParameters> = struct(
  "RAW_SCSI_VIRTUAL_DISK_PARAMETERS",
  { Version: u32 },
  new TaggedUnion("Version", {
    1: {
      Version1: struct("Version1", {
        RSVDHandle: bool,
        DataIn: u8,
        CdbLength: u8,
        SenseInfoLength: u8,
        SrbFlags: u32,
        DataTransferLength: u32,
        DataBuffer: pvoid,
        SenseInfo: pvoid,
        Cdb: pvoid,
      }),
    },
  }),
);

/**
 * What became of a SCSI command.
 *
 * @category Structures
 */
export interface RawScsiVirtualDiskResponse {
  /** The only one. */
  readonly Version: 1;
  /** ScsiStatus is an SRB_STATUS; the lengths are of what was transferred, in bytes. */
  readonly Version1: {
    readonly ScsiStatus: number;
    readonly SenseInfoLength: number;
    readonly DataTransferLength: number;
  };
}

/**
 * RAW_SCSI_VIRTUAL_DISK_RESPONSE.
 *
 * @category Structures
 */
export const RAW_SCSI_VIRTUAL_DISK_RESPONSE: Struct<RawScsiVirtualDiskResponse> = struct(
  "RAW_SCSI_VIRTUAL_DISK_RESPONSE",
  { Version: u32 },
  new TaggedUnion("Version", {
    1: {
      Version1: struct("Version1", {
        ScsiStatus: u8,
        SenseInfoLength: u8,
        DataTransferLength: u32,
      }),
    },
  }),
);
