/**
 * Opens a virtual disk with the backend that fits the system, or the one that is asked for.
 *
 * @module
 */
import { backendOf, checkOptions } from "./disk/arguments.ts";
import { type VirtualDiskError, virtualDiskError } from "./errors/error.ts";
import { type NativeVirtualDisk, openNative, openNativeAsync } from "./native/native_disk.ts";
import { OPEN_OPTIONS, type OpenOptions } from "./disk/open_options.ts";
import { type OpenRequest, openRequest } from "./disk/open_request.ts";
import { openPortable, type PortableVirtualDisk } from "./portable/portable_disk.ts";
import type { VirtualDisk } from "./disk/virtual_disk.ts";

/**
 * Opens a VHD, VHDX or ISO image.
 *
 * On Windows this is [OpenVirtualDisk](https://learn.microsoft.com/windows/win32/api/virtdisk/nf-virtdisk-openvirtualdisk)
 * and needs `--allow-ffi` for `virtdisk.dll` and `kernel32.dll`; elsewhere, and with
 * `{ backend: "portable" }`, the image is read without Windows and needs `--allow-read` for the image
 * and its parents. The disk opens read-only unless asked otherwise. PowerShell: `Get-VHD`.
 *
 * @example What is in the file
 * ```ts
 * import { createVirtualDisk, openVirtualDisk } from "@virtdisk/virtdisk";
 *
 * const folder = await Deno.makeTempDir();
 * (await createVirtualDisk(`${folder}/base.vhdx`, { size: 64 * 1024 * 1024 })).close();
 *
 * using disk = await openVirtualDisk(`${folder}/base.vhdx`, { backend: "portable" });
 * const { virtualSize } = disk.getInformation("size");
 * console.log(virtualSize); // 67108864
 * ```
 *
 * @param path The image: relative, absolute, a `file:` URL or, on Windows, a `\\?\` path.
 * @param options How to open it.
 * @returns The open disk; close it with `using`.
 * @throws {VirtualDiskError} With the code that OpenVirtualDisk returns, for example
 * `ERROR_FILE_NOT_FOUND`, `ERROR_SHARING_VIOLATION`, `ERROR_FILE_CORRUPT` or
 * `ERROR_VHD_PARENT_VHD_NOT_FOUND`; no handle stays open then.
 * @throws {TypeError | RangeError} Where an argument is of the wrong kind.
 * @throws {Deno.errors.NotCapable} Where a permission is missing.
 */
export function openVirtualDisk(
  path: string | URL,
  options: OpenOptions & { backend: "portable" },
): Promise<PortableVirtualDisk>;
/**
 * Opens a disk through VirtDisk.dll, on Windows only; needs `--allow-ffi` for `virtdisk.dll` and `kernel32.dll`.
 *
 * A handle of Windows is the process's: what a worker has open that is terminated, or was just opening or attaching,
 * stays so until the process ends.
 *
 * @throws {VirtualDiskError} As the others; `ERROR_NOT_SUPPORTED` off Windows.
 */
export function openVirtualDisk(
  path: string | URL,
  options: OpenOptions & { backend: "native" },
): Promise<NativeVirtualDisk>;
/**
 * Opens a disk with the backend that fits the system: its contents can be read and written by that of
 * `{ backend: "portable" }` alone.
 *
 * @throws {VirtualDiskError} As the others.
 */
export function openVirtualDisk(
  path: string | URL,
  options?: OpenOptions,
): Promise<VirtualDisk>;
export async function openVirtualDisk(
  path: string | URL,
  options?: OpenOptions,
): Promise<VirtualDisk> {
  const checked = checkOptions(OPEN_OPTIONS, options, "openVirtualDisk");
  const backend = backendOf(checked.backend);
  const request = openRequest(path, checked);
  return backend === "native"
    ? await openNativeAsync(assertWindowsRequest(request))
    : openPortable(request);
}

/**
 * As {@linkcode openVirtualDisk}, without a promise.
 *
 * @example The first sector
 * ```ts
 * import { createVirtualDisk, openVirtualDiskSync } from "@virtdisk/virtdisk";
 *
 * const folder = await Deno.makeTempDir();
 * (await createVirtualDisk(`${folder}/disk.vhd`, { size: 64 * 1024 * 1024 })).close();
 * using disk = openVirtualDiskSync(`${folder}/disk.vhd`, { backend: "portable" });
 * const sector = new Uint8Array(512);
 * console.log(disk.readSync(sector, 0)); // 512
 * ```
 *
 * @param path The image: relative, absolute, a `file:` URL or, on Windows, a `\\?\` path.
 * @param options How to open it.
 * @returns The open disk; close it with `using`.
 * @throws {VirtualDiskError} As {@linkcode openVirtualDisk}.
 */
export function openVirtualDiskSync(
  path: string | URL,
  options: OpenOptions & { backend: "portable" },
): PortableVirtualDisk;
/**
 * Opens a disk through VirtDisk.dll, on Windows only; needs `--allow-ffi` for `virtdisk.dll` and `kernel32.dll`.
 *
 * @throws {VirtualDiskError} As {@linkcode openVirtualDisk}; `ERROR_NOT_SUPPORTED` off Windows.
 */
export function openVirtualDiskSync(
  path: string | URL,
  options: OpenOptions & { backend: "native" },
): NativeVirtualDisk;
/**
 * Opens a disk with the backend that fits the system.
 *
 * @throws {VirtualDiskError} As {@linkcode openVirtualDisk}.
 */
export function openVirtualDiskSync(path: string | URL, options?: OpenOptions): VirtualDisk;
export function openVirtualDiskSync(
  path: string | URL,
  options?: OpenOptions,
): VirtualDisk {
  const checked = checkOptions(OPEN_OPTIONS, options, "openVirtualDiskSync");
  const backend = backendOf(checked.backend);
  const request = openRequest(path, checked);
  return backend === "native" ? openNative(assertWindowsRequest(request)) : openPortable(request);
}

/**
 * Refuses what Windows does not do. It would find out by itself what a raw disk is, and take it for something
 * else or for nothing.
 */
function assertWindowsRequest(request: OpenRequest): OpenRequest {
  if (request.raw) throw portableOnly(request, "does not open raw disks");
  if (request.ignoreMismatch) throw portableOnly(request, "does not ignore a parent's identifier");
  if (request.atomicSectors) throw portableOnly(request, "does not log what is written to sectors");
  return request;
}

function portableOnly({ path }: OpenRequest, what: string): VirtualDiskError {
  return virtualDiskError("ERROR_NOT_SUPPORTED", "OpenVirtualDisk", {
    path,
    reason: `the native backend ${what}`,
    causes: ['The portable backend does: use { backend: "portable" }.'],
  });
}
