/**
 * The `rebase` command: tells a child where its parent is.
 *
 * @module
 */
import { openVirtualDisk } from "../../portable.ts";
import { flag } from "./arguments.ts";
import { command } from "./command.ts";
import type { Command } from "./declaration.ts";
import { absolute } from "./report.ts";

const rebase: Command = command({
  about: "Stores in CHILD that PARENT is its parent: after a move, or to use another copy.",
  operands: "CHILD PARENT",
  options: {
    ignoreMismatch: flag(
      "even if PARENT is not the disk that CHILD was made from, or has changed since: the contents may be " +
        "a mix of what never belonged together",
    ),
    ignoreChildren: flag(
      "even if CHILD has children in its folder, which become invalid if it gets another parent than it " +
        "was made from",
    ),
    dryRun: flag("store nothing, and say whether it can be done"),
    json: flag("one JSON object: path, dryRun, parent, parentIdentifier"),
  },
  permissions: [
    { kind: "read", scope: "the folder of CHILD; PARENT and its parents" },
    { kind: "write", scope: "CHILD", unless: ["--dry-run"] },
  ],
  examples: [
    ["rebase child.vhdx moved/base.vhdx", "The parent has moved"],
    ["rebase --dry-run child.vhdx moved/base.vhdx", "Is that one its parent?"],
  ],
  async run({ operands: [path, parent], options, report }) {
    const { dryRun, ignoreChildren, ignoreMismatch } = options;
    try {
      // It is done in one go: Ctrl-C meanwhile finds it done.
      return await report.interruptible(() => path, async () => {
        using disk = await openVirtualDisk(path, {
          backend: "portable",
          readOnly: dryRun,
          ignoreChildren,
          flags: ["no-parents"],
        });
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
  },
});

export default rebase;

async function identifierOf(path: string): Promise<string> {
  using disk = await openVirtualDisk(path, {
    backend: "portable",
    getInfoOnly: true,
    flags: ["no-parents"],
  });
  return disk.getInformation("identifier");
}
