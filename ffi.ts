/**
 * The raw layer: the functions of VirtDisk.dll, the structures that they take, and the constants, for
 * those who want the C API itself. Nothing is checked here that Windows does not check, and a wrong
 * address ends the process.
 *
 * Needs Windows and `--allow-ffi=C:\Windows\System32\virtdisk.dll,C:\Windows\System32\kernel32.dll`.
 *
 * - {@linkcode systemLibraries} loads both DLLs; its `virtdisk` and `kernel32` are their functions.
 *   Structures and strings are passed as buffers, handles as `bigint`; every function of VirtDisk.dll
 *   returns a Win32 error code.
 * - `OPEN_VIRTUAL_DISK_PARAMETERS` and its like turn objects into structures (`pack`) and back
 *   (`unpack`).
 * - Functions newer than Windows 8 may be `null`: {@linkcode newerFunction} gives them or says what
 *   Windows they need.
 * - {@linkcode constants} has the enumerations of virtdisk.h.
 * - {@linkcode CallMemory} keeps what a structure points to, and tells its address.
 *
 * @example Open an image and ask for its size
 * ```ts
 * import {
 *   constants,
 *   GET_VIRTUAL_DISK_INFO,
 *   OPEN_VIRTUAL_DISK_PARAMETERS,
 *   systemLibraries,
 *   VIRTUAL_STORAGE_TYPE,
 *   wideString,
 * } from "@virtdisk/virtdisk/ffi";
 *
 * function sizeOf(path: string): bigint {
 *   const { virtdisk, kernel32 } = systemLibraries();
 *   const type = VIRTUAL_STORAGE_TYPE.pack({
 *     DeviceId: constants.VIRTUAL_STORAGE_TYPE_DEVICE.UNKNOWN,
 *     VendorId: constants.VIRTUAL_STORAGE_TYPE_VENDOR_UNKNOWN,
 *   });
 *   const parameters = OPEN_VIRTUAL_DISK_PARAMETERS.pack({
 *     Version: 2,
 *     Version2: {
 *       GetInfoOnly: true,
 *       ReadOnly: true,
 *       ResiliencyGuid: "00000000-0000-0000-0000-000000000000",
 *     },
 *   });
 *   const handle = new BigUint64Array(1);
 *   let code = virtdisk.OpenVirtualDisk(type, wideString(path), 0, 0, parameters, handle);
 *   if (code !== 0) throw new Error(`OpenVirtualDisk: ${code}`);
 *   try {
 *     const info = new Uint8Array(GET_VIRTUAL_DISK_INFO.size);
 *     new DataView(info.buffer).setUint32(0, constants.GET_VIRTUAL_DISK_INFO.SIZE, true);
 *     code = virtdisk.GetVirtualDiskInformation(handle[0]!, new Uint32Array([info.length]), info, null);
 *     if (code !== 0) throw new Error(`GetVirtualDiskInformation: ${code}`);
 *     const value = GET_VIRTUAL_DISK_INFO.unpack(info);
 *     return value.Version === 1 ? value.Size.VirtualSize : 0n;
 *   } finally {
 *     kernel32.CloseHandle(handle[0]!);
 *   }
 * }
 *
 * if (Deno.build.os === "windows" && Deno.args[0]) console.log(sizeOf(Deno.args[0]));
 * ```
 *
 * @example Give a function the address of a string
 * ```ts
 * import { CallMemory, SET_VIRTUAL_DISK_INFO, systemLibraries } from "@virtdisk/virtdisk/ffi";
 *
 * function setParent(handle: bigint, parentPath: string): number {
 *   const { virtdisk, kernel32 } = systemLibraries();
 *   using memory = new CallMemory(kernel32);
 *   const ParentFilePath = memory.addressOfString(parentPath);
 *   const info = SET_VIRTUAL_DISK_INFO.pack({ Version: 1, ParentFilePath });
 *   return virtdisk.SetVirtualDiskInformation(handle, info);
 * }
 *
 * console.log(setParent.name);
 * ```
 *
 * @see {@link https://learn.microsoft.com/windows/win32/api/virtdisk/}
 * @module
 */
/**
 * The enumerations of virtdisk.h.
 *
 * @category Constants
 */
export * as constants from "./src/constants.ts";
export { CallMemory } from "./src/native/call/memory.ts";
export type { Codec, Scope } from "./src/native/ffi/codec.ts";
export { HEADER_FUNCTIONS } from "./src/native/ffi/virtdisk.ts";
export {
  type Addresses,
  type ByAddress,
  type Elsewhere,
  type VirtDisk,
  VIRTDISK_FUNCTIONS,
} from "./src/native/ffi/virtdisk.ts";
export { type Kernel32, KERNEL32_FUNCTIONS } from "./src/native/ffi/kernel32.ts";
export {
  type Libraries,
  type LibraryPaths,
  loadLibraries,
  systemLibraries,
} from "./src/native/ffi/library.ts";
export { newerFunction, type NewerFunctionName } from "./src/native/call/disk_call.ts";
export type { FieldLayout, Struct } from "./src/native/ffi/struct.ts";
export * from "./src/native/ffi/structs.ts";
export { wideString } from "./src/native/ffi/text.ts";
