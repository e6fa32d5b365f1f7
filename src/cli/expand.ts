/**
 * The `expand` command: a larger size for a disk.
 *
 * @module
 */
import { exactly, fileAndSize, newSize, parseArguments, word } from "./arguments.ts";
import { resizeAndTell } from "./resized.ts";

/** How the command is called. */
export const EXPAND_USAGE = `virtdisk expand [OPTION...] FILE SIZE
  SIZE is the new size, larger than the present one, 20G or 512MiB; or what to add: +10G. The backup of a
  GPT moves to the new end; a damaged GPT is restored from it before.
  --type TYPE         vhd, vhdx or raw; default: found out, but raw only if you say so
  --ignore-children   go on if the image has children in its folder, which become invalid, or if that
                      cannot be found out
  --dry-run           write nothing, and print what would become of the disk
  --json              print the result as one JSON object: path, dryRun, virtualSize, previousSize,
                      partitionTable, restoredFromBackup, growablePartition

Permissions: --allow-read for the folder of FILE and for its parents, --allow-write for FILE.`;

/**
 * Runs the command.
 *
 * @throws {UsageError} Where the arguments cannot be understood.
 */
export async function expand(args: string[]): Promise<number> {
  const { values, positionals } = parseArguments("expand", args, {
    type: { type: "string" },
    "ignore-children": { type: "boolean", default: false },
    "dry-run": { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  });
  const files = exactly("expand", positionals, "FILE SIZE");
  const { path, size } = fileAndSize("expand", files, newSize);
  const type = word("--type", values.type, ["vhd", "vhdx", "raw"]);
  const dryRun = values["dry-run"];
  const ignoreChildren = values["ignore-children"];
  return await resizeAndTell(
    path,
    { subcommand: "expand", type, dryRun, json: values.json },
    (disk, watch) => disk.expand(size, { ignoreChildren, dryRun, ...watch }),
  );
}
