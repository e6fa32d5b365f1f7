/**
 * Every structure of virtdisk.h, and the two that it takes from other headers, by their Win32 names.
 *
 * @see {@link https://learn.microsoft.com/windows/win32/api/virtdisk/}
 * @module
 */
export * from "./structs/create.ts";
export * from "./structs/dependency.ts";
export * from "./structs/information.ts";
export * from "./structs/open.ts";
export * from "./structs/operation.ts";
export * from "./structs/raw_scsi.ts";
export * from "./structs/storage_type.ts";
export * from "./structs/vhdset.ts";
