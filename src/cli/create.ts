/**
 * The `create` command: a new, empty image.
 *
 * @module
 */
import { flag, parsedSize, path, sizeAfter } from "./arguments.ts";
import { command } from "./command.ts";
import type { Command } from "./declaration.ts";
import { UsageError } from "./failure.ts";
import { createAndTell, NEW_DISK, NEW_DISK_JSON, REPLACING } from "./new_disk.ts";

const create: Command = command({
  about: "Makes an empty image, or with --parent a differencing one.",
  operands: "FILE [SIZE]",
  options: {
    ...NEW_DISK,
    parent: path("FILE", "make a differencing disk of this image"),
    ...REPLACING,
    json: flag(NEW_DISK_JSON),
  },
  permissions: [
    { kind: "read", scope: "the folder of FILE, and the parent with its parents" },
    { kind: "write", scope: "the folder of FILE" },
  ],
  examples: [
    ["create new.vhdx 10GiB", "A dynamic VHDX"],
    ["create --subtype fixed --overwrite disk.vhd 64MiB", "A fixed VHD, in place of an older one"],
    ["create --parent base.vhdx new.vhdx", "A differencing disk"],
  ],
  run({ operands: [path, second], options, report }) {
    const { json: _, ...others } = options;
    const size = second === undefined
      ? options.size
      : sizeAfter("create", path, second, (text) => parsedSize("SIZE", text));
    if (second !== undefined && options.size !== undefined) {
      throw new UsageError("create: SIZE and --size say the same; leave one out");
    }
    if (options.parent === undefined && size === undefined) {
      throw new UsageError("create: SIZE is missing, or --parent");
    }
    return createAndTell(path, { ...others, ...(size === undefined ? {} : { size }) }, report);
  },
});

export default create;
