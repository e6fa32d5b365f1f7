/**
 * Which chains of images are in a folder? By the portable backend, on every system.
 *
 * @module
 */
import { checkOptions, toHostPath } from "./disk/arguments.ts";
import { OPERATION_OPTIONS, type OperationOptions } from "./disk/progress.ts";
import type { ChainFile } from "./portable/operations/image_chains.ts";

/**
 * Finds the chains of differencing images in folders: each image with its parent, its children, and what it adds;
 * which links are broken, and why. Files of a folder are looked at by their extension, its subfolders are not; of
 * a file that is named, the images beside it are looked at too, as far as this program may. Parents are followed
 * wherever they are. What cannot be read, or is not there, is told of with its reason, and fails nothing. No file is locked or
 * written.
 *
 * @example Which images of a folder does no other one need?
 * ```ts
 * import { createVirtualDisk, findVirtualDiskChains } from "@virtdisk/virtdisk";
 *
 * const folder = await Deno.makeTempDir();
 * const [parent, backend] = [`${folder}/disk.vhdx`, "portable"] as const;
 * (await createVirtualDisk(parent, { size: "64MiB", backend })).close();
 * (await createVirtualDisk(`${folder}/state.avhdx`, { parent, backend })).close();
 * const files = await findVirtualDiskChains([folder]);
 * const leaves = files.filter(({ kind, children }) => kind === "image" && children.length === 0);
 * console.log(leaves.map(({ path, depth, isWhole }) => [path, depth, isWhole])); // [[".../state.avhdx", 1, true]]
 * ```
 *
 * @param places Folders and files.
 * @param options How to watch and how to cancel.
 * @returns The files: parents before children, in the order of their names.
 * @throws {TypeError} If an argument is of the wrong kind.
 * @throws {Deno.errors.NotCapable} Without `--allow-read` for what is named.
 *
 * @category Information
 */
export async function findVirtualDiskChains(
  places: readonly (string | URL)[],
  options: OperationOptions = {},
): Promise<ChainFile[]> {
  const checked = checkOptions(OPERATION_OPTIONS, options, "findVirtualDiskChains");
  const paths = places.map((place) => toHostPath(place));
  const { findChains } = await import("./portable/operations/image_chains.ts");
  return await findChains(paths, checked);
}
