/**
 * The `convert` command: a copy of an image as another kind of image.
 *
 * @module
 */
import { openVirtualDisk } from "../../mod.ts";
import { exactly, parseArguments, present, word } from "./arguments.ts";
import { createAndTell } from "./created.ts";
import { fail } from "./failure.ts";
import { interruptible } from "./interruption.ts";
import { NEW_DISK_OPTIONS, NEW_DISK_USAGE, newDiskOptions } from "./new_disk_options.ts";
import { ProgressBar } from "./progress_bar.ts";
import { standardInput } from "./standard_input.ts";
import { assertNoTerminal, outputStream } from "./standard_output.ts";
import { UsageError } from "./usage_error.ts";

/** How the command is called. */
export const CONVERT_USAGE = `virtdisk convert [OPTION...] SOURCE TARGET
  SOURCE is an image, with its parents, or - for a raw disk from standard input, which needs
  --size unless TARGET is a raw disk or a fixed VHD.
  TARGET is the new image, or - for standard output, which needs --type.
  --source-type TYPE  vhd, vhdx, iso or raw; default: found out, but raw only where you say so
${NEW_DISK_USAGE}
  --overwrite         replace a file of that name
  --json              tell what was made as one JSON object: path, backend, information, chain

Permissions: --allow-read for SOURCE and its parents, --allow-read and --allow-write for the folder of
TARGET.`;

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
    overwrite: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  });
  const [source = "", target = ""] = exactly("convert", positionals, "SOURCE TARGET");
  const { overwrite, json } = values;
  const sourceType = word("--source-type", values["source-type"], ["vhd", "vhdx", "iso", "raw"]);
  const disk = newDiskOptions(values);
  if (source === STANDARD && sourceType !== undefined && sourceType !== "raw") {
    throw new UsageError("convert: standard input is a raw disk");
  }
  if (target === STANDARD) {
    const { type, preallocate, ...stream } = disk;
    if (source === STANDARD) throw new UsageError("convert: one of SOURCE and TARGET is a file");
    if (type === undefined) throw new UsageError("convert: standard output needs --type");
    if (preallocate) throw new UsageError("convert: --preallocate is for a TARGET that is a file");
    assertNoTerminal("convert");
    return await streamOut(source, sourceType, { ...stream, type });
  }
  const from = source === STANDARD
    ? { source: standardInput("convert") }
    : { source, ...present({ sourceType }) };
  return await createAndTell(target, { ...disk, ...from, overwrite }, json);
}

async function streamOut(
  source: string,
  type: "vhd" | "vhdx" | "iso" | "raw" | undefined,
  options: Omit<ReturnType<typeof newDiskOptions>, "preallocate"> & {
    type: "vhd" | "vhdx" | "raw";
  },
): Promise<number> {
  try {
    return await interruptible(async (signal) => {
      using bar = new ProgressBar();
      using disk = await openVirtualDisk(source, { backend: "portable", ...present({ type }) });
      const { readable } = await disk.imageStream({ ...options, signal, onProgress: bar.show });
      await readable.pipeTo(outputStream());
      return 0;
    }, () => "standard output got a part of the image");
  } catch (error) {
    return fail(source, error);
  }
}
