/**
 * The `attach` command: an image as a disk of this Windows machine.
 *
 * @module
 */
import type { Attachment } from "../../mod.ts";
import { VirtualDiskError } from "../../portable.ts";
import { flag, path, word } from "./arguments.ts";
import { command } from "./command.ts";
import type { Command } from "./declaration.ts";
import { UsageError } from "./failure.ts";
import { nextInterruption } from "./interruption.ts";
import type { Report } from "./report.ts";
import { assertWindows, LIBRARIES_ALLOWED, WHO_MAY_ATTACH } from "./windows.ts";

const attach: Command = command({
  about:
    "Attaches an image to this Windows machine as Mount-VHD and Mount-DiskImage do, prints the device and " +
    "where its volumes are, and detaches it again on Ctrl-C.",
  operands: "FILE",
  options: {
    permanent: flag(
      'return, and leave it attached until "virtdisk detach" or a restart of Windows',
    ),
    atBoot: flag("with --permanent: attach it again whenever Windows starts"),
    readOnly: flag("allow no writing; an ISO image is always attached like this"),
    noDriveLetter: flag("give its volumes no drive letters"),
    mountPoint: path("DIR", "an empty folder for its largest volume, instead of drive letters"),
    type: word("TYPE", ["vhd", "vhdx", "iso"], "vhd, vhdx or iso; default: found out"),
    wait: {
      value: "SECONDS",
      about: "how long to wait for its volumes; default: 10",
      initial: 10_000,
      parse: (_option: string, text: string) => milliseconds(text),
    },
    json: flag("one JSON object: path, physicalPath, diskNumber, volumes, complete, permanent"),
  },
  permissions: LIBRARIES_ALLOWED,
  notes: WHO_MAY_ATTACH,
  examples: [
    ["attach setup.iso", "Until Ctrl-C"],
    ["attach --permanent --mount-point D:\\mnt disk.vhdx", "In a folder, until it is detached"],
  ],
  async run({ operands: [path], options, report }) {
    const { permanent, atBoot, type, wait, json: _, ...rest } = options;
    if (atBoot && !permanent) throw new UsageError("attach: --at-boot needs --permanent");
    const isIso = type === undefined ? /\.iso$/i.test(path) : type === "iso";
    const readOnly = options.readOnly || isIso;
    const { noDriveLetter, ...others } = rest;
    try {
      assertWindows("AttachVirtualDisk", path);
      return await report.interruptible(() => path, async (signal) => {
        const { openVirtualDisk } = await import("../../mod.ts");
        using disk = await openVirtualDisk(path, {
          backend: "native",
          ...(type === undefined ? {} : { type }),
          // An ISO image opens in one way alone.
          ...(isIso ? {} : { readOnly }),
        });
        const attachment = await disk.attach({
          ...others,
          ...(noDriveLetter ? { noDriveLetter } : {}),
          readOnly,
          permanent,
          atBoot,
          volumeTimeout: wait,
          signal,
        });
        report.tellDone(path, facts(attachment), () => describe(disk.path, attachment));
        if (!permanent) await untilDetached(path, attachment, report);
        return 0;
      });
    } catch (error) {
      return report.fail(path, error);
    }
  },
});

export default attach;

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
