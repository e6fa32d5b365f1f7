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
    "Prints each range in which a differencing disk differs from its parent: offset and length in bytes; and at the " +
    "end how many ranges and bytes these are, on standard error if the ranges go into a file or a pipe.",
  operands: "FILE",
  options: {
    quiet: QUIET,
    json: flag(
      "one JSON object per range and line: path, offset, length; the last one has ranges and bytes",
    ),
  },
  permissions: [{ kind: "read", scope: "FILE and its parents" }],
  examples: [
    ["changes child.vhdx", "What does the child change?"],
    ["changes --quiet child.vhdx && echo the same", "Does it change anything?"],
  ],
  statuses: { 0: "there are no changes", 1: "there are" },
  run({ operands: [path], report }) {
    const telling = { facts: {}, none: "there are no changes", some: "differ" };
    return printDifferences(path, report, telling, (options) => virtualDiskChanges(path, options));
  },
});

export default changes;
