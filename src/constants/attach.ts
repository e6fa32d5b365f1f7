/** What AttachVirtualDisk and DetachVirtualDisk take. */

/** Versions of ATTACH_VIRTUAL_DISK_PARAMETERS. */
export const ATTACH_VIRTUAL_DISK_VERSION = {
  UNSPECIFIED: 0,
  1: 1,
  2: 2,
} as const;

/** How a disk is attached. */
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

/** How a disk is detached. */
export const DETACH_VIRTUAL_DISK_FLAG = {
  NONE: 0,
} as const;
