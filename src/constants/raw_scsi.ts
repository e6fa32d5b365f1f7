/** What RawSCSIVirtualDisk takes. */

/** How a SCSI command is sent. */
export const RAW_SCSI_VIRTUAL_DISK_FLAG = {
  NONE: 0,
} as const;

/** Versions of RAW_SCSI_VIRTUAL_DISK_PARAMETERS. */
export const RAW_SCSI_VIRTUAL_DISK_VERSION = {
  UNSPECIFIED: 0,
  1: 1,
} as const;
