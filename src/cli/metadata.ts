/**
 * The `metadata` command: user metadata of a VHDX.
 *
 * @module
 */
import { openVirtualDisk, type PortableVirtualDisk } from "../../mod.ts";
import { exactly, guid, parseArguments } from "./arguments.ts";
import { CommandFailure } from "./failure.ts";
import { formatBytes } from "./format_bytes.ts";
import { Report } from "./report.ts";
import { readAll, standardInput } from "./standard_input.ts";
import { assertNoTerminal, writeOut } from "./standard_output.ts";
import { UsageError } from "./usage_error.ts";

/** How the command is called. */
export const METADATA_USAGE = `virtdisk metadata [OPTION] FILE
  without an option   list the items: ids and lengths
  --get GUID          write an item's bytes to standard output
  --set GUID          make standard input, at most 1 MiB, an item
  --delete GUID       remove an item
  --json              print the result as one JSON object: path, items; or of one item: path, id, length; on
                      standard error if standard output gets the item
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
  const { json } = values;
  const [get, set, remove] = (["get", "set", "delete"] as const).map((option) =>
    values[option] === undefined ? undefined : guid(`--${option}`, values[option])
  );
  if ([get, set, remove].filter((id) => id !== undefined).length > 1) {
    throw new UsageError("metadata: one of --get, --set and --delete at a time");
  }
  const ignoreChildren = values["ignore-children"];
  if (get !== undefined) assertNoTerminal("metadata");
  const report = new Report("metadata", { json, besideBytes: get !== undefined });
  try {
    if (get !== undefined) await getItem(path, get, report);
    else if (set !== undefined) await setItem(path, set, ignoreChildren, report);
    else if (remove !== undefined) await deleteItem(path, remove, ignoreChildren, report);
    else await list(path, report);
    return 0;
  } catch (error) {
    return report.fail(path, error);
  }
}

async function list(path: string, report: Report): Promise<void> {
  using disk = await openReadable(path);
  const items = [...disk.metadata].map(([id, bytes]) => ({ id, length: bytes.length }));
  const text = () => items.map(({ id, length }) => `${id}  ${formatBytes(length)}`).join("\n");
  report.tell(path, { items }, items.length === 0 ? undefined : text);
}

async function getItem(path: string, id: string, report: Report): Promise<void> {
  using disk = await openReadable(path);
  const bytes = disk.metadata.get(id);
  if (bytes === undefined) throw missing(id);
  writeOut(bytes);
  report.tell(path, { id, length: bytes.length });
}

async function setItem(
  path: string,
  id: string,
  ignoreChildren: boolean,
  report: Report,
): Promise<void> {
  const bytes = await readAll(standardInput("metadata"), MAX_ITEM);
  if (bytes === undefined) throw new CommandFailure(`an item has at most ${MAX_ITEM} bytes`);
  using disk = await openWritable(path, ignoreChildren);
  disk.metadata.set(id, bytes);
  report.tellDone(path, { id, length: bytes.length });
}

async function deleteItem(
  path: string,
  id: string,
  ignoreChildren: boolean,
  report: Report,
): Promise<void> {
  using disk = await openWritable(path, ignoreChildren);
  if (!disk.metadata.delete(id)) throw missing(id);
  report.tellDone(path, { id });
}

function missing(id: string): CommandFailure {
  return new CommandFailure(`there is no metadata item ${id}`);
}

function openReadable(path: string): Promise<PortableVirtualDisk> {
  return openVirtualDisk(path, { backend: "portable", flags: ["no-parents"] });
}

function openWritable(path: string, ignoreChildren: boolean): Promise<PortableVirtualDisk> {
  return openVirtualDisk(path, { backend: "portable", readOnly: false, ignoreChildren });
}
