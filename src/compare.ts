/**
 * Where do two disks differ? By the portable backend, on every system.
 *
 * @module
 */
import { BOOLEAN, checkOptions, oneOf, type OptionKinds } from "./disk/arguments.ts";
import { type DiskSource, toHostSource } from "./disk/disk_source.ts";
import { OPERATION_OPTIONS, type OperationOptions } from "./disk/progress.ts";
import type { CompareOptions, DifferentRange } from "./portable/operations/compare.ts";

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
 * @param first An image: its path, or what has none (see {@linkcode DiskSource}).
 * @param second Another one.
 * @param options Types, how to watch and how to cancel.
 * @returns The ranges, in order; none where the disks are alike. Leaving the loop closes the files.
 * @throws {VirtualDiskError} As `openVirtualDisk`; a format's code where an image is damaged.
 * @throws {TypeError} Where an argument is of the wrong kind.
 * @throws {Deno.errors.NotCapable} Without `--allow-read`.
 *
 * @category Contents
 */
export function compareVirtualDisks(
  first: DiskSource,
  second: DiskSource,
  options?: CompareOptions,
): AsyncIterableIterator<DifferentRange> {
  const checked = checkOptions(COMPARE_OPTIONS, options, "compareVirtualDisks");
  const files = [
    { source: toHostSource(first, "first"), format: checked.firstType },
    { source: toHostSource(second, "second"), format: checked.secondType },
  ] as const;
  return loaded(async () => (await load()).compareFiles(...files, checked));
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
 *
 * @category Contents
 */
export function virtualDiskChanges(
  child: DiskSource,
  options?: OperationOptions,
): AsyncIterableIterator<DifferentRange> {
  const checked = checkOptions(OPERATION_OPTIONS, options, "virtualDiskChanges");
  const source = toHostSource(child, "child");
  return loaded(async () => (await load()).changesOf(source, checked));
}

const load = () => import("./portable/operations/compare.ts");

/** What is told by code that is loaded when the first is asked for. */
async function* loaded(
  ranges: () => Promise<AsyncIterable<DifferentRange>>,
): AsyncGenerator<DifferentRange> {
  yield* await ranges();
}
