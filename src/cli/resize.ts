/**
 * The `resize` command: another size for a disk.
 *
 * @module
 */
import type { ImageType, PortableVirtualDisk } from "../../portable.ts";
import { formatBytes } from "../text/digits.ts";
import { flag, IGNORE_CHILDREN, newSize, sizeAfter, word } from "./arguments.ts";
import { command } from "./command.ts";
import type { Command, Permission } from "./declaration.ts";
import { runOperation, type Watch } from "./long_operation.ts";
import type { Report } from "./report.ts";

const SMALLEST = "smallest-safe";

/** What `resize` and `expand` take alike. */
export const RESIZING = {
  type: word(
    "TYPE",
    ["vhd", "vhdx", "raw"],
    "vhd, vhdx or raw; default: found out, but raw only if you say so",
  ),
  ignoreChildren: IGNORE_CHILDREN,
  dryRun: flag("write nothing, and print what would become of the disk"),
  json: flag(
    "print the result as one JSON object: path, dryRun, virtualSize, previousSize, partitionTable, " +
      "restoredFromBackup, growablePartition",
  ),
} as const;

/** What `resize` and `expand` need alike. */
export const RESIZING_PERMISSIONS: readonly Permission[] = [
  { kind: "read", scope: "the folder of FILE, and its parents" },
  { kind: "write", scope: "FILE", unless: ["--dry-run"] },
];

const resize: Command = command({
  about:
    "Gives a disk another size. SIZE is the new size, 20G or 512MiB; or what to add: +10G; or " +
    "smallest-safe: up to the end of the last partition. A VHD can only grow. The backup of a GPT moves to " +
    "the new end, even if the size stays the same; a damaged GPT is restored from it first.",
  operands: "FILE SIZE",
  words: { SIZE: [SMALLEST] },
  options: {
    allowUnsafe: flag(
      "cut off partitions that do not fit; with --type raw, even if FILE plainly is something else",
    ),
    ...RESIZING,
  },
  permissions: RESIZING_PERMISSIONS,
  examples: [
    ["resize disk.vhdx +10G", "10 GiB more"],
    ["resize --dry-run disk.vhdx smallest-safe", "How small could it be?"],
  ],
  run({ operands: [path, text], options, report }) {
    const size = sizeAfter("resize", path, text, (given) => newSize(given, [SMALLEST]));
    const { type, dryRun, allowUnsafe, ignoreChildren } = options;
    return resizeAndTell(
      path,
      report,
      { type, dryRun },
      (disk, watch) => disk.resize(size, { dryRun, allowUnsafe, ignoreChildren, ...watch }),
    );
  },
});

export default resize;

type ResizeReport = Awaited<ReturnType<PortableVirtualDisk["resize"]>>;

/** Resizes with a progress bar; Ctrl-C cancels. Gives the exit status. */
export async function resizeAndTell(
  path: string,
  report: Report,
  { type, dryRun }: { readonly type: ImageType | "raw" | undefined; readonly dryRun: boolean },
  run: (disk: PortableVirtualDisk, watch: Watch) => Promise<ResizeReport>,
): Promise<number> {
  return await runOperation(path, report, {
    type,
    readOnly: dryRun,
    interrupted: dryRun ? () => "nothing has been written" : stateOf,
    whenFull: "the image is sound; `virtdisk info` shows whether its disk has the new size",
    run,
    describe,
  });
}

function stateOf(disk: PortableVirtualDisk): string {
  const { virtualSize } = disk.getInformation("size");
  return `the image is sound, and its disk has ${
    formatBytes(virtualSize)
  }; run the command again to finish`;
}

/** A few lines for a person. */
function describe(report: ResizeReport): string {
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
