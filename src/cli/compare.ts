/**
 * The `compare` command: where two disks differ.
 *
 * @module
 */
import { compareVirtualDisks, type DifferentRange, type OperationOptions } from "../../portable.ts";
import { flag, QUIET, word } from "./arguments.ts";
import { command } from "./command.ts";
import type { Command } from "./declaration.ts";
import { FINDING_STATUS } from "./failure.ts";
import { absolute, type Report } from "./report.ts";
import { ProgressBar } from "./terminal.ts";

const TYPES = ["vhd", "vhdx", "iso", "raw"] as const;

const compare: Command = command({
  about: "Prints each range in which the disks differ: offset and length in bytes.",
  operands: "A B",
  options: {
    typeA: word(
      "TYPE",
      TYPES,
      "vhd, vhdx, iso or raw; default: found out, but raw only if you say so",
    ),
    typeB: word("TYPE", TYPES, "the same for B"),
    strict: flag("everything that only the larger disk has counts as different, zeros too"),
    quiet: QUIET,
    json: flag("one JSON object per range and line: path, otherPath, offset, length"),
  },
  permissions: [{ kind: "read", scope: "A, B and their parents" }],
  examples: [
    ["compare disk.vhdx copy.vhd", "Is the copy a good one?"],
    ["compare --type-b raw disk.vhdx disk.img", "The same for a raw disk"],
    ["compare --quiet disk.vhdx copy.vhd || echo differs", "The same in a script"],
  ],
  statuses: { 0: "the disks are alike", 1: "they differ" },
  run({ operands: [first, second], options: { typeA, typeB, strict }, report }) {
    return printDifferences(
      first,
      report,
      { otherPath: absolute(second) },
      (options) =>
        compareVirtualDisks(first, second, {
          ...options,
          strict,
          ...(typeA === undefined ? {} : { firstType: typeA }),
          ...(typeB === undefined ? {} : { secondType: typeB }),
        }),
    );
  },
});

export default compare;

/**
 * Prints ranges as they are found.
 *
 * @param subject The file that is compared.
 * @param facts What is told with each range to a program.
 * @param compare Begins the comparison.
 * @returns The exit status: 0 where there is no range, 1 where there is one, 2 where it fails.
 */
export async function printDifferences(
  subject: string,
  report: Report,
  facts: object,
  compare: (options: OperationOptions) => AsyncIterable<DifferentRange>,
): Promise<number> {
  return await report.interruptible(() => subject, async (signal) => {
    let status = 0;
    try {
      using bar = new ProgressBar();
      // Where the ranges go to the terminal themselves, a bar would stand between them.
      const onProgress = Deno.stdout.isTerminal() || report.quiet ? undefined : bar.show;
      for await (const range of compare({ signal, onProgress })) {
        // The first range answers; where the others are nobody wants to know.
        if (report.quiet) return FINDING_STATUS;
        status = FINDING_STATUS;
        const { offset, length } = range;
        report.tell(subject, { ...facts, offset, length }, () => `${offset} ${length}`);
      }
      return status;
    } catch (error) {
      signal.throwIfAborted();
      return report.fail(subject, error);
    }
  });
}
