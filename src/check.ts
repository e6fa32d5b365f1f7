/**
 * What is wrong with an image? By the portable backend, on every system.
 *
 * @module
 */
import { checkOptions, oneOf, type OptionKinds } from "./disk/arguments.ts";
import { type DiskSource, toHostSource } from "./disk/disk_source.ts";
import { CHECK_OPTIONS, type CheckReport } from "./portable/image/findings.ts";
import type { FileCheckOptions } from "./portable/operations/check.ts";

const FILE_CHECK_OPTIONS: OptionKinds<FileCheckOptions> = {
  ...CHECK_OPTIONS,
  type: oneOf("iso", "vhd", "vhdx"),
};

/**
 * Checks an image against every rule of its format: both copies of headers, footers and tables, their
 * checksums, the log, metadata, each entry of the block table, blocks that overlap or that nothing refers
 * to, bitmaps, the size against a GUID partition table, and whether the parents are there and are the right ones.
 * Damage is reported, never thrown.
 *
 * Repairing touches nothing but what the file holds twice or what follows from the rest: a footer, header or
 * region table of which the other copy is good, a log to be replayed, an unused tail to be cut off. Where
 * anything is damaged beyond that, nothing is written; of a log with a damaged entry, what cannot be
 * replayed is discarded if {@linkcode CheckOptions.discardDamagedLog} says so. A crash leaves the file as it was, or repaired.
 *
 * Needs `--allow-read` for the file and its parents, and `--allow-write` for the file to repair it. On every
 * system; no other program may write to the file meanwhile.
 *
 * @example Find what is wrong, and put it right
 * ```ts
 * import { checkVirtualDisk, createVirtualDisk } from "@virtdisk/virtdisk";
 *
 * const folder = await Deno.makeTempDir();
 * const path = `${folder}/disk.vhd`;
 * (await createVirtualDisk(path, { size: 64 * 1024 * 1024, backend: "portable" })).close();
 * // Something overwrites the first sector of the file.
 * using file = await Deno.open(path, { write: true });
 * await file.write(new Uint8Array(512));
 *
 * const { sound, findings } = await checkVirtualDisk(path);
 * console.log(sound, findings[0]?.structure, findings[0]?.repairable); // false footer copy true
 *
 * const repaired = await checkVirtualDisk(path, { repair: true });
 * console.log(repaired.sound, repaired.findings[0]?.repaired); // true true
 * ```
 *
 * @param source The image: its path, or what has none (see {@linkcode DiskSource}), whose parents are not looked for.
 * @param options Whether to repair, how to watch and how to cancel.
 * @returns What was found, and what of it was repaired.
 * @throws {VirtualDiskError} Where the file cannot be opened or read: `ERROR_FILE_NOT_FOUND`,
 * `ERROR_SHARING_VIOLATION`, ...; `ERROR_DISK_FULL` where a repair cannot be written.
 * @throws {TypeError} Where an argument is of the wrong kind.
 * @throws {Deno.errors.NotCapable} Where a permission is missing.
 *
 * @category Operations
 */
export async function checkVirtualDisk(
  source: DiskSource,
  options?: FileCheckOptions,
): Promise<CheckReport> {
  const given = toHostSource(source, typeof source === "string" ? "path" : "source");
  const checked = checkOptions(FILE_CHECK_OPTIONS, options, "checkVirtualDisk");
  const { checkClosed } = await import("./portable/operations/check.ts");
  return await checkClosed(given, checked);
}
