/**
 * MergeVirtualDisk.
 *
 * @module
 */
import { uint32 } from "../../disk/arguments.ts";
import type { MergeOptions } from "../../disk/operation_options.ts";
import { basename, join } from "../../text/paths.ts";
import type { ImageChain } from "../chain/chain.ts";
import { assertChildless } from "../chain/children.ts";
import type { ByteSource, WritableSource } from "../file/byte_source.ts";
import { ImageError, openForReading } from "../file/image_error.ts";
import { ImageFile, type ImageFileOptions } from "../file/image_file.ts";
import { NewFile, realFolder, removeImages } from "../file/new_file.ts";
import { DryRunFile } from "../file/dry_run_file.ts";
import { formatOf, type NewFormat, newFormatOfExtension, openImage } from "../formats.ts";
import type { Merging } from "../image/format.ts";
import type { CopyableItem, DiskImage } from "../image/image.ts";
import { Pace } from "../image/pace.ts";
import { assertPaths, rebaseChain } from "./rebase.ts";
import { writeCopy } from "./write_image.ts";
import { sourceDiskOf } from "./copy_source.ts";
import { chainContents } from "./disk_contents.ts";
import { imageSpec, kindToCreate } from "./create_rules.ts";

/** What a merge goes from and to: numbers of images, 1 being the leaf. */
interface Depths {
  readonly source: number;
  readonly target: number;
}

/** What has been merged into what. */
export interface MergedFiles {
  readonly target: string;
  /** The nearest to the user first. */
  readonly merged: readonly string[];
}

/**
 * Merges images of a chain into their ancestor, or tries whether that can be done. Cancelled, the chain reads
 * as before.
 *
 * @throws {ImageError} As MergeVirtualDisk fails.
 */
export async function mergeChain(chain: ImageChain, options: MergeOptions): Promise<MergedFiles> {
  const { images, writable } = chain;
  const { dryRun = false } = options;
  const { path } = images[0].source;
  const format = formatOf(images[0]);
  if (format.merge === undefined || images[0].parent === undefined) {
    throw new ImageError("ERROR_VHD_INVALID_TYPE", { path, reason: "the disk has no parent" });
  }
  assertPaths(images);
  const depths = depthsOf(chain, options);
  if (writable === undefined && !dryRun) throw openForReading({ path });
  if (options.ignoreChildren !== true) assertNoOtherChildren(images, depths, options);
  const pace = new Pace(options);
  const paths = images.map((image) => image.source.path);
  const targetParentSize = images[depths.target]?.virtualSize ?? 0;
  const { identifier } = images[depths.target - 1]!;
  await chain.lend(async (leaf) => {
    using files = new MergedChain(leaf, paths, depths, dryRun);
    assertSame(files.parts.target, identifier);
    await format.merge!({ ...files.parts, targetParentSize, dryRun, pace });
    pace.end();
  });
  return {
    target: paths[depths.target - 1]!,
    merged: paths.slice(depths.source - 1, depths.target - 1),
  };
}

/**
 * Removes the merged files. Whoever is to stay, and the leaf until it goes as the last, reads the same
 * through the target before any other file goes; and a file whose parent is gone misleads nobody.
 *
 * @param closeLeaf Called before the leaf, which is open, is removed.
 * @throws {ImageError} As storing another parent, or removing a file, fails.
 */
export function removeMerged(
  chain: ImageChain,
  { target, merged }: MergedFiles,
  { sourceDepth = 1 }: MergeOptions,
  closeLeaf: () => void,
): void {
  const isLeaf = sourceDepth === 1;
  if (!isLeaf || merged.length > 1) {
    const childDepth = isLeaf ? 1 : sourceDepth - 1;
    // The target is another disk than the file that was its parent, but reads as that did.
    const parent = {
      childDepth,
      path: target,
      ignoreMismatch: true,
      isSameDisk: true,
      dryRun: false,
    };
    rebaseChain(chain, parent, () => {});
  }
  if (isLeaf) closeLeaf();
  removeImages(merged.toReversed());
}

/** The numbers of the images, where the chain has them. */
function depthsOf({ images, writable, writableDepth }: ImageChain, options: MergeOptions): Depths {
  const { depth, sourceDepth, targetDepth, removeChild = false } = options;
  const { path } = images[0].source;
  const refused = (reason: string, cause: string) =>
    new ImageError("ERROR_INVALID_PARAMETER", { path, reason, causes: [cause] });
  if (depth !== undefined && (sourceDepth ?? targetDepth) !== undefined) {
    throw refused(
      "depth excludes sourceDepth and targetDepth",
      "Give `depth` alone, or one or both of the others.",
    );
  }
  const source = sourceDepth ?? 1;
  const target = depth === undefined ? targetDepth ?? source + 1 : depth + 1;
  for (const [name, value] of Object.entries({ depth, sourceDepth, targetDepth })) {
    if (value !== undefined) uint32(value, name);
  }
  if (source < 1 || target <= source) {
    throw refused(
      `image ${source} of the chain cannot be merged into image ${target}`,
      "A file is merged into one with a higher number; the open file is 1, its parent 2.",
    );
  }
  if (images.length === 1) {
    throw new ImageError("ERROR_VHD_INVALID_STATE", {
      path,
      reason: "the disk is merged into its parent, which is not open",
      causes: ["Open it without the `no-parents` flag."],
    });
  }
  if (target > images.length) {
    throw refused(
      `image ${target} of a chain of ${images.length}`,
      "The open file is 1, its parent 2: the chain ends before.",
    );
  }
  const isDryRun = options.dryRun === true && writable === undefined;
  if (removeChild && !isDryRun && source - 1 > writableDepth) {
    throw new ImageError("ERROR_ACCESS_DENIED", {
      path: images[source - 2]!.source.path,
      reason: "it loses its parent, and was opened for reading: no other can be stored in it",
      causes: [`Open the chain with { access: ["all"], rwDepth: ${source - 1} }.`],
    });
  }
  return { source, target };
}

/**
 * The target changes, and with it every disk that is read through it: those of the merged files in between,
 * and of all children that are not in the chain.
 */
function assertNoOtherChildren(
  images: readonly DiskImage[],
  { source, target }: Depths,
  { removeChild = false }: MergeOptions,
): void {
  // The uppermost merged file reads as before, for as long as it is there.
  const first = removeChild ? source - 1 : source;
  for (const image of images.slice(first, target)) assertChildless(image, images);
}

/** Between closing and opening anew, another file may have taken the target's name. */
function assertSame(target: WritableSource, identifier: string | undefined): void {
  const found = openImage(target).identifier;
  if (found === identifier) return;
  throw new ImageError("ERROR_VHD_CHILD_PARENT_ID_MISMATCH", {
    path: target.path,
    reason: `the parent has become another disk: its identifier is ${found}, not ${identifier}`,
  });
}

/**
 * The files of a merge; all but the leaf are opened, and closed at the end of the scope. For a dry run they are
 * opened for reading, with nobody beside all the same.
 */
class MergedChain implements Disposable {
  readonly parts: Pick<Merging, "above" | "child" | "target">;
  readonly #opened: ImageFile[] = [];

  constructor(
    leaf: WritableSource,
    paths: readonly string[],
    { source, target }: Depths,
    dryRun: boolean,
  ) {
    const toRead = (index: number) => index === 0 ? leaf : this.#open(paths[index]!, {});
    const toWrite = (index: number) => {
      if (index === 0) return dryRun ? new DryRunFile(leaf) : leaf;
      if (!dryRun) return this.#open(paths[index]!, { write: true });
      return new DryRunFile(this.#open(paths[index]!, { sharing: "none" }));
    };
    try {
      const above: ByteSource[] = [];
      for (let index = source - 1; index < target - 2; index++) above.push(toRead(index));
      this.parts = { above, child: toWrite(target - 2), target: toWrite(target - 1) };
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  [Symbol.dispose](): void {
    for (const file of this.#opened) file.close();
  }

  #open(path: string, options: ImageFileOptions): ImageFile {
    const file = ImageFile.open(path, options);
    this.#opened.push(file);
    return file;
  }
}

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
  const request = { path, type: format, ...kept };
  const kind = kindToCreate(request);
  const spec = {
    ...imageSpec(request, kind, undefined, source.disk),
    items: isVhdx ? itemsToKeep(leaf) : [],
  };
  const folder = realFolder(path);
  using target = NewFile.prepare(path, folder, false);
  const layout = await kind.rules.layout(spec, path);
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
