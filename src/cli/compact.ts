/**
 * The `compact` command: a shorter file for the same disk.
 *
 * @module
 */
import type { CompleteCompactionReport } from "../../mod.ts";
import { exactly, parseArguments } from "./arguments.ts";
import { formatBytes } from "./format_bytes.ts";
import { maintainAndTell } from "./maintained.ts";

/** How the command is called. */
export const COMPACT_USAGE = `virtdisk compact [OPTION...] FILE
  frees blocks that hold zeros, or what the parent holds, and shortens the file
  --dry-run           write nothing, and print how much shorter the file would be
  --no-zero-scan      read no block: free only what is known to be unused
  --no-block-moves    free blocks, but move none
  --json              print the result as one JSON object: path, dryRun, previousFileSize, fileSize,
                      releasedBlocks, movedBlocks

Permissions: --allow-read for FILE and its parents, --allow-write for FILE.`;

/**
 * Runs the command.
 *
 * @throws {UsageError} Where the arguments cannot be understood.
 */
export async function compact(args: string[]): Promise<number> {
  const { values, positionals } = parseArguments("compact", args, {
    "dry-run": { type: "boolean", default: false },
    "no-zero-scan": { type: "boolean", default: false },
    "no-block-moves": { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  });
  const [path = ""] = exactly("compact", positionals, "FILE");
  const dryRun = values["dry-run"];
  const options = {
    dryRun,
    noZeroScan: values["no-zero-scan"],
    noBlockMoves: values["no-block-moves"],
  };
  return await maintainAndTell({
    subcommand: "compact",
    path,
    readOnly: dryRun,
    json: values.json,
    interrupted: () =>
      dryRun
        ? "nothing has been written"
        : "the image is sound, with the same disk in it; run the command again to finish",
    whenFull: "the image is sound, with the same disk in it",
    run: (disk, watch) => disk.compact({ ...options, ...watch }),
    describe,
  });
}

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
