/**
 * Creates a virtual disk with the backend that fits the system, or the one that is asked for.
 *
 * @module
 */
import { backendFor, nativeBackend, type VirtualDiskOf } from "./backend.ts";
import { type Backend, backendOf, checkOptions } from "./disk/arguments.ts";
import { CREATE_OPTIONS, type CreateOptions } from "./disk/create_options.ts";

/**
 * Creates a VHD or VHDX image.
 *
 * On Windows this is [CreateVirtualDisk](https://learn.microsoft.com/windows/win32/api/virtdisk/nf-virtdisk-createvirtualdisk)
 * and needs `--allow-ffi` for `virtdisk.dll` and `kernel32.dll`. Elsewhere, and with
 * `{ backend: "portable" }`, the image is written without Windows, by the same defaults and limits: under a
 * temporary name beside its own, so that it appears complete or not at all; that needs `--allow-read` and
 * `--allow-write` for the image's folder, and `--allow-read` for the parent. A file that a failed or
 * cancelled create has made does not stay. What a killed one leaves, `.virtdisk-*.tmp`, is removed by the next
 * create, copy, merge or open for writing in the folder, once it is certain that nobody writes it: at once on
 * Windows and on a block device of Linux, else after a week without a write. PowerShell: `New-VHD`.
 *
 * @example A disk, and a child of it
 * ```ts
 * import { createVirtualDisk } from "@virtdisk/virtdisk";
 *
 * const folder = await Deno.makeTempDir();
 * // A parent must not be open for writing: close it first.
 * (await createVirtualDisk(`${folder}/base.vhdx`, { size: 64 * 1024 * 1024 })).close();
 * using child = await createVirtualDisk(`${folder}/child.vhdx`, { parent: `${folder}/base.vhdx` });
 * console.log(child.getInformation("providerSubtype")); // differencing
 * ```
 *
 * With a `source` the new image is a copy of it, whatever the formats: of an image with all that its
 * parents hold, of a raw disk (`sourceType: "raw"`), or of a stream of one; what plainly is an image, or
 * packed, is not taken for a raw disk unasked. The portable backend reads and writes only what is there, block after block in bounded memory; zeros take no space in the new file.
 *
 * @example A fixed VHD for Azure, of a differencing chain
 * ```ts
 * import { createVirtualDisk } from "@virtdisk/virtdisk";
 *
 * const folder = await Deno.makeTempDir();
 * (await createVirtualDisk(`${folder}/base.vhdx`, { size: 64 * 1024 * 1024 })).close();
 * (await createVirtualDisk(`${folder}/leaf.vhdx`, { parent: `${folder}/base.vhdx` })).close();
 * using copy = await createVirtualDisk(`${folder}/upload.vhd`, {
 *   source: `${folder}/leaf.vhdx`,
 *   subtype: "fixed",
 *   alignment: "1MiB",
 *   backend: "portable",
 *   onProgress: ({ fraction }) => console.log(`${Math.floor(fraction * 100)} %`),
 * });
 * console.log(copy.getInformation("size").physicalSize); // 67109376
 * ```
 *
 * @param path The new image: relative, absolute or a `file:` URL.
 * @param options What to create; `size`, `parent` or `source` is needed.
 * @returns The new disk, open for writing, so that nobody else can open it until it is closed.
 * @throws {VirtualDiskError} `ERROR_FILE_EXISTS`; `ERROR_INVALID_PARAMETER` for a size, block size,
 * sector size or combination that Windows refuses; `ERROR_VHD_INVALID_SIZE` for a disk too large for its
 * format; what `openVirtualDisk` throws for the parent; `ERROR_SHARING_VIOLATION` if a file that would be
 * replaced is open, and on the portable backend `ERROR_VHD_INVALID_STATE` if it is a disk with children;
 * `ERROR_PATH_NOT_FOUND`, `ERROR_ACCESS_DENIED`,
 * `ERROR_DISK_FULL`.
 * @throws {TypeError | RangeError} If an option is of the wrong kind.
 * @throws {Deno.errors.NotCapable} If a permission is missing.
 *
 * @category Creating
 */
export async function createVirtualDisk<B extends Backend = "auto">(
  path: string | URL,
  options: CreateOptions<B>,
): Promise<VirtualDiskOf<B>> {
  const checked = checkOptions<CreateOptions>(CREATE_OPTIONS, options, "createVirtualDisk");
  checked.signal?.throwIfAborted();
  return await create(path, checked) as VirtualDiskOf<B>;
}

async function create(path: string | URL, options: CreateOptions): Promise<VirtualDiskOf<Backend>> {
  const { source, backend } = options;
  const isOther = source === undefined || source instanceof ReadableStream;
  const chosen = isOther ? backendOf(backend) : backendFor(backend, source);
  if (chosen === "portable") {
    const { createPortable } = await import("./portable/create.ts");
    return await createPortable(path, options);
  }
  const { createNative, nativeCreateRequest } = nativeBackend();
  return await createNative(nativeCreateRequest(path, options), options);
}
