/**
 * The `resize` command: another size for a disk.
 *
 * @module
 */
import { exactly, fileAndSize, newSize, parseArguments, word } from "./arguments.ts";
import { resizeAndTell } from "./resized.ts";

/** How the command is called. */
export const RESIZE_USAGE = `virtdisk resize [OPTION...] FILE SIZE
  SIZE is the new size, 20G or 512MiB; or what to add: +10G; or smallest-safe: up to the end of the last
  partition. VHDs only grow. The backup of a GPT moves to the new end, with the present size too; a damaged
  GPT is restored from it before.
  --type TYPE         vhd, vhdx or raw; default: found out, but raw only if you say so
  --allow-unsafe      cut off partitions that do not fit; with --type raw, even if FILE plainly
                      is something else
  --ignore-children   go on if the image has children in its folder, which become invalid, or if that
                      cannot be found out
  --dry-run           write nothing, and print what would become of the disk
  --json              print the result as one JSON object: path, dryRun, virtualSize, previousSize,
                      partitionTable, restoredFromBackup, growablePartition

Permissions: --allow-read for the folder of FILE and for its parents, --allow-write for FILE.`;

const SMALLEST = "smallest-safe";

/**
 * Runs the command.
 *
 * @throws {UsageError} Where the arguments cannot be understood.
 */
export async function resize(args: string[]): Promise<number> {
  const { values, positionals } = parseArguments("resize", args, {
    type: { type: "string" },
    "allow-unsafe": { type: "boolean", default: false },
    "ignore-children": { type: "boolean", default: false },
    "dry-run": { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  });
  const files = exactly("resize", positionals, "FILE SIZE");
  const { path, size } = fileAndSize(
    "resize",
    files,
    (text) => newSize(text, [SMALLEST]),
  );
  const type = word("--type", values.type, ["vhd", "vhdx", "raw"]);
  const dryRun = values["dry-run"];
  const options = {
    dryRun,
    allowUnsafe: values["allow-unsafe"],
    ignoreChildren: values["ignore-children"],
  };
  return await resizeAndTell(
    path,
    { subcommand: "resize", type, dryRun, json: values.json },
    (disk, watch) => disk.resize(size, { ...options, ...watch }),
  );
}
