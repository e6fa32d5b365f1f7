/**
 * Compares image files.
 *
 * @module
 */
import type { ImageType } from "../../disk/open_options.ts";
import {
  BOOLEAN,
  checkOptions,
  oneOf,
  type OptionKinds,
  toHostPath,
} from "../../disk/arguments.ts";
import { OPERATION_OPTIONS, type OperationOptions } from "../../disk/progress.ts";
import type { ImageChain } from "../chain.ts";
import { openToRead } from "../chain_to_read.ts";
import { ImageError, inOperation } from "../image_error.ts";
import { differences, type DifferentRange } from "./compare.ts";

/** What the files are that are compared, and how. */
export interface CompareOptions extends OperationOptions {
  /** The type of the first; by default it is found out. Only `"raw"` never is. */
  firstType?: Exclude<ImageType, "vhdset"> | "raw" | undefined;
  /** The type of the second, likewise. */
  secondType?: Exclude<ImageType, "vhdset"> | "raw" | undefined;
  /**
   * Counts all that only the larger disk has as different, be it zeros: disks of different sizes are never
   * alike then. What is stored where never matters: sectors that one file has and the other does not are
   * alike where they hold zeros, which `qemu-img compare -s` would not have.
   *
   * @default {false}
   */
  strict?: boolean | undefined;
}

const COMPARED_TYPE = oneOf("iso", "vhd", "vhdx", "raw");
const COMPARE_OPTIONS: OptionKinds<CompareOptions> = {
  ...OPERATION_OPTIONS,
  firstType: COMPARED_TYPE,
  secondType: COMPARED_TYPE,
  strict: BOOLEAN,
};

/**
 * Finds out where two disks differ, each with its parents, whatever their formats. What one of them has not,
 * because it is smaller, counts as zeros, unless `strict` is set; blocks that neither file has, and bytes that
 * both read from the same file, are not read at all. Needs `--allow-read` for the files; on every system.
 *
 * @example Whether a copy is right
 * ```ts
 * import { compareVirtualDisks, createVirtualDisk } from "@virtdisk/virtdisk";
 *
 * const folder = await Deno.makeTempDir();
 * const [original, copy] = [`${folder}/disk.vhd`, `${folder}/copy.vhdx`];
 * (await createVirtualDisk(original, { size: 64 * 1024 * 1024, backend: "portable" })).close();
 * {
 *   using disk = await createVirtualDisk(copy, { source: original, backend: "portable" });
 *   disk.writeSync(new Uint8Array(2000).fill(1), 4096);
 * }
 * for await (const range of compareVirtualDisks(original, copy)) {
 *   console.log(range); // { offset: 4096, length: 2048 }
 * }
 * ```
 *
 * @param first An image.
 * @param second Another one.
 * @param options Types, how to watch and how to cancel.
 * @returns The ranges, in order; none where the disks are alike. Leaving the loop closes the files.
 * @throws {VirtualDiskError} As `openVirtualDisk`; a format's code where an image is damaged.
 * @throws {TypeError} Where an argument is of the wrong kind.
 * @throws {Deno.errors.NotCapable} Without `--allow-read`.
 */
export function compareVirtualDisks(
  first: string | URL,
  second: string | URL,
  options?: CompareOptions,
): AsyncIterableIterator<DifferentRange> {
  const checked = checkOptions(COMPARE_OPTIONS, options, "compareVirtualDisks");
  return compareFiles(
    { path: toHostPath(first, "first"), type: checked.firstType },
    { path: toHostPath(second, "second"), type: checked.secondType },
    checked,
  );
}

/**
 * Finds out what a differencing disk changes: where what it holds differs from what its parent does. Blocks
 * that it does not have are not read. Needs `--allow-read` for the file and its parents; on every system.
 *
 * @example What was written since the checkpoint
 * ```ts
 * import { createVirtualDisk, virtualDiskChanges } from "@virtdisk/virtdisk";
 *
 * const folder = await Deno.makeTempDir();
 * const parent = `${folder}/base.vhdx`;
 * (await createVirtualDisk(parent, { size: 64 * 1024 * 1024, backend: "portable" })).close();
 * {
 *   using child = await createVirtualDisk(`${folder}/child.vhdx`, { parent, backend: "portable" });
 *   child.writeSync(new Uint8Array(512).fill(1), 8192);
 * }
 * for await (const range of virtualDiskChanges(`${folder}/child.vhdx`)) {
 *   console.log(range); // { offset: 8192, length: 512 }
 * }
 * ```
 *
 * @param child A differencing disk.
 * @param options How to watch and how to cancel.
 * @returns The ranges, in order. Leaving the loop closes the files.
 * @throws {VirtualDiskError} `ERROR_VHD_INVALID_TYPE` where the disk has no parent; else as
 * {@linkcode compareVirtualDisks}.
 * @throws {TypeError} Where an argument is of the wrong kind.
 * @throws {Deno.errors.NotCapable} Without `--allow-read`.
 */
export function virtualDiskChanges(
  child: string | URL,
  options?: OperationOptions,
): AsyncIterableIterator<DifferentRange> {
  const checked = checkOptions(OPERATION_OPTIONS, options, "virtualDiskChanges");
  return changesOf(toHostPath(child, "child"), checked);
}

interface NamedFile {
  readonly path: string;
  readonly type: CompareOptions["firstType"];
}

async function* compareFiles(
  first: NamedFile,
  second: NamedFile,
  options: OperationOptions,
): AsyncGenerator<DifferentRange> {
  options.signal?.throwIfAborted();
  using one = openChain(first, "firstType");
  using other = openChain(second, "secondType");
  yield* inDisks(differences(one.images, other.images, options));
}

async function* changesOf(path: string, options: OperationOptions): AsyncGenerator<DifferentRange> {
  options.signal?.throwIfAborted();
  using chain = openChain({ path, type: undefined });
  const [, parent, ...ancestors] = chain.images;
  if (parent === undefined) {
    inOperation("OpenVirtualDisk", () => {
      throw new ImageError("ERROR_VHD_INVALID_TYPE", {
        path: chain.image.source.path,
        reason: "the disk has no parent",
      });
    });
    return;
  }
  yield* inDisks(differences(chain.images, [parent, ...ancestors], options));
}

function openChain({ path, type }: NamedFile, option?: string): ImageChain {
  return inOperation("OpenVirtualDisk", () => openToRead(path, type, option));
}

/** What fails while the disks are read fails as a read does. */
async function* inDisks(ranges: AsyncIterable<DifferentRange>): AsyncGenerator<DifferentRange> {
  try {
    yield* ranges;
  } catch (error) {
    throw error instanceof ImageError ? error.toVirtualDiskError("ReadFile") : error;
  }
}
