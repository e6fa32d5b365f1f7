/**
 * The `detach` command: takes a disk away from this Windows machine.
 *
 * @module
 */
import type { AttachedVirtualDisk } from "../../mod.ts";
import { VirtualDiskError } from "../../portable.ts";
import { flag } from "./arguments.ts";
import { command } from "./command.ts";
import type { Command } from "./declaration.ts";
import { assertWindows, LIBRARIES_ALLOWED, WHO_MAY_ATTACH } from "./windows.ts";

const DEVICE = /^(?:\\\\[.?]\\)?((?:PhysicalDrive|CDROM)\d+)$/i;
const DRIVE = /^([a-z]):?\\?$/i;

const detach: Command = command({
  about:
    "Detaches a disk as Dismount-VHD and Dismount-DiskImage do, after its volumes have been flushed and " +
    "dismounted. DISK is the image file, its device (\\\\.\\PhysicalDrive3 or PhysicalDrive3), or a drive " +
    "letter (E:) or folder where one of its volumes is mounted.",
  operands: "DISK",
  options: {
    force: flag("even if a volume is in use: what programs have not written is lost"),
    json: flag("one JSON object: path, detached"),
  },
  permissions: LIBRARIES_ALLOWED,
  notes: WHO_MAY_ATTACH,
  examples: [
    ["detach disk.vhdx", "By its image"],
    ["detach E:", "By the drive letter of a volume"],
  ],
  statuses: { 2: "it fails, the disk is not attached, or the command line is wrong" },
  async run({ operands: [named], options: { force }, report }) {
    // A device or a drive letter is no path.
    const path = DEVICE.test(named) || DRIVE.test(named) ? null : named;
    try {
      assertWindows("DetachVirtualDisk", named);
      return await report.interruptible(() => path, async () => {
        const isIso = /\.iso$/i;
        const { attachedVirtualDisks, openVirtualDisk } = await import("../../mod.ts");
        const image = imageOf(named, attachedVirtualDisks());
        using disk = await openVirtualDisk(image, {
          backend: "native",
          flags: isIso.test(image) ? [] : ["no-parents"],
        });
        disk.detach({ force });
        report.tellDone(disk.path, { detached: true }, () => `${disk.path}: detached`);
        return 0;
      });
    } catch (error) {
      return report.fail(path, error);
    }
  },
});

export default detach;

/** The image file behind a device, a drive letter or a folder; else the name is that of an image file. */
function imageOf(named: string, attached: readonly AttachedVirtualDisk[]): string {
  const device = DEVICE.exec(named)?.[1]?.toLowerCase();
  const drive = DRIVE.exec(named)?.[1]?.toLowerCase();
  const folder = named.toLowerCase().replace(/\\*$/, "\\");
  const found = attached.find(({ physicalPath, mountPoints }) =>
    device !== undefined && physicalPath?.toLowerCase() === `\\\\.\\${device}` ||
    mountPoints.some((each) =>
      each.toLowerCase() === (drive === undefined ? folder : `${drive}:\\`)
    )
  );
  if (found !== undefined) return found.imagePath;
  if (device === undefined && drive === undefined) return named;
  throw new VirtualDiskError(1168, "DetachVirtualDisk", {
    path: named,
    reason: "no attached image is there",
    causes: ['"virtdisk attached" lists the images that are attached.'],
  });
}
