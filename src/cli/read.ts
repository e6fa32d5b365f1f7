/**
 * The `read` command: bytes of a disk to standard output.
 *
 * @module
 */
import { openVirtualDisk } from "../../mod.ts";
import { exactly, parseArguments, present } from "./arguments.ts";
import { ProgressBar } from "./progress_bar.ts";
import { assertNoTerminal, outputStream } from "./standard_output.ts";
import { Report } from "./report.ts";
import { assertBeginsIn, RANGE_OPTIONS, rangeOptions } from "./range_options.ts";

/** How the command is called. */
export const READ_USAGE = `virtdisk read [OPTION...] FILE
  writes the bytes of the disk to standard output
  --offset SIZE       where to begin; default: 0
  --length SIZE       how many, at most; default: to the end
  --json              print the result as one JSON object, on standard error: path, offset, length

Permissions: --allow-read for FILE and its parents.`;

/**
 * Runs the command.
 *
 * @throws {UsageError} Where the arguments cannot be understood.
 */
export async function read(args: string[]): Promise<number> {
  const { values, positionals } = parseArguments("read", args, {
    ...RANGE_OPTIONS,
    json: { type: "boolean", default: false },
  });
  const [path = ""] = exactly("read", positionals, "FILE");
  const range = rangeOptions(values);
  assertNoTerminal("read");
  const report = new Report("read", { json: values.json, besideBytes: true });
  try {
    return await report.interruptible(() => path, async (signal) => {
      using disk = await openVirtualDisk(path, { backend: "portable" });
      const { virtualSize } = disk.getInformation("size");
      assertBeginsIn({ virtualSize }, range.offset);
      const bytes = disk.readable({ ...present(range), signal });
      const total = Math.min(range.length ?? virtualSize, virtualSize - range.offset);
      using bar = new ProgressBar();
      await bytes.pipeThrough(counter(total, bar)).pipeTo(outputStream(signal));
      report.tell(path, { offset: range.offset, length: total });
      return 0;
    });
  } catch (error) {
    return report.fail(path, error);
  }
}

/** Passes bytes on, and shows how many of `total` there were. */
function counter(
  total: number,
  bar: ProgressBar,
): TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>> {
  let bytes = 0;
  return new TransformStream({
    transform(chunk, controller) {
      bytes += chunk.length;
      bar.show({ completed: bytes, total, fraction: bytes / total, bytes });
      controller.enqueue(chunk);
    },
  });
}
