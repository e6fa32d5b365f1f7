/**
 * Has a long operation done to an image, and tells what has become of it.
 *
 * @module
 */
import { type ImageType, openVirtualDisk, type PortableVirtualDisk } from "../../mod.ts";
import { present } from "./arguments.ts";
import { ProgressBar } from "./progress_bar.ts";
import { Report } from "./report.ts";

/** What an operation is given by the command line. */
export interface Watch {
  readonly signal: AbortSignal;
  readonly onProgress: ProgressBar["show"];
}

/** An operation of the command line. */
export interface Maintenance<Outcome extends object> {
  /** Its name. */
  readonly subcommand: string;
  readonly path: string;
  readonly type?: ImageType | "raw" | undefined;
  readonly readOnly: boolean;
  readonly json: boolean;
  /** In which state the files are after Ctrl-C, for a person. */
  interrupted(disk: PortableVirtualDisk): string;
  /** In which state they are when a file can grow no further; absent if none is made to. */
  readonly whenFull?: string;
  run(disk: PortableVirtualDisk, watch: Watch): Promise<Outcome>;
  /** The outcome for a person. */
  describe(outcome: Outcome): string;
  /** The outcome for a program; by default as it is. */
  facts?(outcome: Outcome): object;
}

/** Runs an operation with a progress bar; Ctrl-C cancels. Gives the exit status. */
export async function maintainAndTell<Outcome extends object>(
  operation: Maintenance<Outcome>,
): Promise<number> {
  const { subcommand, path, type, readOnly, json } = operation;
  const report = new Report(subcommand, { json });
  let state: string | undefined;
  try {
    return await report.interruptible(() => path, async (signal) => {
      using disk = await openVirtualDisk(path, {
        backend: "portable",
        readOnly,
        ...present({ type }),
      });
      const outcome = await withBar(disk, signal, operation).catch((error) => {
        if (signal.aborted) state = operation.interrupted(disk);
        throw error;
      });
      const { facts = (each: Outcome) => each } = operation;
      report.tellDone(path, facts(outcome), () => operation.describe(outcome));
      return 0;
    }, () => state);
  } catch (error) {
    return report.fail(path, error, operation.whenFull);
  }
}

async function withBar<Outcome extends object>(
  disk: PortableVirtualDisk,
  signal: AbortSignal,
  { run }: Maintenance<Outcome>,
): Promise<Outcome> {
  using bar = new ProgressBar();
  return await run(disk, { signal, onProgress: bar.show });
}
