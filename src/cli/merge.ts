/**
 * The `merge` command: what a child holds, written into an ancestor or a new file.
 *
 * @module
 */
import type { MergeReport } from "../../portable.ts";
import { flag, path } from "./arguments.ts";
import { command } from "./command.ts";
import type { Command } from "./declaration.ts";
import { UsageError } from "./failure.ts";
import { runOperation } from "./long_operation.ts";

const merge: Command = command({
  about: "Writes what FILE, a child, holds into its parent.",
  operands: "FILE",
  options: {
    depth: {
      value: "NUMBER",
      about: "merge so many files: with 2, FILE and its parent go into the grandparent; default: 1",
      parse: (option: string, text: string) => parsedDepth(option, text),
    },
    into: path(
      "NEWFILE",
      "write the whole chain into a new dynamic image, and change none of the chain",
    ),
    removeChild: flag("remove the merged files when the file that they went into is complete"),
    ignoreChildren: flag(
      "go on even if other children are in the folder, which become invalid, or if it cannot be found out " +
        "whether there are any",
    ),
    dryRun: flag("write and remove nothing, and print what would be merged"),
    json: flag("print the result as one JSON object: path, dryRun, target, merged, removed"),
  },
  permissions: [
    { kind: "read", scope: "the folders of FILE, of its parents and of NEWFILE" },
    {
      kind: "write",
      scope: "FILE and the parents that it goes into, or the folder of NEWFILE",
      unless: ["--dry-run"],
    },
  ],
  examples: [
    ["merge --remove-child child.vhdx", "Into its parent, and away with the child"],
    ["merge --into flat.vhdx child.vhdx", "A new image; the chain stays as it is"],
  ],
  run({ operands: [path], options: { json: _, ...options }, report }) {
    const { into, removeChild, dryRun } = options;
    if (into !== undefined && (removeChild || options.depth !== undefined)) {
      throw new UsageError("merge: --into takes the whole chain, and leaves it as it is");
    }
    const readsAsBefore = `the images are sound, and ${JSON.stringify(path)} reads as before`;
    return runOperation(path, report, {
      readOnly: into !== undefined || dryRun,
      interrupted: () =>
        into !== undefined || dryRun
          ? "the images are as before, and there is no new one"
          : `${readsAsBefore}; run the command again to finish`,
      ...(into === undefined ? { whenFull: readsAsBefore } : {}),
      run: (disk, watch) => disk.merge({ ...options, ...watch }),
      describe,
      facts: ({ path: target, ...outcome }) => ({ target, ...outcome }),
    });
  },
});

export default merge;

function parsedDepth(option: string, text: string): number {
  if (/^[1-9][0-9]{0,2}$/.test(text)) return Number(text);
  throw new UsageError(`${option} must be a whole number from 1 on, not ${JSON.stringify(text)}`);
}

function describe({ dryRun, path, merged, removed }: Required<MergeReport>): string {
  const files = merged.map((each) => `\n  ${JSON.stringify(each)}`).join("");
  const done = `${dryRun ? "Would be merged" : "Merged"} into ${JSON.stringify(path)}`;
  return `${done}${removed ? ", and removed" : ""}:${files}`;
}
