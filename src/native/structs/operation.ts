/** What the operations on an open disk take: attach, compact, merge, expand, resize, mirror, fork. */
import { handle, pcwstr, pvoid, u32, u64, usize } from "../codec.ts";
import { FreeUnion, type Struct, struct, TaggedUnion } from "../struct.ts";

/** How a disk is attached, by version. */
export type AttachVirtualDiskParameters =
  | { readonly Version: 1; readonly Version1: { readonly Reserved: number } }
  | {
    readonly Version: 2;
    readonly Version2: { readonly RestrictedOffset: bigint; readonly RestrictedLength: bigint };
  };

/** ATTACH_VIRTUAL_DISK_PARAMETERS. */
export const ATTACH_VIRTUAL_DISK_PARAMETERS: Struct<AttachVirtualDiskParameters> = struct(
  "ATTACH_VIRTUAL_DISK_PARAMETERS",
  { Version: u32 },
  new TaggedUnion("Version", {
    1: { Version1: struct("Version1", { Reserved: u32 }) },
    2: { Version2: struct("Version2", { RestrictedOffset: u64, RestrictedLength: u64 }) },
  }),
);

/** How a file is compacted. */
export interface CompactVirtualDiskParameters {
  /** The only one. */
  readonly Version: 1;
  /** Zero. */
  readonly Version1: { readonly Reserved: number };
}

/** COMPACT_VIRTUAL_DISK_PARAMETERS. */
export const COMPACT_VIRTUAL_DISK_PARAMETERS: Struct<CompactVirtualDiskParameters> = struct(
  "COMPACT_VIRTUAL_DISK_PARAMETERS",
  { Version: u32 },
  new TaggedUnion("Version", { 1: { Version1: struct("Version1", { Reserved: u32 }) } }),
);

/** Which files of a chain are merged, by version. The leaf is 1. */
export type MergeVirtualDiskParameters =
  | { readonly Version: 1; readonly Version1: { readonly MergeDepth: number } }
  | {
    readonly Version: 2;
    readonly Version2: { readonly MergeSourceDepth: number; readonly MergeTargetDepth: number };
  };

/** MERGE_VIRTUAL_DISK_PARAMETERS. */
export const MERGE_VIRTUAL_DISK_PARAMETERS: Struct<MergeVirtualDiskParameters> = struct(
  "MERGE_VIRTUAL_DISK_PARAMETERS",
  { Version: u32 },
  new TaggedUnion("Version", {
    1: { Version1: struct("Version1", { MergeDepth: u32 }) },
    2: { Version2: struct("Version2", { MergeSourceDepth: u32, MergeTargetDepth: u32 }) },
  }),
);

/** A new size. */
export interface NewSizeParameters {
  /** The only one. */
  readonly Version: 1;
  /** All of the disk, in bytes. */
  readonly Version1: { readonly NewSize: bigint };
}

/** EXPAND_VIRTUAL_DISK_PARAMETERS. */
export const EXPAND_VIRTUAL_DISK_PARAMETERS: Struct<NewSizeParameters> = newSize(
  "EXPAND_VIRTUAL_DISK_PARAMETERS",
);

/** RESIZE_VIRTUAL_DISK_PARAMETERS. */
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

/** Where a mirror goes. */
export interface MirrorVirtualDiskParameters {
  /** The only one. */
  readonly Version: 1;
  /** The address of a full path. */
  readonly Version1: { readonly MirrorVirtualDiskPath: bigint };
}

/** MIRROR_VIRTUAL_DISK_PARAMETERS. */
export const MIRROR_VIRTUAL_DISK_PARAMETERS: Struct<MirrorVirtualDiskParameters> = struct(
  "MIRROR_VIRTUAL_DISK_PARAMETERS",
  { Version: u32 },
  new TaggedUnion("Version", {
    1: { Version1: struct("Version1", { MirrorVirtualDiskPath: pcwstr }) },
  }),
);

/** Where a fork goes. */
export interface ForkVirtualDiskParameters {
  /** The only one. */
  readonly Version: 1;
  /** The address of a full path. */
  readonly Version1: { readonly ForkedVirtualDiskPath: bigint };
}

/** FORK_VIRTUAL_DISK_PARAMETERS. */
export const FORK_VIRTUAL_DISK_PARAMETERS: Struct<ForkVirtualDiskParameters> = struct(
  "FORK_VIRTUAL_DISK_PARAMETERS",
  { Version: u32 },
  new TaggedUnion("Version", {
    1: { Version1: struct("Version1", { ForkedVirtualDiskPath: pcwstr }) },
  }),
);

/** How far an operation is. */
export interface VirtualDiskProgress {
  /** 997 while it runs, then its error code. */
  readonly OperationStatus: number;
  /** Of CompletionValue; means nothing beside it. */
  readonly CurrentValue: bigint;
  /** May change from call to call. */
  readonly CompletionValue: bigint;
}

/** VIRTUAL_DISK_PROGRESS. */
export const VIRTUAL_DISK_PROGRESS: Struct<VirtualDiskProgress> = struct("VIRTUAL_DISK_PROGRESS", {
  OperationStatus: u32,
  CurrentValue: u64,
  CompletionValue: u64,
});

/** A range that has changed. Bytes. */
export interface QueryChangesVirtualDiskRange {
  /** From the start of the disk. */
  readonly ByteOffset: bigint;
  /** Length. */
  readonly ByteLength: bigint;
  /** Zero. */
  readonly Reserved: bigint;
}

/** QUERY_CHANGES_VIRTUAL_DISK_RANGE. */
export const QUERY_CHANGES_VIRTUAL_DISK_RANGE: Struct<QueryChangesVirtualDiskRange> = struct(
  "QUERY_CHANGES_VIRTUAL_DISK_RANGE",
  { ByteOffset: u64, ByteLength: u64, Reserved: u64 },
);

/** State of an asynchronous call. Windows writes to it until the call is complete. */
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

/** OVERLAPPED of minwinbase.h. */
export const OVERLAPPED: Struct<Overlapped> = struct(
  "OVERLAPPED",
  { Internal: usize, InternalHigh: usize },
  new FreeUnion([{ Offset: u32, OffsetHigh: u32 }, { Pointer: pvoid }]),
  { hEvent: handle },
);
