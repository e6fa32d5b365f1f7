/**
 * The enumerations of virtdisk.h, by their Win32 names and values: the C constant
 * `OPEN_VIRTUAL_DISK_FLAG_NO_PARENTS` is `OPEN_VIRTUAL_DISK_FLAG.NO_PARENTS` here.
 *
 * @see {@link https://learn.microsoft.com/windows/win32/api/virtdisk/}
 * @module
 */

// Kinds and vendors of images.

/**
 * The vendor of every image that Windows can open: VIRTUAL_STORAGE_TYPE_VENDOR_MICROSOFT.
 *
 * @category Constants
 */
export const VIRTUAL_STORAGE_TYPE_VENDOR_MICROSOFT = "ec984aec-a0f9-47e9-901f-71415a66345b";

/**
 * No vendor named, the image tells: VIRTUAL_STORAGE_TYPE_VENDOR_UNKNOWN.
 *
 * @category Constants
 */
export const VIRTUAL_STORAGE_TYPE_VENDOR_UNKNOWN = "00000000-0000-0000-0000-000000000000";

/**
 * Kinds of image.
 *
 * @category Constants
 */
export const VIRTUAL_STORAGE_TYPE_DEVICE = {
  UNKNOWN: 0,
  ISO: 1,
  VHD: 2,
  VHDX: 3,
  VHDSET: 4,
} as const;

// What OpenVirtualDisk takes.

/**
 * The write depth of a version 1 open without one.
 *
 * @category Constants
 */
export const OPEN_VIRTUAL_DISK_RW_DEPTH_DEFAULT = 1;

/**
 * Versions of OPEN_VIRTUAL_DISK_PARAMETERS: 1 is of Windows 7, 2 of Windows 8, 3 of Windows 10.
 *
 * @category Constants
 */
export const OPEN_VIRTUAL_DISK_VERSION = {
  UNSPECIFIED: 0,
  1: 1,
  2: 2,
  3: 3,
} as const;

/**
 * What a version 1 handle may be used for.
 *
 * @category Constants
 */
export const VIRTUAL_DISK_ACCESS = {
  NONE: 0,
  ATTACH_RO: 0x10000,
  ATTACH_RW: 0x20000,
  DETACH: 0x40000,
  GET_INFO: 0x80000,
  CREATE: 0x100000,
  METAOPS: 0x200000,
  READ: 0xd0000,
  ALL: 0x3f0000,
  WRITABLE: 0x320000,
} as const;

/**
 * How an image is opened.
 *
 * @category Constants
 */
export const OPEN_VIRTUAL_DISK_FLAG = {
  NONE: 0,
  NO_PARENTS: 1,
  BLANK_FILE: 2,
  BOOT_DRIVE: 4,
  CACHED_IO: 8,
  CUSTOM_DIFF_CHAIN: 0x10,
  PARENT_CACHED_IO: 0x20,
  VHDSET_FILE_ONLY: 0x40,
  IGNORE_RELATIVE_PARENT_LOCATOR: 0x80,
  NO_WRITE_HARDENING: 0x100,
  SUPPORT_COMPRESSED_VOLUMES: 0x200,
  SUPPORT_SPARSE_FILES_ANY_FS: 0x400,
  SUPPORT_ENCRYPTED_FILES: 0x800,
} as const;

// What CreateVirtualDisk takes.

/**
 * Lets the format choose the block size.
 *
 * @category Constants
 */
export const CREATE_VIRTUAL_DISK_PARAMETERS_DEFAULT_BLOCK_SIZE = 0;

/**
 * Lets the format choose the sector size.
 *
 * @category Constants
 */
export const CREATE_VIRTUAL_DISK_PARAMETERS_DEFAULT_SECTOR_SIZE = 0;

/**
 * Versions of CREATE_VIRTUAL_DISK_PARAMETERS.
 *
 * @category Constants
 */
export const CREATE_VIRTUAL_DISK_VERSION = {
  UNSPECIFIED: 0,
  1: 1,
  2: 2,
  3: 3,
  4: 4,
} as const;

/**
 * How an image is created.
 *
 * @category Constants
 */
export const CREATE_VIRTUAL_DISK_FLAG = {
  NONE: 0,
  FULL_PHYSICAL_ALLOCATION: 1,
  PREVENT_WRITES_TO_SOURCE_DISK: 2,
  DO_NOT_COPY_METADATA_FROM_PARENT: 4,
  CREATE_BACKING_STORAGE: 8,
  USE_CHANGE_TRACKING_SOURCE_LIMIT: 0x10,
  PRESERVE_PARENT_CHANGE_TRACKING_STATE: 0x20,
  VHD_SET_USE_ORIGINAL_BACKING_STORAGE: 0x40,
  SPARSE_FILE: 0x80,
  PMEM_COMPATIBLE: 0x100,
  SUPPORT_COMPRESSED_VOLUMES: 0x200,
  SUPPORT_SPARSE_FILES_ANY_FS: 0x400,
} as const;

// What AttachVirtualDisk and DetachVirtualDisk take.

/**
 * Versions of ATTACH_VIRTUAL_DISK_PARAMETERS.
 *
 * @category Constants
 */
export const ATTACH_VIRTUAL_DISK_VERSION = {
  UNSPECIFIED: 0,
  1: 1,
  2: 2,
} as const;

/**
 * How a disk is attached.
 *
 * @category Constants
 */
export const ATTACH_VIRTUAL_DISK_FLAG = {
  NONE: 0,
  READ_ONLY: 1,
  NO_DRIVE_LETTER: 2,
  PERMANENT_LIFETIME: 4,
  NO_LOCAL_HOST: 8,
  NO_SECURITY_DESCRIPTOR: 0x10,
  BYPASS_DEFAULT_ENCRYPTION_POLICY: 0x20,
  NON_PNP: 0x40,
  RESTRICTED_RANGE: 0x80,
  SINGLE_PARTITION: 0x100,
  REGISTER_VOLUME: 0x200,
  AT_BOOT: 0x400,
} as const;

/**
 * How a disk is detached.
 *
 * @category Constants
 */
export const DETACH_VIRTUAL_DISK_FLAG = {
  NONE: 0,
} as const;

// What GetStorageDependencyInformation takes and gives.

/**
 * Properties of a disk that depends on an image.
 *
 * @category Constants
 */
export const DEPENDENT_DISK_FLAG = {
  NONE: 0,
  MULT_BACKING_FILES: 1,
  FULLY_ALLOCATED: 2,
  READ_ONLY: 4,
  REMOTE: 8,
  SYSTEM_VOLUME: 0x10,
  SYSTEM_VOLUME_PARENT: 0x20,
  REMOVABLE: 0x40,
  NO_DRIVE_LETTER: 0x80,
  PARENT: 0x100,
  NO_HOST_DISK: 0x200,
  PERMANENT_LIFETIME: 0x400,
  SUPPORT_COMPRESSED_VOLUMES: 0x800,
  ALWAYS_ALLOW_SPARSE: 0x1000,
  SUPPORT_ENCRYPTED_FILES: 0x2000,
} as const;

/**
 * Versions of STORAGE_DEPENDENCY_INFO.
 *
 * @category Constants
 */
export const STORAGE_DEPENDENCY_INFO_VERSION = {
  UNSPECIFIED: 0,
  1: 1,
  2: 2,
} as const;

/**
 * What GetStorageDependencyInformation is asked about.
 *
 * @category Constants
 */
export const GET_STORAGE_DEPENDENCY_FLAG = {
  NONE: 0,
  HOST_VOLUMES: 1,
  DISK_HANDLE: 2,
} as const;

// What GetVirtualDiskInformation and SetVirtualDiskInformation are asked for.

/**
 * Information classes that can be read.
 *
 * @category Constants
 */
export const GET_VIRTUAL_DISK_INFO = {
  UNSPECIFIED: 0,
  SIZE: 1,
  IDENTIFIER: 2,
  PARENT_LOCATION: 3,
  PARENT_IDENTIFIER: 4,
  PARENT_TIMESTAMP: 5,
  VIRTUAL_STORAGE_TYPE: 6,
  PROVIDER_SUBTYPE: 7,
  IS_4K_ALIGNED: 8,
  PHYSICAL_DISK: 9,
  VHD_PHYSICAL_SECTOR_SIZE: 10,
  SMALLEST_SAFE_VIRTUAL_SIZE: 11,
  FRAGMENTATION: 12,
  IS_LOADED: 13,
  VIRTUAL_DISK_ID: 14,
  CHANGE_TRACKING_STATE: 15,
} as const;

/**
 * Information classes that can be set.
 *
 * @category Constants
 */
export const SET_VIRTUAL_DISK_INFO = {
  UNSPECIFIED: 0,
  PARENT_PATH: 1,
  IDENTIFIER: 2,
  PARENT_PATH_WITH_DEPTH: 3,
  PHYSICAL_SECTOR_SIZE: 4,
  VIRTUAL_DISK_ID: 5,
  CHANGE_TRACKING_STATE: 6,
  PARENT_LOCATOR: 7,
} as const;

// What the operations on an open disk take.

/**
 * A child is merged into its parent.
 *
 * @category Constants
 */
export const MERGE_VIRTUAL_DISK_DEFAULT_MERGE_DEPTH = 1;

/**
 * Versions of COMPACT_VIRTUAL_DISK_PARAMETERS.
 *
 * @category Constants
 */
export const COMPACT_VIRTUAL_DISK_VERSION = {
  UNSPECIFIED: 0,
  1: 1,
} as const;

/**
 * How a disk is compacted.
 *
 * @category Constants
 */
export const COMPACT_VIRTUAL_DISK_FLAG = {
  NONE: 0,
  NO_ZERO_SCAN: 1,
  NO_BLOCK_MOVES: 2,
} as const;

/**
 * Versions of MERGE_VIRTUAL_DISK_PARAMETERS.
 *
 * @category Constants
 */
export const MERGE_VIRTUAL_DISK_VERSION = {
  UNSPECIFIED: 0,
  1: 1,
  2: 2,
} as const;

/**
 * How a child is merged.
 *
 * @category Constants
 */
export const MERGE_VIRTUAL_DISK_FLAG = {
  NONE: 0,
} as const;

/**
 * Versions of EXPAND_VIRTUAL_DISK_PARAMETERS.
 *
 * @category Constants
 */
export const EXPAND_VIRTUAL_DISK_VERSION = {
  UNSPECIFIED: 0,
  1: 1,
} as const;

/**
 * How a disk is expanded.
 *
 * @category Constants
 */
export const EXPAND_VIRTUAL_DISK_FLAG = {
  NONE: 0,
  NOTIFY_CHANGE: 1,
} as const;

/**
 * Versions of RESIZE_VIRTUAL_DISK_PARAMETERS.
 *
 * @category Constants
 */
export const RESIZE_VIRTUAL_DISK_VERSION = {
  UNSPECIFIED: 0,
  1: 1,
} as const;

/**
 * How a disk is resized.
 *
 * @category Constants
 */
export const RESIZE_VIRTUAL_DISK_FLAG = {
  NONE: 0,
  ALLOW_UNSAFE_VIRTUAL_SIZE: 1,
  RESIZE_TO_SMALLEST_SAFE_VIRTUAL_SIZE: 2,
} as const;

/**
 * Versions of MIRROR_VIRTUAL_DISK_PARAMETERS.
 *
 * @category Constants
 */
export const MIRROR_VIRTUAL_DISK_VERSION = {
  UNSPECIFIED: 0,
  1: 1,
} as const;

/**
 * How a disk is mirrored.
 *
 * @category Constants
 */
export const MIRROR_VIRTUAL_DISK_FLAG = {
  NONE: 0,
  EXISTING_FILE: 1,
  SKIP_MIRROR_ACTIVATION: 2,
  ENABLE_SMB_COMPRESSION: 4,
  IS_LIVE_MIGRATION: 8,
} as const;

/**
 * Versions of FORK_VIRTUAL_DISK_PARAMETERS.
 *
 * @category Constants
 */
export const FORK_VIRTUAL_DISK_VERSION = {
  UNSPECIFIED: 0,
  1: 1,
} as const;

/**
 * How a disk is forked.
 *
 * @category Constants
 */
export const FORK_VIRTUAL_DISK_FLAG = {
  NONE: 0,
  EXISTING_FILE: 1,
} as const;

// The ids of change tracking, and what QueryChangesVirtualDisk takes.

/**
 * Longest change tracking id, in characters.
 *
 * @category Constants
 */
export const VIRTUAL_DISK_MAXIMUM_CHANGE_TRACKING_ID_LENGTH = 256;

/**
 * How changes are queried.
 *
 * @category Constants
 */
export const QUERY_CHANGES_VIRTUAL_DISK_FLAG = {
  NONE: 0,
} as const;

// What RawSCSIVirtualDisk takes.

/**
 * How a SCSI command is sent.
 *
 * @category Constants
 */
export const RAW_SCSI_VIRTUAL_DISK_FLAG = {
  NONE: 0,
} as const;

/**
 * Versions of RAW_SCSI_VIRTUAL_DISK_PARAMETERS.
 *
 * @category Constants
 */
export const RAW_SCSI_VIRTUAL_DISK_VERSION = {
  UNSPECIFIED: 0,
  1: 1,
} as const;

// What the functions of VHD Sets take.

/**
 * How a snapshot of a VHD Set is taken.
 *
 * @category Constants
 */
export const TAKE_SNAPSHOT_VHDSET_FLAG = {
  NONE: 0,
  WRITEABLE: 1,
} as const;

/**
 * Versions of TAKE_SNAPSHOT_VHDSET_PARAMETERS.
 *
 * @category Constants
 */
export const TAKE_SNAPSHOT_VHDSET_VERSION = {
  UNSPECIFIED: 0,
  1: 1,
} as const;

/**
 * How a snapshot of a VHD Set is deleted.
 *
 * @category Constants
 */
export const DELETE_SNAPSHOT_VHDSET_FLAG = {
  NONE: 0,
  PERSIST_RCT: 1,
} as const;

/**
 * Versions of DELETE_SNAPSHOT_VHDSET_PARAMETERS.
 *
 * @category Constants
 */
export const DELETE_SNAPSHOT_VHDSET_VERSION = {
  UNSPECIFIED: 0,
  1: 1,
} as const;

/**
 * How a VHD Set is modified.
 *
 * @category Constants
 */
export const MODIFY_VHDSET_FLAG = {
  NONE: 0,
  WRITEABLE_SNAPSHOT: 1,
} as const;

/**
 * What ModifyVhdSet changes: MODIFY_VHDSET_VERSION.
 *
 * @category Constants
 */
export const MODIFY_VHDSET = {
  UNSPECIFIED: 0,
  SNAPSHOT_PATH: 1,
  REMOVE_SNAPSHOT: 2,
  DEFAULT_SNAPSHOT_PATH: 3,
} as const;

/**
 * How a snapshot of a VHD Set is applied.
 *
 * @category Constants
 */
export const APPLY_SNAPSHOT_VHDSET_FLAG = {
  NONE: 0,
  WRITEABLE: 1,
} as const;

/**
 * Versions of APPLY_SNAPSHOT_VHDSET_PARAMETERS.
 *
 * @category Constants
 */
export const APPLY_SNAPSHOT_VHDSET_VERSION = {
  UNSPECIFIED: 0,
  1: 1,
} as const;
