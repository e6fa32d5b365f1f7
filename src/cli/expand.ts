/**
 * The `expand` command: a larger size for a disk.
 *
 * @module
 */
import { newSize, sizeAfter } from "./arguments.ts";
import { command } from "./command.ts";
import type { Command } from "./declaration.ts";
import { resizeAndTell, RESIZING, RESIZING_PERMISSIONS } from "./resize.ts";

const expand: Command = command({
  about:
    "Makes a disk larger. SIZE is the new size, larger than the present one, 20G or 512MiB; or what to add: " +
    "+10G. The backup of a GPT moves to the new end; a damaged GPT is restored from it first.",
  operands: "FILE SIZE",
  options: RESIZING,
  permissions: RESIZING_PERMISSIONS,
  examples: [["expand disk.vhdx +10G", "10 GiB more"], [
    "expand --dry-run disk.vhdx 80GiB",
    "Would 80 GiB in all be possible?",
  ]],
  run({ operands: [path, text], options: { type, dryRun, ignoreChildren }, report }) {
    const size = sizeAfter("expand", path, text, newSize);
    return resizeAndTell(
      path,
      report,
      { type, dryRun },
      (disk, watch) => disk.expand(size, { ignoreChildren, dryRun, ...watch }),
    );
  },
});

export default expand;
