/**
 * The `changes` command: what a differencing disk changes against its parent.
 *
 * @module
 */
import { virtualDiskChanges } from "../../mod.ts";
import { exactly, parseArguments } from "./arguments.ts";
import { printDifferences } from "./differences.ts";
import { Report } from "./report.ts";

/** How the command is called. */
export const CHANGES_USAGE = `virtdisk changes [--json] FILE
  prints each range in which a differencing disk differs from its parent: offset and length in bytes
  --json              one JSON object per range and line: path, offset, length

Permissions: --allow-read for FILE and its parents.
Exit status: 0 if there are no changes; 1 if there are; 2 if it fails; 130 after Ctrl-C.`;

/**
 * Runs the command.
 *
 * @throws {UsageError} Where the arguments cannot be understood.
 */
export async function changes(args: string[]): Promise<number> {
  const { values, positionals } = parseArguments("changes", args, {
    json: { type: "boolean", default: false },
  });
  const [path = ""] = exactly("changes", positionals, "FILE");
  return await printDifferences(
    path,
    new Report("changes", { json: values.json }),
    {},
    (options) => virtualDiskChanges(path, options),
  );
}
