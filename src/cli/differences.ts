/**
 * Prints where disks differ.
 *
 * @module
 */
import type { DifferentRange, OperationOptions } from "../../mod.ts";
import { fail, FINDING_STATUS } from "./failure.ts";
import { interruptible } from "./interruption.ts";
import { ProgressBar } from "./progress_bar.ts";
import { printLine } from "./standard_output.ts";

/**
 * Prints ranges as they are found.
 *
 * @param subject The file that a failure is about.
 * @param compare Begins the comparison.
 * @returns The exit status: 0 where there is no range, 1 where there is one, 2 where it fails.
 */
export async function printDifferences(
  subject: string,
  json: boolean,
  compare: (options: OperationOptions) => AsyncIterable<DifferentRange>,
): Promise<number> {
  return await interruptible(async (signal) => {
    let status = 0;
    try {
      using bar = new ProgressBar();
      // Where the ranges go to the terminal themselves, a bar would stand between them.
      const onProgress = Deno.stdout.isTerminal() ? undefined : bar.show;
      for await (const range of compare({ signal, onProgress })) {
        status = FINDING_STATUS;
        printLine(json ? JSON.stringify(range) : `${range.offset} ${range.length}`);
      }
      return status;
    } catch (error) {
      signal.throwIfAborted();
      return fail(subject, error);
    }
  });
}
