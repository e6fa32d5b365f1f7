/**
 * The `rebase` command: tells a child where its parent is.
 *
 * @module
 */
import { openVirtualDisk } from "../../mod.ts";
import { exactly, parseArguments } from "./arguments.ts";
import { absolute, Report } from "./report.ts";

/** How the command is called. */
export const REBASE_USAGE = `virtdisk rebase [OPTION...] CHILD PARENT
  stores in CHILD that PARENT is its parent: after a move, or to use another copy
  --ignore-mismatch   even if PARENT is not the disk that CHILD was made from, or has changed since:
                      the contents may be a mix of what never belonged together
  --ignore-children   even if CHILD has children in its folder, which become invalid if it gets another
                      parent than it was made from
  --dry-run           store nothing, and say whether it can be done
  --json              one JSON object: path, dryRun, parent, parentIdentifier

Permissions: --allow-read for the folder of CHILD, for PARENT and its parents, --allow-write for CHILD.`;

/**
 * Runs the command.
 *
 * @throws {UsageError} Where the arguments cannot be understood.
 */
export async function rebase(args: string[]): Promise<number> {
  const { values, positionals } = parseArguments("rebase", args, {
    "ignore-mismatch": { type: "boolean", default: false },
    "ignore-children": { type: "boolean", default: false },
    "dry-run": { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  });
  const [path = "", parent = ""] = exactly("rebase", positionals, "CHILD PARENT");
  const dryRun = values["dry-run"];
  const report = new Report("rebase", { json: values.json });
  try {
    // It is done in one go: Ctrl-C meanwhile finds it done.
    return await report.interruptible(() => path, async () => {
      using disk = await openVirtualDisk(path, {
        backend: "portable",
        readOnly: dryRun,
        ignoreChildren: values["ignore-children"],
        flags: ["no-parents"],
      });
      const ignoreMismatch = values["ignore-mismatch"];
      disk.setInformation("parentPath", { path: parent, ignoreMismatch, dryRun });
      const parentIdentifier = await identifierOf(parent);
      report.tellDone(
        path,
        { dryRun, parent: absolute(parent), parentIdentifier },
        () => `${path}: the parent ${dryRun ? "would be" : "is"} ${parent} (${parentIdentifier})`,
      );
      return 0;
    });
  } catch (error) {
    return report.fail(path, error);
  }
}

async function identifierOf(path: string): Promise<string> {
  using disk = await openVirtualDisk(path, {
    backend: "portable",
    getInfoOnly: true,
    flags: ["no-parents"],
  });
  return disk.getInformation("identifier");
}
