/**
 * Gives a disk another size and tells what has become of it.
 *
 * @module
 */
import type { ImageType, PortableVirtualDisk } from "../../mod.ts";
import { formatBytes } from "./format_bytes.ts";
import { maintainAndTell, type Watch } from "./maintained.ts";

/** How the image is opened, and how the result is told. */
export interface ResizedOptions {
  /** Which command it is. */
  readonly subcommand: "expand" | "resize";
  readonly type?: ImageType | "raw" | undefined;
  readonly dryRun: boolean;
  readonly json: boolean;
}

type ResizeReport = Awaited<ReturnType<PortableVirtualDisk["resize"]>>;

/** Resizes with a progress bar; Ctrl-C cancels. Gives the exit status. */
export async function resizeAndTell(
  path: string,
  { subcommand, type, dryRun, json }: ResizedOptions,
  resize: (disk: PortableVirtualDisk, watch: Watch) => Promise<ResizeReport>,
): Promise<number> {
  return await maintainAndTell({
    subcommand,
    path,
    type,
    readOnly: dryRun,
    json,
    interrupted: dryRun ? () => "nothing has been written" : stateOf,
    whenFull: "the image is sound; `virtdisk info` shows whether its disk has the new size",
    run: resize,
    describe: describeResize,
  });
}

function stateOf(disk: PortableVirtualDisk): string {
  const { virtualSize } = disk.getInformation("size");
  return `the image is sound, and its disk has ${
    formatBytes(virtualSize)
  }; run the command again to finish`;
}

/** A few lines for a person. */
function describeResize(report: ResizeReport): string {
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
