/**
 * The `create` command: a new, empty image.
 *
 * @module
 */
import { exactly, fileAndSize, parseArguments, present, size } from "./arguments.ts";
import { createAndTell } from "./created.ts";
import { NEW_DISK_OPTIONS, NEW_DISK_USAGE, newDiskOptions } from "./new_disk_options.ts";
import { Report } from "./report.ts";
import { UsageError } from "./usage_error.ts";

/** How the command is called. */
export const CREATE_USAGE = `virtdisk create [OPTION...] FILE [SIZE]
${NEW_DISK_USAGE}
  --parent FILE       make a differencing disk of this image
  --overwrite         replace a file of that name
  --ignore-children   even if that file has children in its folder, which become invalid, or if that
                      cannot be found out
  --json              print what was made as one JSON object: path, backend, information, chain

Permissions: --allow-read and --allow-write for the folder of FILE; with --parent --allow-read for that image
and its parents.`;

/**
 * Runs the command.
 *
 * @throws {UsageError} Where the arguments cannot be understood.
 */
export async function create(args: string[]): Promise<number> {
  const { values, positionals } = parseArguments("create", args, {
    ...NEW_DISK_OPTIONS,
    parent: { type: "string" },
    overwrite: { type: "boolean", default: false },
    "ignore-children": { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  });
  const { parent, overwrite, json } = values;
  const { path, size: second } = positionals.length === 2
    ? fileAndSize("create", positionals, (text) => size("SIZE", text))
    : { path: exactly("create", positionals, "FILE")[0]!, size: undefined };
  const options = {
    ...newDiskOptions(values),
    ...present({ parent }),
    ...present({ size: second }),
    overwrite,
    ignoreChildren: values["ignore-children"],
  };
  if (second !== undefined && values.size !== undefined) {
    throw new UsageError("create: SIZE and --size say the same; leave one out");
  }
  if (parent === undefined && options.size === undefined) {
    throw new UsageError("create: SIZE is missing, or --parent");
  }
  return await createAndTell(path, options, new Report("create", { json }));
}
