/**
 * Creates a new, empty virtual disk.
 *
 * @module
 */
import { normalizeGuid } from "./bytes/guid.ts";
import { toHostPath } from "./open_request.ts";
import { createPortable } from "./portable/create_portable.ts";
import type { PortableVirtualDisk } from "./portable/portable_disk.ts";

/** What to create. */
export interface CreateOptions {
  /**
   * Which backend creates the image. The portable one does so on every system, Windows included; no
   * driver and no administrator is needed.
   *
   * @default {"portable"}
   */
  backend?: "portable";
  /** The format; by default the extension of the path says it: `.vhd`, `.avhd`, `.vhdx`, `.avhdx`. */
  type?: "vhd" | "vhdx";
  /**
   * How space is allocated: `"dynamic"` grows as it is written, `"fixed"` has its full size at once
   * (sparse where the file system can), `"differencing"` holds what differs from its `parent`.
   *
   * @default {"differencing" with a `parent`, else "dynamic"}
   */
  subtype?: "dynamic" | "fixed" | "differencing";
  /**
   * Size of the disk in bytes: from 3 MiB to 2040 GiB (VHD) or 64 TiB (VHDX), a multiple of the sector
   * size. A differencing disk has its parent's.
   */
  size?: number;
  /**
   * Unit of allocation in bytes, not for fixed disks. VHD: 512 KiB or 2 MiB. VHDX: a power of two from
   * 1 MiB to 256 MiB.
   *
   * @default {VHD: 2 MiB, or the parent's; VHDX: 32 MiB, differencing 2 MiB}
   */
  blockSize?: number;
  /**
   * Logical sector size in bytes: 512, or for VHDX 4096. A differencing disk has its parent's.
   *
   * @default {512}
   */
  sectorSize?: number;
  /**
   * Physical sector size in bytes: VHD 512; VHDX 512 or 4096. A differencing disk has its parent's.
   *
   * @default {VHD: 512, VHDX: 4096}
   */
  physicalSectorSize?: number;
  /** The image that a differencing disk is based on. Its contents must never change again. */
  parent?: string | URL;
  /**
   * A GUID: the unique id of a VHD, the virtual disk id (page 83) of a VHDX.
   *
   * @default {a random one; a differencing VHDX has its parent's}
   */
  identifier?: string;
  /**
   * Whether a file of that name is replaced.
   *
   * @default {false}
   */
  overwrite?: boolean;
  /** Gives up before the new file appears; the promise is rejected with the signal's reason. */
  signal?: AbortSignal;
}

/**
 * Creates an empty VHD or VHDX image. The image is written under a temporary name beside its own and
 * appears complete or not at all.
 *
 * Works on every system; needs `--allow-read` and `--allow-write` for the image's folder, and
 * `--allow-read` for the parent. The defaults and limits are those of
 * [CreateVirtualDisk](https://learn.microsoft.com/windows/win32/api/virtdisk/nf-virtdisk-createvirtualdisk).
 * PowerShell: `New-VHD`.
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
 * @param path The new image: relative, absolute or a `file:` URL.
 * @param options What to create; `size` or `parent` is needed.
 * @returns The new disk, open for writing, so that nobody else can open it until it is closed.
 * @throws {VirtualDiskError} `ERROR_FILE_EXISTS`; `ERROR_INVALID_PARAMETER` for a size, block size,
 * sector size or combination that Windows refuses; `ERROR_VHD_INVALID_SIZE` for a disk too large for its
 * format; what `openVirtualDisk` throws for the parent; `ERROR_PATH_NOT_FOUND`, `ERROR_ACCESS_DENIED`,
 * `ERROR_DISK_FULL`.
 * @throws {TypeError | RangeError} Where an option is of the wrong kind.
 * @throws {Deno.errors.NotCapable} Where a permission is missing.
 */
// deno-lint-ignore require-await -- asynchronous by contract: copying from a source takes long
export async function createVirtualDisk(
  path: string | URL,
  options: CreateOptions,
): Promise<PortableVirtualDisk> {
  const { signal, backend, parent, identifier, overwrite = false, ...wanted } = options;
  signal?.throwIfAborted();
  if (backend !== undefined && backend !== "portable") {
    throw new TypeError(`backend: unknown word ${JSON.stringify(backend)}`);
  }
  return createPortable({
    ...wanted,
    path: toHostPath(path),
    parent: parent === undefined ? undefined : toHostPath(parent),
    identifier: identifier === undefined ? undefined : normalizeGuid(identifier, "identifier"),
    overwrite,
  });
}
