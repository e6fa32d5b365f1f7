/**
 * The `create` command: a new, empty image.
 *
 * @module
 */
import { exactly, parseArguments, present } from "./arguments.ts";
import { createAndTell } from "./created.ts";
import { NEW_DISK_OPTIONS, NEW_DISK_USAGE, newDiskOptions } from "./new_disk_options.ts";
import { UsageError } from "./usage_error.ts";

/** How the command is called. */
export const CREATE_USAGE = `virtdisk create [OPTION...] FILE
${NEW_DISK_USAGE}
  --parent FILE       make a differencing disk of this image
  --overwrite         replace a file of that name
  --json              tell what was made as one JSON object: path, backend, information, chain

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
    json: { type: "boolean", default: false },
  });
  const [path = ""] = exactly("create", positionals, "FILE");
  const { parent, overwrite, json } = values;
  if (parent === undefined && values.size === undefined) {
    throw new UsageError("create: --size or --parent is needed");
  }
  const options = { ...newDiskOptions(values), ...present({ parent }), overwrite };
  return await createAndTell(path, options, json);
}
