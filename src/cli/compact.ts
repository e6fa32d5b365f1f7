/**
 * The `compact` command: a shorter file for the same disk.
 *
 * @module
 */
import type { CompleteCompactionReport } from "../../portable.ts";
import { formatBytes } from "../text/digits.ts";
import { flag } from "./arguments.ts";
import { command } from "./command.ts";
import type { Command } from "./declaration.ts";
import { UsageError } from "./failure.ts";
import { describeFreeSpace, freeSpaceStatus } from "./free_space.ts";
import { runOperation } from "./long_operation.ts";

const compact: Command = command({
  about:
    "Frees blocks that hold zeros, or what the parent holds, and shortens the file. With --free-space it " +
    "also frees what the file systems on the disk say is free: deleted files cannot be recovered then.",
  operands: "FILE",
  options: {
    freeSpace: flag(
      "free also the blocks in which the file systems on the disk have nothing, if they were unmounted " +
        "cleanly; not for the parent of other images",
    ),
    ignoreChildren: flag(
      "with --free-space: even if children of the image are in its folder, which become invalid, or if it " +
        "cannot be found out whether there are any",
    ),
    dryRun: flag("write nothing, and print how much shorter the file would be"),
    noZeroScan: flag("read no blocks: free only those that are known to be unused"),
    noBlockMoves: flag("free blocks, but move none"),
    json: flag(
      "print the result as one JSON object: path, dryRun, previousFileSize, fileSize, releasedBlocks, " +
        "movedBlocks; with --free-space freeSpace",
    ),
  },
  permissions: [
    { kind: "read", scope: "FILE and its parents; with --free-space the folder of FILE" },
    { kind: "write", scope: "FILE", unless: ["--dry-run"] },
  ],
  examples: [
    ["compact --dry-run disk.vhdx", "How much would it give?"],
    ["compact disk.vhdx", "Do it"],
    ["compact --free-space --dry-run disk.vhdx", "And with what the file systems leave free?"],
  ],
  statuses: { 1: "with --free-space: something on the disk is kept whole, and why is printed" },
  run({ operands: [path], options: { json: _, ignoreChildren, ...options }, report }) {
    const { dryRun, freeSpace } = options;
    if (ignoreChildren && !freeSpace) {
      throw new UsageError("compact: --ignore-children needs --free-space");
    }
    return runOperation(path, report, {
      readOnly: dryRun,
      interrupted: () =>
        dryRun
          ? "nothing has been written"
          : "the image is sound, with the same disk in it; run the command again to finish",
      whenFull: "the image is sound, with the same disk in it",
      run: (disk, watch) =>
        disk.compact({ ...options, ...(ignoreChildren ? { ignoreChildren } : {}), ...watch }),
      describe,
      status: ({ freeSpace }) => freeSpace === undefined ? 0 : freeSpaceStatus(freeSpace),
    });
  },
});

export default compact;

function describe(report: CompleteCompactionReport): string {
  const { dryRun, previousFileSize, fileSize, releasedBlocks, movedBlocks } = report;
  const space = report.freeSpace === undefined ? [] : describeFreeSpace(report.freeSpace);
  const blocks = (count: number) => `${count} block${count === 1 ? "" : "s"}`;
  const outcome = dryRun
    ? `The file has ${formatBytes(previousFileSize)}; it would have ${
      formatBytes(fileSize)
    }, with ` +
      `${blocks(releasedBlocks)} freed and ${blocks(movedBlocks)} moved.`
    : `The file has ${formatBytes(fileSize)} now; it had ${formatBytes(previousFileSize)}. ` +
      `${blocks(releasedBlocks)} freed, ${blocks(movedBlocks)} moved.`;
  return [outcome, ...space].join("\n");
}
