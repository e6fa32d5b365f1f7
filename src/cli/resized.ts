/**
 * Gives a disk another size and tells what has become of it.
 *
 * @module
 */
import {
  type ImageType,
  openVirtualDisk,
  type PortableVirtualDisk,
  type ResizeReport,
} from "../../mod.ts";
import { present } from "./arguments.ts";
import { fail } from "./failure.ts";
import { formatBytes } from "./format_bytes.ts";
import { interruptible } from "./interruption.ts";
import { ProgressBar } from "./progress_bar.ts";
import { printLine } from "./standard_output.ts";

/** What the operation is given by the command line. */
export interface Watch {
  readonly signal: AbortSignal;
  readonly onProgress: ProgressBar["show"];
}

/** How the image is opened, and how the result is told. */
export interface ResizedOptions {
  readonly type?: ImageType | "raw" | undefined;
  readonly dryRun: boolean;
  readonly json: boolean;
}

/** Resizes with a progress bar; Ctrl-C cancels. Gives the exit status. */
export async function resizeAndTell(
  path: string,
  { type, dryRun, json }: ResizedOptions,
  resize: (disk: PortableVirtualDisk, watch: Watch) => Promise<ResizeReport>,
): Promise<number> {
  let state: string | undefined;
  try {
    return await interruptible(async (signal) => {
      using disk = await openVirtualDisk(path, {
        backend: "portable",
        readOnly: dryRun,
        ...present({ type }),
      });
      const report = await withBar(disk, signal, resize).catch((error) => {
        if (signal.aborted) state = stateOf(disk);
        throw error;
      });
      printLine(json ? JSON.stringify({ path: disk.path, ...report }) : describeResize(report));
      return 0;
    }, () => state);
  } catch (error) {
    return fail(path, error);
  }
}

function stateOf(disk: PortableVirtualDisk): string {
  const { virtualSize } = disk.getInformation("size");
  return `the image is sound, and its disk has ${
    formatBytes(virtualSize)
  }; run the command again to finish`;
}

async function withBar(
  disk: PortableVirtualDisk,
  signal: AbortSignal,
  resize: (disk: PortableVirtualDisk, watch: Watch) => Promise<ResizeReport>,
): Promise<ResizeReport> {
  using bar = new ProgressBar();
  return await resize(disk, { signal, onProgress: bar.show });
}

/** A few lines for a person. */
export function describeResize(report: ResizeReport): string {
  const { dryRun, virtualSize, previousSize, restoredFromBackup, growablePartition } = report;
  const [size, former] = [formatBytes(virtualSize), formatBytes(previousSize)];
  const lines = [
    virtualSize === previousSize
      ? `The disk has ${size}, as before.`
      : dryRun
      ? `The disk has ${former}; it would have ${size}.`
      : `The disk has ${size} now; it had ${former}.`,
  ];
  if (restoredFromBackup) {
    const outcome = dryRun ? "is damaged, and would be" : "was damaged, and has been";
    lines.push(`Its GPT ${outcome} restored from the backup.`);
  }
  if (growablePartition !== undefined) {
    const { number, length, maximumLength } = growablePartition;
    lines.push(
      `Partition ${number} ${dryRun ? "could" : "can"} grow ` +
        `from ${formatBytes(length)} to ${formatBytes(maximumLength)}.`,
    );
  }
  return lines.join("\n");
}
