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
import { runOperation } from "./long_operation.ts";

const compact: Command = command({
  about: "Frees blocks that hold zeros, or what the parent holds, and shortens the file.",
  operands: "FILE",
  options: {
    dryRun: flag("write nothing, and print how much shorter the file would be"),
    noZeroScan: flag("read no blocks: free only those that are known to be unused"),
    noBlockMoves: flag("free blocks, but move none"),
    json: flag(
      "print the result as one JSON object: path, dryRun, previousFileSize, fileSize, releasedBlocks, " +
        "movedBlocks",
    ),
  },
  permissions: [
    { kind: "read", scope: "FILE and its parents" },
    { kind: "write", scope: "FILE", unless: ["--dry-run"] },
  ],
  examples: [
    ["compact --dry-run disk.vhdx", "How much would it give?"],
    ["compact disk.vhdx", "Do it"],
  ],
  run({ operands: [path], options: { json: _, ...options }, report }) {
    const { dryRun } = options;
    return runOperation(path, report, {
      readOnly: dryRun,
      interrupted: () =>
        dryRun
          ? "nothing has been written"
          : "the image is sound, with the same disk in it; run the command again to finish",
      whenFull: "the image is sound, with the same disk in it",
      run: (disk, watch) => disk.compact({ ...options, ...watch }),
      describe,
    });
  },
});

export default compact;

function describe(report: CompleteCompactionReport): string {
  const { dryRun, previousFileSize, fileSize, releasedBlocks, movedBlocks } = report;
  const blocks = (count: number) => `${count} block${count === 1 ? "" : "s"}`;
  return dryRun
    ? `The file has ${formatBytes(previousFileSize)}; it would have ${
      formatBytes(fileSize)
    }, with ` +
      `${blocks(releasedBlocks)} freed and ${blocks(movedBlocks)} moved.`
    : `The file has ${formatBytes(fileSize)} now; it had ${formatBytes(previousFileSize)}. ` +
      `${blocks(releasedBlocks)} freed, ${blocks(movedBlocks)} moved.`;
}
