/** What OpenVirtualDisk takes. */

/** The write depth of a version 1 open without one. */
export const OPEN_VIRTUAL_DISK_RW_DEPTH_DEFAULT = 1;

/** Versions of OPEN_VIRTUAL_DISK_PARAMETERS: 1 is of Windows 7, 2 of Windows 8, 3 of Windows 10. */
export const OPEN_VIRTUAL_DISK_VERSION = {
  UNSPECIFIED: 0,
  1: 1,
  2: 2,
  3: 3,
} as const;

/** What a version 1 handle may be used for. */
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

/** How an image is opened. */
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
