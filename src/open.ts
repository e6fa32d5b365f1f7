/**
 * Opens a virtual disk with the backend that fits the system, or the one that is asked for.
 *
 * @module
 */
import { backendFor, nativeBackend, type VirtualDiskOf } from "./backend.ts";
import { type Backend, checkOptions } from "./disk/arguments.ts";
import { type DiskSource, pathForWindows } from "./disk/disk_source.ts";
import { OPEN_OPTIONS, type OpenOptions } from "./disk/open_options.ts";
import { type OpenRequest, openRequest } from "./disk/open_request.ts";
import { type VirtualDiskError, virtualDiskError } from "./errors/error.ts";
import { openPortable, openPortableSync } from "./portable/portable_disk.ts";

/**
 * Opens a VHD, VHDX or ISO image.
 *
 * On Windows this is [OpenVirtualDisk](https://learn.microsoft.com/windows/win32/api/virtdisk/nf-virtdisk-openvirtualdisk)
 * and needs `--allow-ffi` for `virtdisk.dll` and `kernel32.dll`; elsewhere, and with
 * `{ backend: "portable" }`, the image is read without Windows and needs `--allow-read` for the image
 * and its parents. The disk opens read-only unless asked otherwise. PowerShell: `Get-VHD`.
 *
 * The option `backend` decides the type of the disk; without one, `disk.backend` tells the two apart.
 *
 * A handle of Windows is the process's: what a worker has open that is terminated, or was just opening or attaching,
 * stays so until the process ends.
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
 * @example Work with whichever backend fits the system
 * ```ts
 * import { createVirtualDisk, openVirtualDisk } from "@virtdisk/virtdisk";
 *
 * const folder = await Deno.makeTempDir();
 * (await createVirtualDisk(`${folder}/base.vhdx`, { size: 64 * 1024 * 1024 })).close();
 *
 * using disk = await openVirtualDisk(`${folder}/base.vhdx`);
 * if (disk.backend === "portable") console.log([...disk.extents()]);
 * else console.log(disk.handle);
 * ```
 *
 * @param source The image: a path, relative, absolute, a `file:` URL or, on Windows, a `\\?\` path; or what has no path,
 * see {@linkcode DiskSource}.
 * @param options How to open it.
 * @returns The open disk; close it with `using`.
 * @throws {VirtualDiskError} With the code that OpenVirtualDisk returns, for example
 * `ERROR_FILE_NOT_FOUND`, `ERROR_SHARING_VIOLATION`, `ERROR_FILE_CORRUPT` or
 * `ERROR_VHD_PARENT_VHD_NOT_FOUND`; no handle stays open then. `ERROR_NOT_SUPPORTED` for the native backend off
 * Windows.
 * @throws {TypeError | RangeError} If an argument is of the wrong kind.
 * @throws {Deno.errors.NotCapable} If a permission is missing.
 *
 * @category Opening
 */
export async function openVirtualDisk<B extends Backend = "auto">(
  source: DiskSource,
  options?: OpenOptions<B>,
): Promise<VirtualDiskOf<B>> {
  const { backend, request } = checked(source, options, "openVirtualDisk");
  const disk = backend === "native"
    ? await nativeBackend().openNativeAsync(request)
    : await openPortable(request);
  return disk as VirtualDiskOf<B>;
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
 * @param source The image: a path, relative, absolute, a `file:` URL or, on Windows, a `\\?\` path; or what has no path,
 * see {@linkcode DiskSource}.
 * @param options How to open it.
 * @returns The open disk; close it with `using`.
 * @throws {VirtualDiskError} As {@linkcode openVirtualDisk}.
 *
 * @category Opening
 */
export function openVirtualDiskSync<B extends Backend = "auto">(
  source: DiskSource,
  options?: OpenOptions<B>,
): VirtualDiskOf<B> {
  const { backend, request } = checked(source, options, "openVirtualDiskSync");
  const disk = backend === "native"
    ? nativeBackend().openNative(request)
    : openPortableSync(request);
  return disk as VirtualDiskOf<B>;
}

function checked(
  source: DiskSource,
  options: OpenOptions | undefined,
  of: string,
): { backend: "native" | "portable"; request: OpenRequest } {
  const given = checkOptions(OPEN_OPTIONS, options, of);
  const request = openRequest(source, given);
  const backend = backendFor(given.backend, source);
  return { backend, request: backend === "native" ? assertWindowsRequest(request) : request };
}

/**
 * Refuses what Windows does not do. It would find out by itself what a raw disk is, and take it for something
 * else or for nothing.
 */
function assertWindowsRequest(request: OpenRequest): OpenRequest {
  if (request.source !== undefined) pathForWindows(request.source, "OpenVirtualDisk");
  if (request.parents !== undefined) throw portableOnly(request, "does not take `parents`");
  if (request.raw) throw portableOnly(request, "does not open raw disks");
  if (request.ignoreMismatch) throw portableOnly(request, "does not ignore a parent's identifier");
  if (request.assumed) throw portableOnly(request, "does not open what is left of damaged images");
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
