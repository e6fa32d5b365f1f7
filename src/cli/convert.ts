/**
 * The `convert` command: a copy of an image as another kind of image.
 *
 * @module
 */
import {
  createVirtualDisk,
  openVirtualDisk,
  type PortableVirtualDisk,
  VirtualDiskError,
} from "../../mod.ts";
import { exactly, parseArguments, present, word } from "./arguments.ts";
import { createAndTell } from "./created.ts";
import { NEW_DISK_OPTIONS, NEW_DISK_USAGE, newDiskOptions } from "./new_disk_options.ts";
import { ProgressBar } from "./progress_bar.ts";
import { Report } from "./report.ts";
import { standardInput } from "./standard_input.ts";
import { assertNoTerminal, outputStream } from "./standard_output.ts";
import { UsageError } from "./usage_error.ts";

/** How the command is called. */
export const CONVERT_USAGE = `virtdisk convert [OPTION...] SOURCE TARGET
  SOURCE is an image, with its parents, or - for a raw disk from standard input, which needs
  --size unless TARGET is a raw disk, a fixed VHD or -.
  TARGET is the new image, or - for standard output, which needs --type. From - to -, what comes in is
  kept in the current folder until all of it is there.
  --source-type TYPE  vhd, vhdx, iso or raw; default: found out, but raw only if you say so; standard
                      input is refused if it plainly is something else, unless you say that it is raw
  --force             with --source-type raw: even if the file SOURCE plainly is something else
${NEW_DISK_USAGE}
  --overwrite         replace a file of that name
  --ignore-children   even if that file has children in its folder, which become invalid, or if that
                      cannot be found out
  --json              print what was made as one JSON object: path, backend, information, chain

Permissions: --allow-read for SOURCE and its parents, --allow-read and --allow-write for the folder of
TARGET; from - to - for the current folder.`;

const STANDARD = "-";

/**
 * Runs the command.
 *
 * @throws {UsageError} Where the arguments cannot be understood.
 */
export async function convert(args: string[]): Promise<number> {
  const { values, positionals } = parseArguments("convert", args, {
    ...NEW_DISK_OPTIONS,
    "source-type": { type: "string" },
    force: { type: "boolean", default: false },
    overwrite: { type: "boolean", default: false },
    "ignore-children": { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  });
  const [source = "", target = ""] = exactly("convert", positionals, "SOURCE TARGET");
  const { overwrite, json, force } = values;
  const sourceType = word("--source-type", values["source-type"], ["vhd", "vhdx", "iso", "raw"]);
  const disk = newDiskOptions(values);
  if (source === STANDARD && sourceType !== undefined && sourceType !== "raw") {
    throw new UsageError(
      `convert: standard input is a raw disk: save the ${sourceType.toUpperCase()} image to a file first`,
    );
  }
  if (force && sourceType !== "raw") {
    throw new UsageError("convert: --force goes with --source-type raw");
  }
  const report = new Report("convert", { json, besideBytes: target === STANDARD });
  if (target === STANDARD) {
    const { type, preallocate, ...stream } = disk;
    if (type === undefined) throw new UsageError("convert: standard output needs --type");
    if (preallocate) throw new UsageError("convert: --preallocate is for a TARGET that is a file");
    assertNoTerminal("convert");
    const wanted = { ...stream, type, force };
    return source === STANDARD
      ? await passOn(sourceType === "raw", wanted, report)
      : await streamOut(source, sourceType, wanted, report);
  }
  const from = source === STANDARD
    ? { source: standardInput("convert"), ...present({ sourceType }) }
    : { source, force, ...present({ sourceType }) };
  const ignoreChildren = values["ignore-children"];
  return await createAndTell(target, { ...disk, ...from, overwrite, ignoreChildren }, report);
}

type StreamedDisk = Omit<ReturnType<typeof newDiskOptions>, "preallocate"> & {
  readonly type: "vhd" | "vhdx" | "raw";
  readonly force: boolean;
};

const PARTLY_OUT = "standard output got a part of the image";

async function streamOut(
  source: string,
  type: "vhd" | "vhdx" | "iso" | "raw" | undefined,
  options: StreamedDisk,
  report: Report,
): Promise<number> {
  try {
    return await report.interruptible(() => source, async (signal) => {
      using bar = new ProgressBar();
      using disk = await openVirtualDisk(source, { backend: "portable", ...present({ type }) });
      const stream = await disk.imageStream({ ...options, signal, onProgress: bar.show });
      await stream.readable.pipeTo(outputStream(signal));
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
      await stream.readable.pipeTo(outputStream(signal));
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
