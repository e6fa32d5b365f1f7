/**
 * The `convert` command: a copy of an image as another kind of image.
 *
 * @module
 */
import {
  createVirtualDisk,
  type OpenOptions,
  openVirtualDisk,
  type PortableVirtualDisk,
  VirtualDiskError,
} from "../../portable.ts";
import { flag, word } from "./arguments.ts";
import { command } from "./command.ts";
import { LOST_STATUS, SALVAGE, tellDamage, tolerance } from "./damage.ts";
import type { Command } from "./declaration.ts";
import { UsageError } from "./failure.ts";
import { describeFreeSpace, freeSpaceStatus } from "./free_space.ts";
import { createAndTell, NEW_DISK, NEW_DISK_JSON, REPLACING } from "./new_disk.ts";
import type { Report } from "./report.ts";
import { assertNoTerminal, pipeOut, standardInput } from "./streams.ts";
import { ProgressBar } from "./terminal.ts";
import { isUrl, sourceOf, URL_PERMISSION } from "./url_operand.ts";

const STANDARD = "-";

const convert: Command = command({
  about:
    "Copies an image, with everything that its parents hold, as another kind of image. SOURCE is an image, " +
    "or - for a raw disk from standard input, which needs --size unless TARGET is a raw disk, a fixed VHD " +
    "or -. TARGET is the new image, or - for standard output, which needs --type. From - to -, what comes " +
    "in is kept in the current folder until all of it is there.",
  operands: "SOURCE TARGET",
  options: {
    sourceType: word(
      "TYPE",
      ["vhd", "vhdx", "iso", "raw"],
      "vhd, vhdx, iso or raw; default: found out, but raw only if you say so; standard input is refused " +
        "if it plainly is something else, unless you say that it is raw",
    ),
    force: flag("with --source-type raw: even if the file SOURCE plainly is something else"),
    freeSpace: flag(
      "leave out what the file systems in SOURCE say is free, if they were unmounted cleanly; `free` says of " +
        "each whether it is believed",
    ),
    salvage: SALVAGE,
    ...NEW_DISK,
    ...REPLACING,
    json: flag(NEW_DISK_JSON),
  },
  permissions: [
    {
      kind: "read",
      scope: "SOURCE and its parents, the folder of TARGET; from - to - the current folder",
    },
    { kind: "write", scope: "the folder of TARGET; from - to - the current folder" },
    URL_PERMISSION,
  ],
  examples: [
    ["convert --subtype fixed --alignment 1MiB disk.vhdx upload.vhd", "For Azure"],
    ["convert --free-space --block-size 1MiB disk.vhdx small.vhdx", "As small as it can be"],
    ["convert child.vhdx flat.img", "A raw disk of a whole chain"],
    ["convert --source-type raw disk.img new.vhdx", "A VHDX of a raw disk"],
    ["convert --type vhd disk.vhdx - > disk.vhd", "Into a pipe or a file"],
  ],
  statuses: {
    1: `with --free-space: something in SOURCE is kept whole, and why is printed; with --salvage: ${LOST_STATUS}`,
  },
  putsOutBytes: ([, target]) => target === STANDARD,
  async run({ operands: [source, target], options, report }) {
    const { json: _, sourceType, force, freeSpace, salvage, overwrite, ignoreChildren, ...disk } =
      options;
    if (salvage && (source === STANDARD || freeSpace)) {
      throw new UsageError(
        source === STANDARD
          ? "convert: --salvage needs a SOURCE that is a file"
          : "convert: what a damaged disk says is free is not believed: leave out --free-space or --salvage",
      );
    }
    if (salvage && isUrl(source)) {
      throw new UsageError("convert: --salvage needs a SOURCE that is a file: save it first");
    }
    const opening = sourceType === undefined ? {} : { type: sourceType };
    if (source === STANDARD && sourceType !== undefined && sourceType !== "raw") {
      throw new UsageError(
        `convert: standard input must be a raw disk: save the ${sourceType.toUpperCase()} image to a file ` +
          "first",
      );
    }
    if (force && sourceType !== "raw") {
      throw new UsageError("convert: --force needs --source-type raw");
    }
    if (freeSpace && source === STANDARD) {
      throw new UsageError("convert: --free-space needs a SOURCE that is a file");
    }
    if (target === STANDARD) {
      const { type, preallocate, ...stream } = disk;
      if (type === undefined) throw new UsageError("convert: standard output needs --type");
      if (preallocate) {
        throw new UsageError("convert: --preallocate needs a TARGET that is a file");
      }
      assertNoTerminal("convert");
      const wanted = { ...stream, type, force, freeSpace };
      if (source === STANDARD) return await passOn(sourceType === "raw", wanted, report);
      const status = await streamOut(source, { ...opening, ...tolerance(salvage) }, wanted, report);
      if (status === 0 && salvage) return await tellDamage(source, opening, report);
      return status === 0 && freeSpace ? await tellKept(source, sourceType, report) : status;
    }
    const from = {
      ...(source === STANDARD
        ? { source: standardInput("convert") }
        : { source: sourceOf(source), force, freeSpace, ...tolerance(salvage) }),
      ...(sourceType === undefined ? {} : { sourceType }),
    };
    const status = await createAndTell(
      target,
      { ...disk, ...from, overwrite, ignoreChildren },
      report,
    );
    if (status === 0 && salvage) return await tellDamage(source, opening, report);
    return status === 0 && freeSpace ? await tellKept(source, sourceType, report) : status;
  },
});

export default convert;

/** Says what of a source was copied whole although its free space was to be left out; gives the exit status. */
async function tellKept(
  source: string,
  type: "vhd" | "vhdx" | "iso" | "raw" | undefined,
  report: Report,
): Promise<number> {
  using disk = await openVirtualDisk(sourceOf(source), {
    backend: "portable",
    ...(type === undefined ? {} : { type }),
  });
  const { freeBytes, partitions } = await disk.freeSpace();
  const kept = { freeBytes, partitions: partitions.filter(({ reason }) => reason !== undefined) };
  // A program asks `free --json`.
  if (kept.partitions.length > 0 && !report.json) {
    console.error([disk.path, ...describeFreeSpace(kept)].join("\n"));
  }
  return freeSpaceStatus(kept);
}

type StreamedDisk =
  & Omit<Parameters<PortableVirtualDisk["imageStream"]>[0], "signal" | "onProgress">
  & { readonly type: "vhd" | "vhdx" | "raw" };

const PARTLY_OUT = "standard output got a part of the image";

async function streamOut(
  source: string,
  opening: OpenOptions<"portable">,
  options: StreamedDisk,
  report: Report,
): Promise<number> {
  try {
    return await report.interruptible(() => source, async (signal) => {
      using bar = new ProgressBar();
      using disk = await openVirtualDisk(sourceOf(source), { ...opening, backend: "portable" });
      const stream = await disk.imageStream({ ...options, signal, onProgress: bar.show });
      await pipeOut(stream.readable, signal);
      report.tell(source, { type: options.type, byteLength: stream.byteLength });
      return 0;
    }, () => PARTLY_OUT);
  } catch (error) {
    return report.fail(source, error);
  }
}

/**
 * From standard input to standard output. Most images begin with what only their end tells, so the disk is kept
 * in a file meanwhile: one that goes with this process, whatever ends that.
 */
async function passOn(
  isRaw: boolean,
  options: StreamedDisk,
  report: Report,
): Promise<number> {
  let isKept = false;
  const path = `virtdisk-${crypto.randomUUID()}.img`;
  try {
    return await report.interruptible(() => null, async (signal) => {
      using bar = new ProgressBar();
      using kept = await keep(path, signal, bar, isRaw);
      isKept = true;
      // It was checked as it came in.
      const stream = await kept.disk.imageStream({ ...options, force: true, signal });
      await pipeOut(stream.readable, signal);
      report.tell(null, { type: options.type, byteLength: stream.byteLength });
      return 0;
    }, () => isKept ? PARTLY_OUT : undefined);
  } catch (error) {
    return report.fail(null, ofStandardInput(error));
  }
}

/** What goes wrong with the kept file, which has a name that nobody has given it. */
function ofStandardInput(error: unknown): unknown {
  if (!(error instanceof VirtualDiskError) || error.path === undefined) return error;
  const { code, operation, reason, causes } = error;
  return new VirtualDiskError(code, operation, {
    path: STANDARD,
    reason: `${reason} (what comes in is kept in the current folder)`,
    causes,
    cause: error,
  });
}

async function keep(
  path: string,
  signal: AbortSignal,
  { show }: ProgressBar,
  isRaw: boolean,
): Promise<Disposable & { readonly disk: PortableVirtualDisk }> {
  const disk = await createVirtualDisk(path, {
    backend: "portable",
    type: "raw",
    source: standardInput("convert"),
    ...(isRaw ? { sourceType: "raw" } : {}),
    signal,
    onProgress: show,
  });
  // Windows removes no file that is open.
  const isLater = Deno.build.os === "windows";
  if (!isLater) Deno.removeSync(path);
  return {
    disk,
    [Symbol.dispose]() {
      disk.close();
      if (isLater) Deno.removeSync(path);
    },
  };
}
