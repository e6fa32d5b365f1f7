/**
 * The `attached` command: which images are disks of this Windows machine.
 *
 * @module
 */
import { type AttachedVirtualDisk, attachedVirtualDisks } from "../../mod.ts";
import { parseArguments } from "./arguments.ts";
import { FINDING_STATUS } from "./failure.ts";
import { Report } from "./report.ts";
import { printLine } from "./standard_output.ts";
import { UsageError } from "./usage_error.ts";
import { assertWindows } from "./windows.ts";

/** How the command is called. */
export const ATTACHED_USAGE = `virtdisk attached [--json]
  prints the images that are attached to this Windows machine, whoever attached them: device, drive
  letters and folders, image file, and under it its parents
  --json              one JSON object per image and line: path, physicalPath, parents, mountPoints

Permissions: --allow-ffi for virtdisk.dll and kernel32.dll.
Exit status: 0; 1 if not all is known of an image; 2 if it fails.`;

/**
 * Runs the command.
 *
 * @throws {UsageError} Where the arguments cannot be understood.
 */
export function attached(args: string[]): Promise<number> {
  const { values, positionals } = parseArguments("attached", args, {
    json: { type: "boolean", default: false },
  });
  const [file] = positionals;
  if (file !== undefined) {
    throw new UsageError(`attached takes no file, not ${JSON.stringify(file)}`);
  }
  return Promise.resolve(list(values.json));
}

function list(json: boolean): number {
  const report = new Report("attached", { json });
  try {
    assertWindows("GetAllAttachedVirtualDiskPhysicalPaths");
    const disks = attachedVirtualDisks();
    if (json) { for (const disk of disks) report.tell(disk.imagePath, facts(disk)); }
    else if (disks.length > 0) printLine(table(disks));
    return disks.some(({ error }) => error !== undefined) ? FINDING_STATUS : 0;
  } catch (error) {
    return report.fail(null, error);
  }
}

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
