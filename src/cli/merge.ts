/**
 * The `merge` command: what a child holds, written into an ancestor or a new file.
 *
 * @module
 */
import type { MergeReport } from "../../mod.ts";
import { exactly, parseArguments, present } from "./arguments.ts";
import { maintainAndTell } from "./maintained.ts";
import { UsageError } from "./usage_error.ts";

/** How the command is called. */
export const MERGE_USAGE = `virtdisk merge [OPTION...] FILE
  writes what FILE, a child, holds into its parent
  --depth NUMBER      over so many parents: 2 is FILE and its parent into the grandparent; default: 1
  --into NEWFILE      write the whole chain into a new dynamic image, and change none of the chain
  --remove-child      remove the merged files when their parent is complete
  --ignore-children   go on if other children are in the folder, which become invalid, or if that
                      cannot be found out
  --dry-run           write and remove nothing, and print what would be merged
  --json              print the result as one JSON object: path, dryRun, target, merged,
                      removed

Permissions: --allow-read for the folders of FILE and its parents; --allow-write for FILE and those parents;
with --into --allow-read and --allow-write for the folder of NEWFILE.`;

/**
 * Runs the command.
 *
 * @throws {UsageError} Where the arguments cannot be understood.
 */
export async function merge(args: string[]): Promise<number> {
  const { values, positionals } = parseArguments("merge", args, {
    depth: { type: "string" },
    into: { type: "string" },
    "remove-child": { type: "boolean", default: false },
    "ignore-children": { type: "boolean", default: false },
    "dry-run": { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  });
  const [path = ""] = exactly("merge", positionals, "FILE");
  const { into } = values;
  const removeChild = values["remove-child"];
  const dryRun = values["dry-run"];
  if (into !== undefined && (removeChild || values.depth !== undefined)) {
    throw new UsageError("merge: --into takes the whole chain, and leaves it as it is");
  }
  const options = {
    ...present({ depth: depthOf(values.depth), into }),
    removeChild,
    ignoreChildren: values["ignore-children"],
    dryRun,
  };
  return await maintainAndTell({
    subcommand: "merge",
    path,
    readOnly: into !== undefined || dryRun,
    json: values.json,
    interrupted: () =>
      into !== undefined || dryRun
        ? "the images are as before, and there is no new one"
        : `the images are sound, and ${
          JSON.stringify(path)
        } reads as before; run the command again ` +
          "to finish",
    ...(into === undefined
      ? { whenFull: `the images are sound, and ${JSON.stringify(path)} reads as before` }
      : {}),
    run: (disk, watch) => disk.merge({ ...options, ...watch }),
    describe,
    facts: ({ path: target, ...outcome }) => ({ target, ...outcome }),
  });
}

function depthOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^[1-9][0-9]{0,2}$/.test(text)) return Number(text);
  throw new UsageError(`--depth is a number from 1 on, not ${JSON.stringify(text)}`);
}

function describe({ dryRun, path, merged, removed }: Required<MergeReport>): string {
  const files = merged.map((each) => `\n  ${JSON.stringify(each)}`).join("");
  const done = `${dryRun ? "Would be merged" : "Merged"} into ${JSON.stringify(path)}`;
  return `${done}${removed ? ", and removed" : ""}:${files}`;
}
