/**
 * Merges a whole chain into a new file, and leaves the chain alone.
 *
 * @module
 */
import { basename, join } from "@std/path";
import type { MergeOptions } from "../../disk/operation_options.ts";
import { sourceDiskOf } from "../copy_source.ts";
import { imageSpec, type NewFormat } from "../create_rules.ts";
import { newFormatOfExtension } from "../detect.ts";
import type { DiskImage } from "../image.ts";
import { ImageError } from "../image_error.ts";
import type { CopyableItem } from "../metadata_item.ts";
import { NewFile, realFolder } from "../new_file.ts";
import { layoutOf, writeCopy } from "../new_image.ts";
import { chainContents } from "./disk_contents.ts";
import { Pace } from "./pace.ts";

/**
 * Makes a dynamic disk of what the chain holds: of the format that the name says, else of the chain's. For a
 * dry run it finds out whether it may, and makes nothing.
 *
 * @param images The whole chain, the leaf first.
 * @param path The new file; there is none of that name yet.
 * @returns Its absolute path.
 * @throws {ImageError} As `createVirtualDisk` with a source; nothing is left behind then.
 */
export async function mergeIntoFile(
  images: readonly [DiskImage, ...DiskImage[]],
  path: string,
  options: MergeOptions,
): Promise<string> {
  const [leaf] = images;
  assertNoDepth(leaf, options);
  assertWhole(images);
  const pace = new Pace(options);
  pace.assertWanted();
  const format = newFormat(path, leaf);
  const isVhdx = format === "vhdx" && leaf.format === "vhdx";
  const source = {
    disk: sourceDiskOf(leaf),
    contents: chainContents(images, pace),
    [Symbol.dispose]() {},
  };
  // It is the same disk, so a VHDX keeps what identifies it to the system that uses it.
  const kept = isVhdx
    ? { identifier: leaf.virtualDiskId, physicalSectorSize: leaf.physicalSectorSize }
    : {};
  const spec = {
    ...imageSpec({ path, type: format, ...kept }, undefined, source.disk),
    items: isVhdx ? itemsToKeep(leaf) : [],
  };
  const folder = realFolder(path);
  using target = NewFile.prepare(path, folder, false);
  const layout = layoutOf(format, spec, path);
  if (options.dryRun !== true) {
    await target.write((file) => writeCopy(file, layout, source));
  }
  pace.end();
  if (options.dryRun !== true) target.publish();
  return join(folder, basename(path));
}

function assertNoDepth(leaf: DiskImage, options: MergeOptions): void {
  const { depth, sourceDepth, targetDepth, removeChild = false } = options;
  if ((depth ?? sourceDepth ?? targetDepth) === undefined && !removeChild) return;
  throw new ImageError("ERROR_INVALID_PARAMETER", {
    path: leaf.source.path,
    reason: "into takes the whole chain, and leaves it alone: no depth and no removeChild",
    causes: ["Leave these out, or `into`."],
  });
}

function assertWhole(images: readonly DiskImage[]): void {
  const last = images.at(-1)!;
  if (last.parent === undefined) return;
  throw new ImageError("ERROR_VHD_INVALID_STATE", {
    path: last.source.path,
    reason: "its parent is not open, so what the disk holds is not known",
    causes: ["Open it without the `no-parents` flag."],
  });
}

function newFormat(path: string, { format }: DiskImage): NewFormat {
  const named = newFormatOfExtension(path) ?? format;
  if (named === "vhd" || named === "vhdx") return named;
  throw new ImageError("ERROR_INVALID_PARAMETER", {
    path,
    reason: "the extension names neither VHD nor VHDX",
    causes: [
      "Name the new file after what it is to be: .vhd or .vhdx.",
      "Convert the child instead: a conversion makes raw disks too, of the whole chain.",
    ],
  });
}

/** What describes the disk, and what its users keep beside it. */
function itemsToKeep({ metadata }: DiskImage): CopyableItem[] {
  const items = metadata?.copyable() ?? [];
  return items.filter(({ isUser, isVirtualDisk }) => isUser || isVirtualDisk);
}
