/**
 * The enumerations of virtdisk.h, by their Win32 names and values: the C constant
 * `OPEN_VIRTUAL_DISK_FLAG_NO_PARENTS` is `OPEN_VIRTUAL_DISK_FLAG.NO_PARENTS` here.
 *
 * @see {@link https://learn.microsoft.com/windows/win32/api/virtdisk/}
 * @module
 */
export * from "./constants/attach.ts";
export * from "./constants/change_tracking.ts";
export * from "./constants/create.ts";
export * from "./constants/dependency.ts";
export * from "./constants/information.ts";
export * from "./constants/open.ts";
export * from "./constants/operation.ts";
export * from "./constants/raw_scsi.ts";
export * from "./constants/storage_type.ts";
export * from "./constants/vhdset.ts";
