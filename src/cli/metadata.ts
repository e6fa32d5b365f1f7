/**
 * The `metadata` command: user metadata of a VHDX.
 *
 * @module
 */
import { openVirtualDisk, type PortableVirtualDisk } from "../../mod.ts";
import { exactly, parseArguments } from "./arguments.ts";
import { fail, FAILED_STATUS } from "./failure.ts";
import { formatBytes } from "./format_bytes.ts";
import { readAll, standardInput } from "./standard_input.ts";
import { assertNoTerminal, printLine, writeOut } from "./standard_output.ts";
import { UsageError } from "./usage_error.ts";

/** How the command is called. */
export const METADATA_USAGE = `virtdisk metadata [OPTION] FILE
  without an option   list the items: ids and lengths; with --json as one JSON object
  --get GUID          write an item's bytes to standard output
  --set GUID          make standard input, at most 1 MiB, an item
  --delete GUID       remove an item
  --ignore-children   go on if the image has children in its folder, which become invalid, or if that
                      cannot be found out

Permissions: --allow-read for FILE; with --set or --delete --allow-read for the folder of FILE, --allow-write
for FILE.`;

/** The format's limit for an item, in bytes. */
const MAX_ITEM = 2 ** 20;

/**
 * Runs the command.
 *
 * @throws {UsageError} Where the arguments cannot be understood.
 */
export async function metadata(args: string[]): Promise<number> {
  const { values, positionals } = parseArguments("metadata", args, {
    get: { type: "string" },
    set: { type: "string" },
    delete: { type: "string" },
    "ignore-children": { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  });
  const [path = ""] = exactly("metadata", positionals, "FILE");
  const { get, set, delete: remove, json } = values;
  if ([get, set, remove].filter((id) => id !== undefined).length > 1) {
    throw new UsageError("metadata: one of --get, --set and --delete at a time");
  }
  const ignoreChildren = values["ignore-children"];
  if (get !== undefined) assertNoTerminal("metadata");
  try {
    if (get !== undefined) return await getItem(path, get);
    if (set !== undefined) return await setItem(path, set, ignoreChildren);
    if (remove !== undefined) return await deleteItem(path, remove, ignoreChildren);
    return await list(path, json);
  } catch (error) {
    return fail(path, error);
  }
}

async function list(path: string, json: boolean): Promise<number> {
  using disk = await openReadable(path);
  const lengths = [...disk.metadata].map(([id, bytes]) => [id, bytes.length] as const);
  if (json) printLine(JSON.stringify(Object.fromEntries(lengths)));
  else for (const [id, length] of lengths) printLine(`${id}  ${formatBytes(length)}`);
  return 0;
}

async function getItem(path: string, id: string): Promise<number> {
  using disk = await openReadable(path);
  const bytes = disk.metadata.get(id);
  if (bytes === undefined) return missing(path, id);
  writeOut(bytes);
  return 0;
}

async function setItem(path: string, id: string, ignoreChildren: boolean): Promise<number> {
  const bytes = await readAll(standardInput("metadata"), MAX_ITEM);
  if (bytes === undefined) {
    console.error(`virtdisk: ${JSON.stringify(path)}: an item has at most ${MAX_ITEM} bytes`);
    return FAILED_STATUS;
  }
  using disk = await openWritable(path, ignoreChildren);
  disk.metadata.set(id, bytes);
  return 0;
}

async function deleteItem(path: string, id: string, ignoreChildren: boolean): Promise<number> {
  using disk = await openWritable(path, ignoreChildren);
  return disk.metadata.delete(id) ? 0 : missing(path, id);
}

function missing(path: string, id: string): number {
  console.error(`virtdisk: ${JSON.stringify(path)}: there is no metadata item ${id}`);
  return FAILED_STATUS;
}

function openReadable(path: string): Promise<PortableVirtualDisk> {
  return openVirtualDisk(path, { backend: "portable", flags: ["no-parents"] });
}

function openWritable(path: string, ignoreChildren: boolean): Promise<PortableVirtualDisk> {
  return openVirtualDisk(path, { backend: "portable", readOnly: false, ignoreChildren });
}
