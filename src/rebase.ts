/**
 * Tells a child where its parent is.
 *
 * @module
 */
import { rebaseBy, type RebaseOptions, type RebaseReport } from "./disk/conversion.ts";
import { openVirtualDisk } from "./open.ts";

/**
 * Stores in a differencing image where its parent is: after a move, or to use another copy of it. The child's data stay
 * as they are. It is `setInformation("parentPath")` of a child that is opened without its parents.
 *
 * A parent that is not the disk that the child was made from, or that has changed since, is refused. PowerShell:
 * `Set-VHD -ParentPath`; in a shell `virtdisk rebase`.
 *
 * Needs `--allow-read` for the folder of the child, for the parent and its parents, and `--allow-write` for the child;
 * with the native backend `--allow-ffi` as `openVirtualDisk`.
 *
 * @example After the parent was moved
 * ```ts
 * import { createVirtualDisk, openVirtualDisk, rebaseVirtualDisk } from "@virtdisk/virtdisk";
 *
 * const folder = await Deno.makeTempDir();
 * const [base, child] = [`${folder}/base.vhdx`, `${folder}/child.vhdx`];
 * (await createVirtualDisk(base, { size: "64MiB" })).close();
 * (await createVirtualDisk(child, { parent: base })).close();
 * await Deno.mkdir(`${folder}/moved`);
 * await Deno.rename(base, `${folder}/moved/base.vhdx`);
 *
 * await rebaseVirtualDisk(child, { parent: `${folder}/moved/base.vhdx` });
 * using disk = await openVirtualDisk(child);
 * console.log(disk.parents.length); // 1
 * ```
 *
 * @param child The image that is told.
 * @param options Where its parent is.
 * @returns What was stored.
 * @throws {VirtualDiskError} `ERROR_VHD_CHILD_PARENT_ID_MISMATCH` for another disk; `ERROR_VHD_INVALID_TYPE` if `child`
 * is not a differencing image; `ERROR_VHD_INVALID_STATE` if it has children in its folder that would become invalid;
 * what `openVirtualDisk` throws for either.
 * @throws {TypeError} If an option is of the wrong kind.
 *
 * @category Operations
 */
export function rebaseVirtualDisk(
  child: string | URL,
  options: RebaseOptions,
): Promise<RebaseReport> {
  return rebaseBy(openVirtualDisk, child, options);
}
