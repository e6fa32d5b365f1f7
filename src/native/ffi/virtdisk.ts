/**
 * The functions of VirtDisk.dll, as virtdisk.h declares them: structures and strings are buffers, handles
 * are 64-bit numbers, and every function returns a Win32 error code. The comment beside a parameter is
 * its C declaration.
 *
 * Functions newer than Windows 8 are optional: where Windows does not have one, it is `null`.
 *
 * @module
 */

/**
 * The functions as virtdisk.h declares them.
 *
 * @category Functions
 */
export const HEADER_FUNCTIONS = {
  OpenVirtualDisk: {
    parameters: [
      "buffer", // const VIRTUAL_STORAGE_TYPE* VirtualStorageType
      "buffer", // PCWSTR Path
      "u32", // VIRTUAL_DISK_ACCESS_MASK VirtualDiskAccessMask
      "u32", // OPEN_VIRTUAL_DISK_FLAG Flags
      "buffer", // const OPEN_VIRTUAL_DISK_PARAMETERS* (opt) Parameters
      "buffer", // HANDLE* (out) Handle
    ],
    result: "u32",
  },
  CreateVirtualDisk: {
    parameters: [
      "buffer", // const VIRTUAL_STORAGE_TYPE* VirtualStorageType
      "buffer", // PCWSTR Path
      "u32", // VIRTUAL_DISK_ACCESS_MASK VirtualDiskAccessMask
      "buffer", // SECURITY_DESCRIPTOR* (opt) SecurityDescriptor
      "u32", // CREATE_VIRTUAL_DISK_FLAG Flags
      "u32", // ULONG ProviderSpecificFlags
      "buffer", // const CREATE_VIRTUAL_DISK_PARAMETERS* Parameters
      "buffer", // OVERLAPPED* (opt) Overlapped
      "buffer", // HANDLE* (out) Handle
    ],
    result: "u32",
  },
  AttachVirtualDisk: {
    parameters: [
      "u64", // HANDLE VirtualDiskHandle
      "buffer", // SECURITY_DESCRIPTOR* (opt) SecurityDescriptor
      "u32", // ATTACH_VIRTUAL_DISK_FLAG Flags
      "u32", // ULONG ProviderSpecificFlags
      "buffer", // const ATTACH_VIRTUAL_DISK_PARAMETERS* (opt) Parameters
      "buffer", // OVERLAPPED* (opt) Overlapped
    ],
    result: "u32",
  },
  DetachVirtualDisk: {
    parameters: [
      "u64", // HANDLE VirtualDiskHandle
      "u32", // DETACH_VIRTUAL_DISK_FLAG Flags
      "u32", // ULONG ProviderSpecificFlags
    ],
    result: "u32",
  },
  GetVirtualDiskPhysicalPath: {
    parameters: [
      "u64", // HANDLE VirtualDiskHandle
      "buffer", // ULONG* (inout) DiskPathSizeInBytes
      "buffer", // PWSTR (out, opt) DiskPath
    ],
    result: "u32",
  },
  GetAllAttachedVirtualDiskPhysicalPaths: {
    parameters: [
      "buffer", // ULONG* (inout) PathsBufferSizeInBytes
      "buffer", // PWSTR (out, opt) PathsBuffer
    ],
    result: "u32",
  },
  GetStorageDependencyInformation: {
    parameters: [
      "u64", // HANDLE ObjectHandle
      "u32", // GET_STORAGE_DEPENDENCY_FLAG Flags
      "u32", // ULONG StorageDependencyInfoSize
      "buffer", // STORAGE_DEPENDENCY_INFO* (inout) StorageDependencyInfo
      "buffer", // ULONG* (inout, opt) SizeUsed
    ],
    result: "u32",
  },
  GetVirtualDiskInformation: {
    parameters: [
      "u64", // HANDLE VirtualDiskHandle
      "buffer", // ULONG* (inout) VirtualDiskInfoSize
      "buffer", // GET_VIRTUAL_DISK_INFO* (inout) VirtualDiskInfo
      "buffer", // ULONG* (inout, opt) SizeUsed
    ],
    result: "u32",
  },
  SetVirtualDiskInformation: {
    parameters: [
      "u64", // HANDLE VirtualDiskHandle
      "buffer", // const SET_VIRTUAL_DISK_INFO* VirtualDiskInfo
    ],
    result: "u32",
  },
  EnumerateVirtualDiskMetadata: {
    parameters: [
      "u64", // HANDLE VirtualDiskHandle
      "buffer", // ULONG* (inout) NumberOfItems
      "buffer", // GUID* (out) Items
    ],
    result: "u32",
  },
  GetVirtualDiskMetadata: {
    parameters: [
      "u64", // HANDLE VirtualDiskHandle
      "buffer", // const GUID* Item
      "buffer", // ULONG* (inout) MetaDataSize
      "buffer", // void* (out) MetaData
    ],
    result: "u32",
  },
  SetVirtualDiskMetadata: {
    parameters: [
      "u64", // HANDLE VirtualDiskHandle
      "buffer", // const GUID* Item
      "u32", // ULONG MetaDataSize
      "buffer", // const void* MetaData
    ],
    result: "u32",
  },
  DeleteVirtualDiskMetadata: {
    parameters: [
      "u64", // HANDLE VirtualDiskHandle
      "buffer", // const GUID* Item
    ],
    result: "u32",
  },
  GetVirtualDiskOperationProgress: {
    parameters: [
      "u64", // HANDLE VirtualDiskHandle
      "buffer", // OVERLAPPED* Overlapped
      "buffer", // VIRTUAL_DISK_PROGRESS* (out) Progress
    ],
    result: "u32",
  },
  CompactVirtualDisk: {
    parameters: [
      "u64", // HANDLE VirtualDiskHandle
      "u32", // COMPACT_VIRTUAL_DISK_FLAG Flags
      "buffer", // const COMPACT_VIRTUAL_DISK_PARAMETERS* (opt) Parameters
      "buffer", // OVERLAPPED* (opt) Overlapped
    ],
    result: "u32",
  },
  MergeVirtualDisk: {
    parameters: [
      "u64", // HANDLE VirtualDiskHandle
      "u32", // MERGE_VIRTUAL_DISK_FLAG Flags
      "buffer", // const MERGE_VIRTUAL_DISK_PARAMETERS* Parameters
      "buffer", // OVERLAPPED* (opt) Overlapped
    ],
    result: "u32",
  },
  ExpandVirtualDisk: {
    parameters: [
      "u64", // HANDLE VirtualDiskHandle
      "u32", // EXPAND_VIRTUAL_DISK_FLAG Flags
      "buffer", // const EXPAND_VIRTUAL_DISK_PARAMETERS* Parameters
      "buffer", // OVERLAPPED* (opt) Overlapped
    ],
    result: "u32",
  },
  ResizeVirtualDisk: {
    parameters: [
      "u64", // HANDLE VirtualDiskHandle
      "u32", // RESIZE_VIRTUAL_DISK_FLAG Flags
      "buffer", // const RESIZE_VIRTUAL_DISK_PARAMETERS* Parameters
      "buffer", // OVERLAPPED* (opt) Overlapped
    ],
    result: "u32",
  },
  MirrorVirtualDisk: {
    parameters: [
      "u64", // HANDLE VirtualDiskHandle
      "u32", // MIRROR_VIRTUAL_DISK_FLAG Flags
      "buffer", // const MIRROR_VIRTUAL_DISK_PARAMETERS* Parameters
      "buffer", // OVERLAPPED* Overlapped
    ],
    result: "u32",
  },
  BreakMirrorVirtualDisk: {
    parameters: [
      "u64", // HANDLE VirtualDiskHandle
    ],
    result: "u32",
  },
  AddVirtualDiskParent: {
    parameters: [
      "u64", // HANDLE VirtualDiskHandle
      "buffer", // PCWSTR ParentPath
    ],
    result: "u32",
  },
  QueryChangesVirtualDisk: {
    parameters: [
      "u64", // HANDLE VirtualDiskHandle
      "buffer", // PCWSTR ChangeTrackingId
      "u64", // ULONG64 ByteOffset
      "u64", // ULONG64 ByteLength
      "u32", // QUERY_CHANGES_VIRTUAL_DISK_FLAG Flags
      "buffer", // QUERY_CHANGES_VIRTUAL_DISK_RANGE* (out) Ranges
      "buffer", // ULONG* (inout) RangeCount
      "buffer", // ULONG64* (out) ProcessedLength
    ],
    result: "u32",
    optional: true,
  },
  TakeSnapshotVhdSet: {
    parameters: [
      "u64", // HANDLE VirtualDiskHandle
      "buffer", // const TAKE_SNAPSHOT_VHDSET_PARAMETERS* Parameters
      "u32", // TAKE_SNAPSHOT_VHDSET_FLAG Flags
    ],
    result: "u32",
    optional: true,
  },
  DeleteSnapshotVhdSet: {
    parameters: [
      "u64", // HANDLE VirtualDiskHandle
      "buffer", // const DELETE_SNAPSHOT_VHDSET_PARAMETERS* Parameters
      "u32", // DELETE_SNAPSHOT_VHDSET_FLAG Flags
    ],
    result: "u32",
    optional: true,
  },
  ModifyVhdSet: {
    parameters: [
      "u64", // HANDLE VirtualDiskHandle
      "buffer", // const MODIFY_VHDSET_PARAMETERS* Parameters
      "u32", // MODIFY_VHDSET_FLAG Flags
    ],
    result: "u32",
    optional: true,
  },
  ApplySnapshotVhdSet: {
    parameters: [
      "u64", // HANDLE VirtualDiskHandle
      "buffer", // const APPLY_SNAPSHOT_VHDSET_PARAMETERS* Parameters
      "u32", // APPLY_SNAPSHOT_VHDSET_FLAG Flags
    ],
    result: "u32",
    optional: true,
  },
  RawSCSIVirtualDisk: {
    parameters: [
      "u64", // HANDLE VirtualDiskHandle
      "buffer", // const RAW_SCSI_VIRTUAL_DISK_PARAMETERS* Parameters
      "u32", // RAW_SCSI_VIRTUAL_DISK_FLAG Flags
      "buffer", // RAW_SCSI_VIRTUAL_DISK_RESPONSE* (out) Response
    ],
    result: "u32",
    optional: true,
  },
  ForkVirtualDisk: {
    parameters: [
      "u64", // HANDLE VirtualDiskHandle
      "u32", // FORK_VIRTUAL_DISK_FLAG Flags
      "buffer", // const FORK_VIRTUAL_DISK_PARAMETERS* Parameters
      "buffer", // OVERLAPPED* Overlapped
    ],
    result: "u32",
    optional: true,
  },
  CompleteForkVirtualDisk: {
    parameters: [
      "u64", // HANDLE VirtualDiskHandle
    ],
    result: "u32",
    optional: true,
  },
} as const;

// The functions of VirtDisk.dll, callable: those of the header, and some of them a second time for calls
// that must not hold up the event loop.

/**
 * The same parameters, with addresses in the place of buffers.
 *
 * @category Functions
 */
export type Addresses<P extends readonly unknown[]> = {
  readonly [K in keyof P]: P[K] extends "buffer" ? "u64" : P[K];
};

/**
 * The same function, on memory that is not the script's.
 *
 * @category Functions
 */
export type ByAddress<N extends keyof typeof HEADER_FUNCTIONS> =
  & Omit<(typeof HEADER_FUNCTIONS)[N], "parameters">
  & {
    /** Its name in the library. */
    readonly name: N;
    /** Addresses, and what else it takes. */
    readonly parameters: Addresses<(typeof HEADER_FUNCTIONS)[N]["parameters"]>;
  };

function byAddress<const N extends keyof typeof HEADER_FUNCTIONS>(name: N): ByAddress<N> {
  const { parameters, ...rest } = HEADER_FUNCTIONS[name];
  const types = parameters.map((type) => type === "buffer" ? "u64" : type);
  return { name, ...rest, parameters: types } as unknown as ByAddress<N>;
}

/**
 * The same function, on another thread, which may outlast that of the script: on memory that is not the script's.
 *
 * @category Functions
 */
export type Elsewhere<N extends keyof typeof HEADER_FUNCTIONS> = ByAddress<N> & {
  /** Its result is a promise. */
  readonly nonblocking: true;
};

function elsewhere<const N extends keyof typeof HEADER_FUNCTIONS>(name: N): Elsewhere<N> {
  return { ...byAddress(name), nonblocking: true };
}

/**
 * What `Deno.dlopen` takes; a name that ends in `Async` runs its function on another thread. Both that and one that
 * ends in `At` take addresses.
 *
 * @category Functions
 */
export const VIRTDISK_FUNCTIONS: typeof HEADER_FUNCTIONS & {
  /** May outlast its thread. */
  readonly CreateVirtualDiskAt: ByAddress<"CreateVirtualDisk">;
  /** May outlast its thread. */
  readonly CompactVirtualDiskAt: ByAddress<"CompactVirtualDisk">;
  /** May outlast its thread. */
  readonly MergeVirtualDiskAt: ByAddress<"MergeVirtualDisk">;
  /** May outlast its thread. */
  readonly ExpandVirtualDiskAt: ByAddress<"ExpandVirtualDisk">;
  /** May outlast its thread. */
  readonly ResizeVirtualDiskAt: ByAddress<"ResizeVirtualDisk">;
  /** May outlast its thread. */
  readonly MirrorVirtualDiskAt: ByAddress<"MirrorVirtualDisk">;
  /** May outlast its thread. */
  readonly ForkVirtualDiskAt: ByAddress<"ForkVirtualDisk">;
  /** May outlast its thread. */
  readonly GetVirtualDiskOperationProgressAt: ByAddress<"GetVirtualDiskOperationProgress">;
  /** May wait for a server. */
  readonly OpenVirtualDiskAsync: Elsewhere<"OpenVirtualDisk">;
  /** Waits until the disk is there: production programs give it no OVERLAPPED. */
  readonly AttachVirtualDiskAsync: Elsewhere<"AttachVirtualDisk">;
  /** May wait for volumes to be dismounted. */
  readonly DetachVirtualDiskAsync: Elsewhere<"DetachVirtualDisk">;
  /** Takes no OVERLAPPED, but may take its time. */
  readonly BreakMirrorVirtualDiskAsync: Elsewhere<"BreakMirrorVirtualDisk">;
  /** Takes no OVERLAPPED, but may take its time. */
  readonly CompleteForkVirtualDiskAsync: Elsewhere<"CompleteForkVirtualDisk">;
} = {
  ...HEADER_FUNCTIONS,
  CreateVirtualDiskAt: byAddress("CreateVirtualDisk"),
  CompactVirtualDiskAt: byAddress("CompactVirtualDisk"),
  MergeVirtualDiskAt: byAddress("MergeVirtualDisk"),
  ExpandVirtualDiskAt: byAddress("ExpandVirtualDisk"),
  ResizeVirtualDiskAt: byAddress("ResizeVirtualDisk"),
  MirrorVirtualDiskAt: byAddress("MirrorVirtualDisk"),
  ForkVirtualDiskAt: byAddress("ForkVirtualDisk"),
  GetVirtualDiskOperationProgressAt: byAddress("GetVirtualDiskOperationProgress"),
  OpenVirtualDiskAsync: elsewhere("OpenVirtualDisk"),
  AttachVirtualDiskAsync: elsewhere("AttachVirtualDisk"),
  DetachVirtualDiskAsync: elsewhere("DetachVirtualDisk"),
  BreakMirrorVirtualDiskAsync: elsewhere("BreakMirrorVirtualDisk"),
  CompleteForkVirtualDiskAsync: elsewhere("CompleteForkVirtualDisk"),
};

/**
 * The functions of VirtDisk.dll, callable.
 *
 * @category Functions
 */
export type VirtDisk = Deno.DynamicLibrary<typeof VIRTDISK_FUNCTIONS>["symbols"];
