/** What CreateVirtualDisk takes. */
import { guid, pcwstr, u32, u64 } from "../codec.ts";
import { type Struct, struct, TaggedUnion } from "../struct.ts";
import { VIRTUAL_STORAGE_TYPE, type VirtualStorageType } from "./storage_type.ts";

/** What every version says of a new disk. Sizes are bytes. */
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

/** Addresses of the names of a parent and of a source; at most one is not 0. */
export interface CreatePaths {
  /** Makes a differencing disk. */
  readonly ParentPath: bigint;
  /** Makes a copy. */
  readonly SourcePath: bigint;
}

/** Windows 8. */
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

/** VHD Sets and copies limited by change tracking. */
export interface CreateVersion3 extends CreateVersion2 {
  /** Address of a file name or a change tracking id. */
  readonly SourceLimitPath: bigint;
  /** The format behind a VHD Set. */
  readonly BackingStorageType: VirtualStorageType;
}

/** Virtual persistent memory. */
export interface CreateVersion4 extends CreateVersion3 {
  /** How addresses are translated. */
  readonly PmemAddressAbstractionType: string;
  /** Bytes. */
  readonly DataAlignment: bigint;
}

/** How an image is created, by version. */
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
const VERSION_2 = {
  ...COMMON,
  PhysicalSectorSizeInBytes: u32,
  ...PATHS,
  OpenFlags: u32,
  ParentVirtualStorageType: VIRTUAL_STORAGE_TYPE,
  SourceVirtualStorageType: VIRTUAL_STORAGE_TYPE,
  ResiliencyGuid: guid,
} as const;
const VERSION_3 = {
  ...VERSION_2,
  SourceLimitPath: pcwstr,
  BackingStorageType: VIRTUAL_STORAGE_TYPE,
} as const;
const VERSION_4 = { ...VERSION_3, PmemAddressAbstractionType: guid, DataAlignment: u64 } as const;

/** CREATE_VIRTUAL_DISK_PARAMETERS. */
export const CREATE_VIRTUAL_DISK_PARAMETERS: Struct<CreateVirtualDiskParameters> = struct(
  "CREATE_VIRTUAL_DISK_PARAMETERS",
  { Version: u32 },
  new TaggedUnion("Version", {
    1: { Version1: struct("Version1", { ...COMMON, ...PATHS }) },
    2: { Version2: struct("Version2", VERSION_2) },
    3: { Version3: struct("Version3", VERSION_3) },
    4: { Version4: struct("Version4", VERSION_4) },
  }),
);
