/**
 * The `attach` command: an image as a disk of this Windows machine.
 *
 * @module
 */
import { type Attachment, openVirtualDisk, VirtualDiskError } from "../../mod.ts";
import { exactly, parseArguments, present, word } from "./arguments.ts";
import { nextInterruption } from "./interruption.ts";
import { Report } from "./report.ts";
import { UsageError } from "./usage_error.ts";
import { assertWindows } from "./windows.ts";

/** How the command is called. */
export const ATTACH_USAGE = `virtdisk attach [OPTION...] FILE
  attaches an image to this Windows machine as Mount-VHD and Mount-DiskImage do, prints the device and where
  its volumes are, and detaches it again on Ctrl-C
  --permanent         return, and leave it attached until "virtdisk detach" or a restart of Windows
  --at-boot           with --permanent: attach it again whenever Windows starts
  --read-only         nothing can be written; an ISO image is attached so anyway
  --no-drive-letter   give its volumes no drive letters
  --mount-point DIR   an empty folder for its largest volume, instead of drive letters
  --type TYPE         vhd, vhdx or iso; default: found out
  --wait SECONDS      how long to wait for its volumes; default: 10
  --json              one JSON object: path, physicalPath, diskNumber, volumes, complete, permanent

Permissions: --allow-ffi for virtdisk.dll and kernel32.dll.
A VHD or VHDX needs an elevated prompt; an ISO image needs one on Windows Server only.
Exit status: 0; 2 if it fails.`;

const TYPES = ["vhd", "vhdx", "iso"] as const;

/**
 * Runs the command.
 *
 * @throws {UsageError} Where the arguments cannot be understood.
 */
export async function attach(args: string[]): Promise<number> {
  const { values, positionals } = parseArguments("attach", args, {
    permanent: { type: "boolean", default: false },
    "at-boot": { type: "boolean", default: false },
    "read-only": { type: "boolean", default: false },
    "no-drive-letter": { type: "boolean" },
    "mount-point": { type: "string" },
    type: { type: "string" },
    wait: { type: "string", default: "10" },
    json: { type: "boolean", default: false },
  });
  const [path = ""] = exactly("attach", positionals, "FILE");
  const { permanent, json } = values;
  const atBoot = values["at-boot"];
  if (atBoot && !permanent) throw new UsageError("attach: --at-boot goes with --permanent");
  const type = word("--type", values.type, TYPES);
  const isIso = type === undefined ? /\.iso$/i.test(path) : type === "iso";
  const readOnly = values["read-only"] || isIso;
  const options = {
    readOnly,
    permanent,
    atBoot,
    volumeTimeout: milliseconds(values.wait),
    ...present({ noDriveLetter: values["no-drive-letter"], mountPoint: values["mount-point"] }),
  };
  const report = new Report("attach", { json });
  try {
    assertWindows("AttachVirtualDisk", path);
    return await report.interruptible(() => path, async (signal) => {
      using disk = await openVirtualDisk(path, {
        backend: "native",
        ...present({ type }),
        // An ISO image opens in one way alone.
        ...(isIso ? {} : { readOnly }),
      });
      const attachment = await disk.attach({ ...options, signal });
      report.tellDone(path, facts(attachment), () => describe(disk.path, attachment));
      if (!permanent) await untilDetached(path, attachment, report);
      return 0;
    });
  } catch (error) {
    return report.fail(path, error);
  }
}

function milliseconds(text: string): number {
  const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : NaN;
  if (Number.isFinite(seconds)) return Math.round(1000 * seconds);
  throw new UsageError(`attach: --wait must be a number of seconds, not ${JSON.stringify(text)}`);
}

/** Ctrl-C detaches the disk; while one of its volumes is in use it stays, and Ctrl-C may be pressed again. */
async function untilDetached(
  path: string,
  attachment: Attachment,
  report: Report,
): Promise<void> {
  while (true) {
    const signal = await nextInterruption();
    try {
      return await attachment.detach();
    } catch (error) {
      // Whoever ends the program otherwise does not wait for an answer.
      if (!(error instanceof VirtualDiskError) || signal !== "SIGINT") throw error;
      report.fail(path, error);
      console.error("virtdisk: still attached; press Ctrl-C to try again");
    }
  }
}

function facts(attachment: Attachment): object {
  const { physicalPath, diskNumber, volumes, complete, permanent } = attachment;
  return { physicalPath, diskNumber, volumes, complete, permanent };
}

function describe(path: string, attachment: Attachment): string {
  const { physicalPath = "no device yet", volumes, complete, permanent } = attachment;
  return [
    `${path}: attached as ${physicalPath}`,
    ...volumes.map(({ guidPath, mountPoints }) => `  ${mountPoints.join(" ") || guidPath}`),
    ...(complete ? [] : ["  more may come: not all of it had appeared when the wait was over"]),
    permanent ? "It stays attached until: virtdisk detach FILE" : "Press Ctrl-C to detach it.",
  ].join("\n");
}
