/**
 * The `metadata` command: user metadata of a VHDX.
 *
 * @module
 */
import { openVirtualDisk, type PortableVirtualDisk } from "../../portable.ts";
import { formatBytes } from "../text/digits.ts";
import { flag, guid, IGNORE_CHILDREN } from "./arguments.ts";
import { command } from "./command.ts";
import type { Command } from "./declaration.ts";
import { CommandFailure, UsageError } from "./failure.ts";
import type { Report } from "./report.ts";
import { assertNoTerminal, readAll, standardInput, writeOut } from "./streams.ts";

/** The format's limit for an item, in bytes. */
const MAX_ITEM = 2 ** 20;

const metadata: Command = command({
  about:
    "Lists the user metadata of a VHDX: the identifiers and lengths of its items. Options read or " +
    "change one of them.",
  operands: "FILE",
  options: {
    get: guid("write the bytes of this item to standard output"),
    set: guid("make an item of standard input, at most 1 MiB"),
    delete: guid("remove this item"),
    ignoreChildren: IGNORE_CHILDREN,
    json: flag(
      "print the result as one JSON object: path, items; or of one item: path, id, length; on standard " +
        "error if standard output gets the item",
    ),
  },
  permissions: [
    { kind: "read", scope: "FILE; with --set or --delete its folder" },
    { kind: "write", scope: "FILE", with: ["--set", "--delete"] },
  ],
  examples: [
    ["metadata disk.vhdx", "What items are there?"],
    ["metadata --set 0f0f3c4e-3b1c-4a9f-8a52-7a4de21b2b60 disk.vhdx < note.txt", "Store one"],
    ["metadata --delete 0f0f3c4e-3b1c-4a9f-8a52-7a4de21b2b60 disk.vhdx", "Take it away"],
  ],
  putsOutBytes: (_, options) => options.has("get"),
  async run({ operands: [path], options, report }) {
    const { get, set, delete: remove, ignoreChildren } = options;
    if ([get, set, remove].filter((id) => id !== undefined).length > 1) {
      throw new UsageError("metadata: use only one of --get, --set and --delete at a time");
    }
    if (get !== undefined) assertNoTerminal("metadata");
    try {
      if (get !== undefined) await getItem(path, get, report);
      else if (set !== undefined) await setItem(path, set, ignoreChildren, report);
      else if (remove !== undefined) await deleteItem(path, remove, ignoreChildren, report);
      else await list(path, report);
      return 0;
    } catch (error) {
      return report.fail(path, error);
    }
  },
});

export default metadata;

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
  if (bytes === undefined) {
    throw new CommandFailure(
      `an item must have at most ${MAX_ITEM} bytes; standard input has more`,
    );
  }
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
