/**
 * New images: the options of `create` and `convert` that say what the image is, and how it is made.
 *
 * @module
 */
import { type CreateOptions, createVirtualDisk } from "../../portable.ts";
import { flag, guid, size, word } from "./arguments.ts";
import { describe, inspectionJson, inspectionOf } from "./inspection.ts";
import type { Report } from "./report.ts";
import { ProgressBar } from "./terminal.ts";

/** What the new image is: the options of `createVirtualDisk` and `imageStream`. */
export const NEW_DISK = {
  type: word(
    "TYPE",
    ["vhd", "vhdx", "raw"],
    "vhd, vhdx or raw; default: what the extension of the new file says, .raw and .img too",
  ),
  subtype: word("SUBTYPE", ["dynamic", "fixed"], "dynamic or fixed; default: dynamic"),
  preallocate: flag(
    "write all of a fixed disk: without it the file is sparse, which Windows may refuse to attach, and " +
      "a full volume may break it later",
  ),
  size: size(
    "of the disk: 10G, 64MiB, 1.5TB; units are powers of 1024, G, GB and GiB are the same",
  ),
  alignment: size("round the size up to a multiple of this: 1MiB, as Azure asks of fixed VHDs"),
  blockSize: size("of a dynamic image; default: 2MiB for a VHD, 32MiB for a VHDX"),
  sectorSize: size("512 or 4096; default: 512"),
  physicalSectorSize: size("512 or 4096; default: 512 for a VHD, 4096 for a VHDX"),
  identifier: guid("of the image; default: a random one"),
} as const;

/** What `createVirtualDisk` is asked about a file that is there already. */
export const REPLACING = {
  overwrite: flag("replace a file of that name"),
  ignoreChildren: flag(
    "with --overwrite: even if children of that file are in its folder, which become invalid, or if it " +
      "cannot be found out whether there are any",
  ),
} as const;

/** What is told of a new image. */
export const NEW_DISK_JSON =
  "print what was made as one JSON object: path, backend, information, chain";

/** Creates the image, with a progress bar; Ctrl-C cancels. Gives the exit status. */
export async function createAndTell(
  path: string,
  options: Omit<CreateOptions, "backend">,
  report: Report,
): Promise<number> {
  try {
    return await report.interruptible(() => path, async (signal) => {
      using disk = await createWithBar(path, { ...options, signal });
      const inspection = inspectionOf(disk);
      report.tellDone(path, inspectionJson(inspection), () => describe(inspection));
      return 0;
    }, () => `there is no new image${options.overwrite ? ", and an old one is as it was" : ""}`);
  } catch (error) {
    return report.fail(path, error);
  }
}

/** The portable backend makes the same image on every system. */
async function createWithBar(path: string, options: Omit<CreateOptions, "backend">) {
  using bar = new ProgressBar();
  return await createVirtualDisk(path, { ...options, backend: "portable", onProgress: bar.show });
}
