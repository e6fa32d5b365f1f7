/**
 * Has a long operation done to an image, and tells what has become of it.
 *
 * @module
 */
import { type ImageType, openVirtualDisk, type PortableVirtualDisk } from "../../mod.ts";
import { present } from "./arguments.ts";
import { fail } from "./failure.ts";
import { interruptible } from "./interruption.ts";
import { ProgressBar } from "./progress_bar.ts";
import { printResult } from "./standard_output.ts";

/** What an operation is given by the command line. */
export interface Watch {
  readonly signal: AbortSignal;
  readonly onProgress: ProgressBar["show"];
}

/** An operation of the command line. */
export interface Maintenance<Report extends object> {
  readonly path: string;
  readonly type?: ImageType | "raw" | undefined;
  readonly readOnly: boolean;
  readonly json: boolean;
  /** In which state the files are after Ctrl-C, for a person. */
  interrupted(disk: PortableVirtualDisk): string;
  /** In which state they are when a file can grow no further; absent if none is made to. */
  readonly whenFull?: string;
  run(disk: PortableVirtualDisk, watch: Watch): Promise<Report>;
  /** The report for a person. */
  describe(report: Report): string;
}

/** Runs an operation with a progress bar; Ctrl-C cancels. Gives the exit status. */
export async function maintainAndTell<Report extends object>(
  operation: Maintenance<Report>,
): Promise<number> {
  const { path, type, readOnly, json } = operation;
  let state: string | undefined;
  try {
    return await interruptible(async (signal) => {
      using disk = await openVirtualDisk(path, {
        backend: "portable",
        readOnly,
        ...present({ type }),
      });
      const report = await withBar(disk, signal, operation).catch((error) => {
        if (signal.aborted) state = operation.interrupted(disk);
        throw error;
      });
      printResult(
        json ? JSON.stringify({ path: disk.path, ...report }) : operation.describe(report),
      );
      return 0;
    }, () => state);
  } catch (error) {
    return fail(path, error, operation.whenFull);
  }
}

async function withBar<Report extends object>(
  disk: PortableVirtualDisk,
  signal: AbortSignal,
  { run }: Maintenance<Report>,
): Promise<Report> {
  using bar = new ProgressBar();
  return await run(disk, { signal, onProgress: bar.show });
}
