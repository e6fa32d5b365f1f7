/**
 * The `free` command: what the file systems of a disk leave free.
 *
 * @module
 */
import { openVirtualDisk } from "../../portable.ts";
import { flag, TYPE } from "./arguments.ts";
import { command } from "./command.ts";
import type { Command } from "./declaration.ts";
import { describeFreeSpace, freeSpaceStatus } from "./free_space.ts";
import { ProgressBar, style } from "./terminal.ts";
import { sourceOf, URL_PERMISSION } from "./url_operand.ts";

const free: Command = command({
  about:
    "Says of each partition, or of a disk without partitions, which file system is in it, how much of it is " +
    "free, and how much of that is in blocks of the file that hold nothing else, which `compact --free-space` " +
    "gives back; or why it is kept whole.",
  operands: "FILE...",
  options: {
    type: TYPE,
    json: flag("print one JSON object per file and line: path, freeBytes, partitions"),
  },
  permissions: [{ kind: "read", scope: "each FILE and its parents" }, URL_PERMISSION],
  notes:
    "ext2, ext3, ext4, NTFS, FAT and exFAT are understood, if they were unmounted cleanly. Whatever is not " +
    "certain counts as used.",
  examples: [
    ["free disk.vhdx", "How much is free in it?"],
    ["free --json disk.vhdx", "The same for a program"],
  ],
  statuses: {
    0: "all file systems are understood",
    1: "something is kept whole that is not, and why is printed",
  },
  run({ operands: files, options: { type }, report }) {
    let current: string = files[0];
    let status = 0;
    return report.interruptible(() => current, async (signal) => {
      for (const path of files) {
        current = path;
        try {
          using disk = await openVirtualDisk(sourceOf(path), {
            backend: "portable",
            ...(type === undefined ? {} : { type }),
          });
          using bar = new ProgressBar();
          const space = await disk.freeSpace({ signal, onProgress: bar.show });
          report.tell(
            path,
            { ...space },
            () => [style("bold", disk.path), ...describeFreeSpace(space)].join("\n"),
          );
          status = Math.max(status, freeSpaceStatus(space));
        } catch (error) {
          signal.throwIfAborted();
          status = Math.max(status, report.fail(path, error));
        }
      }
      return status;
    });
  },
});

export default free;
