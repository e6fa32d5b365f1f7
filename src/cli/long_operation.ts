/**
 * Has a long operation done to an image, and tells what has become of it.
 *
 * @module
 */
import { type ImageType, openVirtualDisk, type PortableVirtualDisk } from "../../portable.ts";
import type { Report } from "./report.ts";
import { ProgressBar } from "./terminal.ts";

/** What an operation is given by the command line. */
export interface Watch {
  readonly signal: AbortSignal;
  readonly onProgress: ProgressBar["show"];
}

/** An operation of the command line. */
export interface LongOperation<Outcome extends object> {
  readonly type?: ImageType | "raw" | undefined;
  readonly readOnly: boolean;
  /** In which state the files are after Ctrl-C, for a person. */
  interrupted(disk: PortableVirtualDisk): string;
  /** In which state they are when a file can grow no further; absent if none is made to. */
  readonly whenFull?: string;
  run(disk: PortableVirtualDisk, watch: Watch): Promise<Outcome>;
  /** The outcome for a person. */
  describe(outcome: Outcome): string;
  /** The outcome for a program; by default as it is. */
  facts?(outcome: Outcome): object;
  /** The exit status once it is done; by default 0. */
  status?(outcome: Outcome): number;
}

/** Runs an operation with a progress bar; Ctrl-C cancels. Gives the exit status. */
export async function runOperation<Outcome extends object>(
  path: string,
  report: Report,
  operation: LongOperation<Outcome>,
): Promise<number> {
  const { type, readOnly } = operation;
  let state: string | undefined;
  try {
    return await report.interruptible(() => path, async (signal) => {
      using disk = await openVirtualDisk(path, {
        backend: "portable",
        readOnly,
        ...(type === undefined ? {} : { type }),
      });
      const outcome = await withBar(disk, signal, operation).catch((error) => {
        if (signal.aborted) state = operation.interrupted(disk);
        throw error;
      });
      const { facts = (each: Outcome) => each } = operation;
      report.tellDone(path, facts(outcome), () => operation.describe(outcome));
      return operation.status?.(outcome) ?? 0;
    }, () => state);
  } catch (error) {
    return report.fail(path, error, operation.whenFull);
  }
}

async function withBar<Outcome extends object>(
  disk: PortableVirtualDisk,
  signal: AbortSignal,
  { run }: LongOperation<Outcome>,
): Promise<Outcome> {
  using bar = new ProgressBar();
  return await run(disk, { signal, onProgress: bar.show });
}
