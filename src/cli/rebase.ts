/**
 * The `rebase` command: tells a child where its parent is.
 *
 * @module
 */
import { openVirtualDisk } from "../../mod.ts";
import { exactly, parseArguments } from "./arguments.ts";
import { fail } from "./failure.ts";
import { interruptible } from "./interruption.ts";
import { printLine } from "./standard_output.ts";

/** How the command is called. */
export const REBASE_USAGE = `virtdisk rebase [OPTION...] CHILD PARENT
  stores in CHILD that PARENT is its parent: after a move, or where another copy is to be used
  --ignore-mismatch   even if PARENT is not the disk that CHILD was made from, or has changed since:
                      the contents may be a mix of what never belonged together
  --json              one JSON object: path, parent, parentIdentifier`;

/**
 * Runs the command.
 *
 * @throws {UsageError} Where the arguments cannot be understood.
 */
export async function rebase(args: string[]): Promise<number> {
  const { values, positionals } = parseArguments("rebase", args, {
    "ignore-mismatch": { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  });
  const [path = "", parent = ""] = exactly("rebase", positionals, "CHILD PARENT");
  try {
    // It is done in one go: Ctrl-C meanwhile finds it done.
    return await interruptible(async () => {
      using disk = await openVirtualDisk(path, {
        backend: "portable",
        readOnly: false,
        flags: ["no-parents"],
      });
      const ignoreMismatch = values["ignore-mismatch"];
      disk.setInformation("parentPath", { path: parent, ignoreMismatch });
      const parentIdentifier = disk.getInformation("parentIdentifier");
      if (values.json) printLine(JSON.stringify({ path: disk.path, parent, parentIdentifier }));
      else printLine(`${path}: the parent is ${parent} (${parentIdentifier})`);
      return 0;
    });
  } catch (error) {
    return fail(path, error);
  }
}
