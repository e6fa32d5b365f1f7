/**
 * What a disk of the portable backend can have done to its files.
 *
 * @module
 */
import { checkOptions, toHostPath } from "../disk/arguments.ts";
import {
  COMPACT_OPTIONS,
  type CompactionReport,
  type CompactOptions,
  EXPAND_OPTIONS,
  type ExpandOptions,
  MERGE_OPTIONS,
  type MergeOptions,
  type MergeReport,
  RESIZE_OPTIONS,
  type ResizeOptions,
  type ResizeReport,
  type SmallestSafeSize,
} from "../disk/operation_options.ts";
import type { Size } from "../disk/size.ts";
import { checkChain } from "./operations/check.ts";
import { CHECK_OPTIONS, type CheckOptions, type CheckReport } from "./image/findings.ts";
import type { ImageChain } from "./chain/chain.ts";
import { removeImage } from "./file/new_file.ts";
import { Occupation } from "./occupation.ts";
import type { Rights } from "./open_rules.ts";
import { compactChain } from "./operations/compact.ts";
import { mergeChain, mergeIntoFile } from "./operations/merge.ts";
import { resizeChain, type ResizeRequest } from "./operations/resize.ts";
import { setParentPath } from "./operations/rebase.ts";
import { ReadableDisk } from "./readable_disk.ts";

/** The part of `PortableVirtualDisk` that resizes, compacts, merges and checks. */
export abstract class MaintainedDisk extends ReadableDisk {
  readonly #chain: ImageChain;
  readonly #occupation: Occupation;
  readonly #ignoreChildren: boolean;

  /** Only the portable backend makes disks of this class. */
  protected constructor(chain: ImageChain, rights: Rights) {
    super(chain, rights);
    this.#chain = chain;
    this.#occupation = new Occupation(this.path);
    this.#ignoreChildren = rights.ignoreChildren;
  }

  /**
   * Makes the disk larger; what is added reads as zeros. Not for differencing VHDs. As
   * {@linkcode MaintainedDisk.resize} else, but the size must be larger than the present one.
   *
   * @param size The new size, in bytes or as in `"10GiB"`, whole sectors; or what to add: `"+1GiB"`.
   * @param options Whether only to look, how to watch and how to cancel.
   * @returns What has become of the disk.
   * @throws {VirtualDiskError} As {@linkcode MaintainedDisk.resize}; `ERROR_INVALID_PARAMETER` where
   * the size is not larger.
   */
  override expand(size: Size, options: ExpandOptions = {}): Promise<ResizeReport> {
    return this.#operate(
      "ExpandVirtualDisk",
      () =>
        this.#resize({
          ...checkOptions(EXPAND_OPTIONS, options, "expand"),
          size,
          expandOnly: true,
        }),
    );
  }

  /**
   * Gives the disk another size: larger, or where it is a VHDX or a raw disk smaller, down to the end of the
   * last partition. Where the disk has a GPT, its backup moves to the new end; no partition and no file
   * system changes. The file of a smaller disk ends behind the last block that is left: compacting makes it
   * shorter. Children of the disk become invalid: where there are any in the same folder, it is
   * refused.
   *
   * A GPT whose primary header or entries are damaged is restored from its backup before, and the report
   * says so; a damaged or missing backup is written anew (UEFI 2.10, 5.3.2). So resizing to the present
   * size puts a GPT right whose disk another program has made larger.
   *
   * A crash leaves the old size or the new one, and every byte of what both have, and a sound GPT. Where the
   * backup has not moved then, resizing to the same size moves it. The file of a fixed VHD that was growing
   * may be too long then, and other programs may refuse it: the next open for writing, or a check with
   * `repair`, cuts off what the growth has left.
   *
   * @example Make room for the last partition
   * ```ts
   * import { createVirtualDisk } from "@virtdisk/virtdisk";
   *
   * const folder = await Deno.makeTempDir();
   * using disk = await createVirtualDisk(`${folder}/disk.vhdx`, {
   *   size: 64 * 1024 * 1024,
   *   backend: "portable",
   * });
   * const { virtualSize, growablePartition } = await disk.resize(128 * 1024 * 1024);
   * console.log(virtualSize, growablePartition); // 134217728 undefined
   * ```
   *
   * @param size The new size, in bytes or as in `"10GiB"`, whole sectors; or what to add: `"+1GiB"`; or
   * `"smallest-safe"`: where the last partition ends, and behind that, with a GPT, its backup.
   * @returns What has become of the disk, and which partition can grow.
   * @throws {VirtualDiskError} `ERROR_VHD_RESIZE_WOULD_TRUNCATE_DATA`;
   * `ERROR_VHD_COULD_NOT_COMPUTE_MINIMUM_VIRTUAL_SIZE` where it shall shrink, but there is no sound partition
   * table; `ERROR_VHD_ALREADY_AT_OR_BELOW_MINIMUM_VIRTUAL_SIZE`; `ERROR_VHD_INVALID_TYPE` for a VHD that
   * shall shrink, a differencing one, and an ISO image; `ERROR_VHD_INVALID_STATE` where the disk has
   * children, belongs to a machine with a saved state, or is a child whose parent is not open;
   * `ERROR_VHD_INVALID_SIZE` where the format has no such disks; `ERROR_INVALID_PARAMETER` where the size is
   * not of whole sectors, and for `"smallest-safe"` with `allowUnsafe`; `ERROR_ACCESS_DENIED`
   * where the disk was opened for reading; `ERROR_DISK_FULL`.
   * @throws {RangeError} If the size is none.
   */
  override resize(
    size: Size | SmallestSafeSize,
    options: ResizeOptions = {},
  ): Promise<ResizeReport> {
    return this.#operate(
      "ResizeVirtualDisk",
      () =>
        this.#resize({
          ...checkOptions(RESIZE_OPTIONS, options, "resize"),
          size,
          expandOnly: false,
        }),
    );
  }

  /**
   * Makes the image file shorter. Blocks go that hold nothing but zeros, that have been trimmed, or that hold
   * what the parent does; others move down, and so do a VHDX's tables and log; the file ends behind the last
   * of them. The disk's contents stay what they are, and its children remain valid.
   *
   * A crash or an abort at any moment leaves a sound image with the same contents, and an abort gives back
   * what has been won by then; compacting again goes on from there. The disk can neither be read nor written
   * meanwhile.
   *
   * @example See what there is to be won
   * ```ts
   * import { createVirtualDisk } from "@virtdisk/virtdisk";
   *
   * const folder = await Deno.makeTempDir();
   * using disk = await createVirtualDisk(`${folder}/disk.vhdx`, {
   *   size: 64 * 1024 * 1024,
   *   blockSize: 1024 * 1024,
   *   backend: "portable",
   * });
   * disk.writeSync(new Uint8Array(1000).fill(1), 0);
   * disk.writeSync(new Uint8Array(1000), 0);
   * const { releasedBlocks } = await disk.compact({ dryRun: true });
   * console.log(releasedBlocks); // 1
   * ```
   *
   * @param options What to leave alone, how to watch and how to cancel.
   * @returns What has been won.
   * @throws {VirtualDiskError} `ERROR_VHD_INVALID_TYPE` where the disk is fixed, raw or an ISO image;
   * `ERROR_VHD_INVALID_STATE` where it belongs to a machine with a saved state; `ERROR_ACCESS_DENIED` where
   * it was opened for reading; a format's code where a table is damaged.
   */
  override compact(options: CompactOptions = {}): Promise<CompactionReport> {
    return this.#operate(
      "CompactVirtualDisk",
      () => {
        const checked = checkOptions(COMPACT_OPTIONS, options, "compact");
        return this.#occupation.lend(() => compactChain(this.#chain, checked));
      },
    );
  }

  /**
   * Writes what a differencing disk holds into one of its ancestors, so that it reads as the disk does; or,
   * with `into`, what the whole chain holds into a new file. Other children of that ancestor, and of merged
   * files between, become invalid: where there are any in the same folders, it is refused. The disk itself
   * stays valid, and can go with all merged files: with `removeChild` they do. {@linkcode MergeOptions} tells
   * what becomes of metadata items.
   *
   * A crash or an abort at any moment leaves a chain that reads as before; merging again ends right. With
   * `removeChild` that chain may be the shorter one already: look at the disk's `parents` before. Merged files
   * that are not among them can be removed; as long as one of them opens, merging into the same ancestor is
   * refused. The ancestor is opened for writing, with nobody beside. The disk can neither be read nor written
   * meanwhile.
   *
   * @example Merge a child into its parent, and be done with it
   * ```ts
   * import { createVirtualDisk } from "@virtdisk/virtdisk";
   *
   * const folder = await Deno.makeTempDir();
   * const options = { backend: "portable" } as const;
   * (await createVirtualDisk(`${folder}/base.vhdx`, { ...options, size: 64 * 1024 * 1024 })).close();
   * using child = await createVirtualDisk(`${folder}/child.vhdx`, {
   *   ...options,
   *   parent: `${folder}/base.vhdx`,
   * });
   * child.writeSync(new TextEncoder().encode("hello"), 0);
   * const { removed } = await child.merge({ removeChild: true });
   * console.log(removed, child.closed); // true true
   * ```
   *
   * @param options What into what, how to watch and how to cancel.
   * @returns What there is now.
   * @throws {VirtualDiskError} `ERROR_VHD_INVALID_TYPE` where the disk has no parent;
   * `ERROR_INVALID_PARAMETER` for a depth that the chain does not have; `ERROR_VHD_INVALID_STATE` where the
   * parents are not open, other children would become invalid, or a disk belongs to a machine with a saved
   * state; `ERROR_SHARING_VIOLATION` where the ancestor is in use; `ERROR_ACCESS_DENIED` where the disk was
   * opened for reading; `ERROR_FILE_EXISTS` where the new file is there already; `ERROR_VHD_METADATA_FULL`;
   * `ERROR_DISK_FULL`.
   */
  override merge(options: MergeOptions = {}): Promise<MergeReport> {
    return this.#operate(
      "MergeVirtualDisk",
      () => this.#merge(checkOptions(MERGE_OPTIONS, options, "merge")),
    );
  }

  /**
   * Checks the image file against every rule of its format, as `checkVirtualDisk` does with a file that need
   * not open. The parents were found, or left out, when the disk was opened; they are not checked. The disk
   * can neither be read nor written meanwhile.
   *
   * @example Check before a backup
   * ```ts
   * import { createVirtualDisk } from "@virtdisk/virtdisk";
   *
   * const folder = await Deno.makeTempDir();
   * using disk = await createVirtualDisk(`${folder}/disk.vhdx`, {
   *   size: 64 * 1024 * 1024,
   *   backend: "portable",
   * });
   * const { sound, findings } = await disk.check();
   * console.log(sound, findings.length); // true 0
   * ```
   *
   * @param options Whether to repair, how to watch and how to cancel.
   * @returns What was found, and what of it was repaired.
   * @throws {VirtualDiskError} `ERROR_ACCESS_DENIED` where it shall be repaired, but was opened for reading;
   * what reading the file fails with. Never for damage.
   */
  check(options: CheckOptions = {}): Promise<CheckReport> {
    return this.#operate(
      "OpenVirtualDisk",
      () => {
        const checked = checkOptions(CHECK_OPTIONS, options, "check");
        return this.#occupation.lend(() => checkChain(this.#chain, checked));
      },
    );
  }

  /**
   * Closes the disk.
   *
   * @throws {VirtualDiskError} `ERROR_INVALID_STATE` while an operation goes on; what the last writes fail
   * with.
   */
  override close(): void {
    this.#occupation.assertIdle("CloseHandle");
    super.close();
  }

  /** Also throws `ERROR_INVALID_STATE` while an operation has the files for itself. */
  protected override assertOpen(operation: string): void {
    super.assertOpen(operation);
    this.#occupation.assertNotLent(operation);
  }

  /** A trial reads the file as it is on the disk, beside which nobody may write. */
  #resize(request: ResizeRequest): Promise<ResizeReport> {
    const ignoreChildren = request.ignoreChildren ?? this.#ignoreChildren;
    const run = () => resizeChain(this.#chain, { ...request, ignoreChildren });
    return request.dryRun === true ? this.#occupation.lend(run) : run();
  }

  async #merge(options: MergeOptions): Promise<MergeReport> {
    const { into, removeChild = false, dryRun = false } = options;
    if (into !== undefined) {
      const path = await mergeIntoFile(this.#chain.images, toHostPath(into), options);
      const merged = this.#chain.images.map((image) => image.source.path);
      return { dryRun, path, merged, removed: false };
    }
    return await this.#occupation.lend(async () => {
      const { target, merged } = await mergeChain(this.#chain, options);
      // Whatever were written from here on would go with the files.
      if (removeChild && !dryRun) this.#remove(merged, target, options.sourceDepth ?? 1);
      return { dryRun, path: target, merged, removed: removeChild };
    });
  }

  #operate<T>(operation: string, run: () => Promise<T>): Promise<T> {
    return Promise.try(() => {
      this.assertOpen(operation);
      return this.#occupation.operate(operation, run);
    });
  }

  /**
   * Removes the merged files. Whoever is to stay, and the leaf until it goes as the last, reads the same
   * through the target before any other file goes; and a file whose parent is gone misleads nobody.
   */
  #remove(merged: readonly string[], target: string, sourceDepth: number): void {
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
      setParentPath(this.#chain, parent, () => {});
    }
    // The operation goes on, so that nobody else can close it.
    if (isLeaf) super.close();
    merged.toReversed().forEach(removeImage);
  }
}
