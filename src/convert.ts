/**
 * Converts an image to another kind of image.
 *
 * @module
 */
import { createVirtualDisk } from "./create.ts";
import type { DiskSource } from "./disk/disk_source.ts";
import { type ConversionReport, convertBy, type ConvertOptions } from "./disk/conversion.ts";

/**
 * Converts an image, with all that its parents hold, to another format or kind: a VHD, a VHDX or a raw disk, fixed or
 * dynamic. It is `createVirtualDisk` with a `source`, and closes what it has made.
 *
 * Only what is there is read and written: zeros take no space, and memory does not grow with the disk. A conversion
 * that fails or is cancelled leaves no file. PowerShell: `Convert-VHD`; in a shell `virtdisk convert`.
 *
 * Needs `--allow-read` for the source and its parents, and `--allow-read` and `--allow-write` for the folder of the
 * target; with the native backend `--allow-ffi` as `createVirtualDisk`.
 *
 * @example A fixed VHD for Azure
 * ```ts
 * import { convertVirtualDisk, createVirtualDisk } from "@virtdisk/virtdisk";
 *
 * const folder = await Deno.makeTempDir();
 * (await createVirtualDisk(`${folder}/disk.vhdx`, { size: "64MiB" })).close();
 * const { virtualSize, fileSize } = await convertVirtualDisk(
 *   `${folder}/disk.vhdx`,
 *   `${folder}/upload.vhd`,
 *   { subtype: "fixed", alignment: "1MiB", backend: "portable" },
 * );
 * console.log(virtualSize, fileSize); // 67108864 67109376
 * ```
 *
 * @example An image on a server, of which only what is there is fetched
 * ```ts ignore
 * import { convertVirtualDisk } from "@virtdisk/virtdisk";
 *
 * await convertVirtualDisk(new URL("https://example.com/disk.vhdx"), "disk.vhd", { backend: "portable" });
 * ```
 *
 * @example A download of a raw disk, while it comes in
 * ```ts ignore
 * import { convertVirtualDisk } from "@virtdisk/virtdisk";
 *
 * const { body } = await fetch("https://example.com/disk.raw");
 * await convertVirtualDisk(body!, "disk.vhdx", { size: "10GiB", backend: "portable" });
 * ```
 *
 * @param source An image, a raw disk with `sourceType: "raw"`, or a stream of one. An image need not be a file: see
 * {@linkcode DiskSource}.
 * @param target The new image; its extension is its format, unless `type` says it.
 * @param options What to make of it, how to watch and how to cancel.
 * @returns What was made.
 * @throws {VirtualDiskError} As `createVirtualDisk`.
 * @throws {TypeError | RangeError} If an option is of the wrong kind.
 *
 * @category Operations
 */
export function convertVirtualDisk(
  source: DiskSource | ReadableStream<Uint8Array>,
  target: string | URL,
  options?: ConvertOptions,
): Promise<ConversionReport> {
  return convertBy(createVirtualDisk, source, target, options);
}
