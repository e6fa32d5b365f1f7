/**
 * Prints where disks differ.
 *
 * @module
 */
import type { DifferentRange, OperationOptions } from "../../mod.ts";
import { FINDING_STATUS } from "./failure.ts";
import { ProgressBar } from "./progress_bar.ts";
import type { Report } from "./report.ts";

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
      const onProgress = Deno.stdout.isTerminal() ? undefined : bar.show;
      for await (const range of compare({ signal, onProgress })) {
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
