/**
 * The `detach` command: takes a disk away from this Windows machine.
 *
 * @module
 */
import { attachedVirtualDisks, openVirtualDisk, VirtualDiskError } from "../../mod.ts";
import { exactly, parseArguments } from "./arguments.ts";
import { Report } from "./report.ts";
import { assertWindows } from "./windows.ts";

/** How the command is called. */
export const DETACH_USAGE = `virtdisk detach [OPTION...] DISK
  detaches a disk as Dismount-VHD and Dismount-DiskImage do, when its volumes are flushed and dismounted
  DISK is the image file, its device (\\\\.\\PhysicalDrive3 or PhysicalDrive3), or a drive letter (E:) or
  folder where one of its volumes is mounted.
  --force             even if a volume is in use: what programs have not written is lost
  --json              one JSON object: path, detached

Permissions: --allow-ffi for virtdisk.dll and kernel32.dll.
A VHD or VHDX needs an elevated prompt; an ISO image needs one on Windows Server only.
Exit status: 0; 2 if it fails, or if the disk is not attached.`;

const DEVICE = /^(?:\\\\[.?]\\)?((?:PhysicalDrive|CDROM)\d+)$/i;
const DRIVE = /^([a-z]):?\\?$/i;

/**
 * Runs the command.
 *
 * @throws {UsageError} Where the arguments cannot be understood.
 */
export async function detach(args: string[]): Promise<number> {
  const { values, positionals } = parseArguments("detach", args, {
    force: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  });
  const [named = ""] = exactly("detach", positionals, "DISK");
  const { force, json } = values;
  const report = new Report("detach", { json });
  // A device or a drive letter is no path.
  const path = DEVICE.test(named) || DRIVE.test(named) ? null : named;
  try {
    assertWindows("DetachVirtualDisk", named);
    return await report.interruptible(() => path, async () => {
      const isIso = /\.iso$/i;
      const image = imageOf(named);
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
}

/** The image file behind a device, a drive letter or a folder; else the name is that of an image file. */
function imageOf(named: string): string {
  const device = DEVICE.exec(named)?.[1]?.toLowerCase();
  const drive = DRIVE.exec(named)?.[1]?.toLowerCase();
  const folder = named.toLowerCase().replace(/\\*$/, "\\");
  const found = attachedVirtualDisks().find(({ physicalPath, mountPoints }) =>
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
