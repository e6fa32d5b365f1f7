/**
 * The `compare` command: where two disks differ.
 *
 * @module
 */
import { compareVirtualDisks, type DifferentRange, type OperationOptions } from "../../portable.ts";
import { flag, QUIET, word } from "./arguments.ts";
import { command } from "./command.ts";
import type { Command } from "./declaration.ts";
import { counted, formatBytes } from "../text/digits.ts";
import { FINDING_STATUS } from "./failure.ts";
import { absolute, type Report } from "./report.ts";
import { sourceOf, URL_PERMISSION } from "./url_operand.ts";

const TYPES = ["vhd", "vhdx", "iso", "raw"] as const;

const compare: Command = command({
  about:
    "Prints each range in which the disks differ: offset and length in bytes; and at the end how many ranges and " +
    "bytes these are, on standard error if the ranges go into a file or a pipe.",
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
    json: flag(
      "one JSON object per range and line: path, otherPath, offset, length; the last one has ranges and bytes",
    ),
  },
  permissions: [{ kind: "read", scope: "A, B and their parents" }, URL_PERMISSION],
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
      {
        facts: { otherPath: absolute(second) },
        none: "the disks are alike",
        some: "differ",
      },
      (options) =>
        compareVirtualDisks(sourceOf(first), sourceOf(second), {
          ...options,
          strict,
          ...(typeA === undefined ? {} : { firstType: typeA }),
          ...(typeB === undefined ? {} : { secondType: typeB }),
        }),
    );
  },
});

export default compare;

/** How ranges are told of. */
interface Telling {
  /** What is told with each range to a program. */
  readonly facts: object;
  /** The totals in words, if there is no range. */
  readonly none: string;
  /** What ranges do. */
  readonly some: string;
}

/**
 * Prints ranges as they are found, and at the end how many they were.
 *
 * @param subject The file that is compared.
 * @param compare Begins the comparison.
 * @returns The exit status: 0 where there is no range, 1 where there is one, 2 where it fails.
 */
export async function printDifferences(
  subject: string,
  report: Report,
  { facts, none, some }: Telling,
  compare: (options: OperationOptions) => AsyncIterable<DifferentRange>,
): Promise<number> {
  return await report.interruptible(() => subject, async (signal) => {
    let ranges = 0;
    let bytes = 0;
    try {
      {
        using bar = report.progressBar();
        // Where the ranges go to the terminal themselves, a bar would stand between them.
        const onProgress = Deno.stdout.isTerminal() ? undefined : bar.show;
        for await (const { offset, length } of compare({ signal, onProgress })) {
          // The first range answers; where the others are nobody wants to know.
          if (report.quiet) return FINDING_STATUS;
          ranges++;
          bytes += length;
          report.tell(subject, { ...facts, offset, length }, () => `${offset} ${length}`);
        }
      }
      if (report.quiet) return 0;
      const total = ranges === 0
        ? none
        : `${counted(ranges, "range")}, ${formatBytes(bytes)}, ${ranges === 1 ? `${some}s` : some}`;
      // Who reads the numbers reads on to the end.
      if (!report.json && !Deno.stdout.isTerminal()) console.error(total);
      else report.tell(subject, { ...facts, ranges, bytes }, () => total);
      return ranges === 0 ? 0 : FINDING_STATUS;
    } catch (error) {
      signal.throwIfAborted();
      return report.fail(subject, error);
    }
  });
}
