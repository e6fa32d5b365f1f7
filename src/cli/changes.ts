/**
 * The `changes` command: what a differencing disk changes against its parent.
 *
 * @module
 */
import { virtualDiskChanges } from "../../portable.ts";
import { flag, QUIET } from "./arguments.ts";
import { command } from "./command.ts";
import { printDifferences } from "./compare.ts";
import type { Command } from "./declaration.ts";

const changes: Command = command({
  about:
    "Prints each range in which a differencing disk differs from its parent: offset and length in bytes.",
  operands: "FILE",
  options: {
    quiet: QUIET,
    json: flag("one JSON object per range and line: path, offset, length"),
  },
  permissions: [{ kind: "read", scope: "FILE and its parents" }],
  examples: [
    ["changes child.vhdx", "What does the child change?"],
    ["changes --quiet child.vhdx && echo the same", "Does it change anything?"],
  ],
  statuses: { 0: "there are no changes", 1: "there are" },
  run({ operands: [path], report }) {
    return printDifferences(path, report, {}, (options) => virtualDiskChanges(path, options));
  },
});

export default changes;
