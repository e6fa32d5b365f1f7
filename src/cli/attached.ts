/**
 * The `attached` command: which images are disks of this Windows machine.
 *
 * @module
 */
import type { AttachedVirtualDisk } from "../../mod.ts";
import { flag } from "./arguments.ts";
import { command } from "./command.ts";
import type { Command } from "./declaration.ts";
import { FINDING_STATUS } from "./failure.ts";
import { printLine } from "./streams.ts";
import { assertWindows, LIBRARIES_ALLOWED } from "./windows.ts";

const attached: Command = command({
  about:
    "Prints the images that are attached to this Windows machine, whoever attached them: device, drive " +
    "letters and folders, image file, and under it its parents.",
  operands: "",
  options: {
    json: flag("one JSON object per image and line: path, physicalPath, parents, mountPoints"),
  },
  permissions: LIBRARIES_ALLOWED,
  examples: [["attached", "All of them"]],
  statuses: { 1: "not everything is known about an image" },
  async run({ report }) {
    try {
      assertWindows("GetAllAttachedVirtualDiskPhysicalPaths");
      const { attachedVirtualDisks } = await import("../../mod.ts");
      const disks = attachedVirtualDisks();
      if (report.json) { for (const disk of disks) report.tell(disk.imagePath, facts(disk)); }
      else if (disks.length > 0) printLine(table(disks));
      return disks.some(({ error }) => error !== undefined) ? FINDING_STATUS : 0;
    } catch (error) {
      return report.fail(null, error);
    }
  },
});

export default attached;

function facts({ imagePath: _, error, ...rest }: AttachedVirtualDisk): object {
  const { code, symbol, message } = error ?? {};
  return { ...rest, ...(error === undefined ? {} : { error: { code, symbol, message } }) };
}

function table(disks: readonly AttachedVirtualDisk[]): string {
  const rows = [
    ["DEVICE", "MOUNTED AT", "IMAGE"],
    ...disks.map(({ physicalPath = "?", mountPoints, imagePath }) => [
      physicalPath.replace(/^\\\\\.\\/, ""),
      mountPoints.join(" ") || "-",
      imagePath,
    ]),
  ];
  const widths = [0, 1].map((i) => Math.max(...rows.map((row) => row[i]!.length)));
  const indent = " ".repeat(widths.reduce((sum, width) => sum + width + 2, 0));
  return rows.flatMap((row, i) => [
    row.map((text, column) => text.padEnd(widths[column] ?? 0)).join("  "),
    ...(disks[i - 1]?.parents ?? []).map((parent) => `${indent}on ${parent}`),
    ...(disks[i - 1]?.error === undefined ? [] : [`${indent}${disks[i - 1]!.error!.message}`]),
  ]).join("\n");
}
