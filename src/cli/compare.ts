/**
 * The `compare` command: where two disks differ.
 *
 * @module
 */
import { compareVirtualDisks } from "../../mod.ts";
import { exactly, parseArguments, present, word } from "./arguments.ts";
import { printDifferences } from "./differences.ts";
import { absolute, Report } from "./report.ts";

/** How the command is called. */
export const COMPARE_USAGE = `virtdisk compare [OPTION...] A B
  prints each range in which the disks differ: offset and length in bytes
  --type-a TYPE       vhd, vhdx, iso or raw; default: found out, but raw only if you say so
  --type-b TYPE       likewise
  --strict            all that only the larger disk has counts as different, zeros too
  --json              one JSON object per range and line: path, otherPath, offset, length

Permissions: --allow-read for A, B and their parents.
Exit status: 0 if the disks are alike; 1 if they differ; 2 if it fails; 130 after Ctrl-C.`;

const TYPES = ["vhd", "vhdx", "iso", "raw"] as const;

/**
 * Runs the command.
 *
 * @throws {UsageError} Where the arguments cannot be understood.
 */
export async function compare(args: string[]): Promise<number> {
  const { values, positionals } = parseArguments("compare", args, {
    "type-a": { type: "string" },
    "type-b": { type: "string" },
    strict: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  });
  const [first = "", second = ""] = exactly("compare", positionals, "A B");
  const how = present({
    strict: values.strict,
    firstType: word("--type-a", values["type-a"], TYPES),
    secondType: word("--type-b", values["type-b"], TYPES),
  });
  return await printDifferences(
    first,
    new Report("compare", { json: values.json }),
    { otherPath: absolute(second) },
    (options) => compareVirtualDisks(first, second, { ...options, ...how }),
  );
}
