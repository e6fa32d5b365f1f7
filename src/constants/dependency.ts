/** What GetStorageDependencyInformation takes and gives. */

/** Properties of a disk that depends on an image. */
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

/** Versions of STORAGE_DEPENDENCY_INFO. */
export const STORAGE_DEPENDENCY_INFO_VERSION = {
  UNSPECIFIED: 0,
  1: 1,
  2: 2,
} as const;

/** What GetStorageDependencyInformation is asked about. */
export const GET_STORAGE_DEPENDENCY_FLAG = {
  NONE: 0,
  HOST_VOLUMES: 1,
  DISK_HANDLE: 2,
} as const;
