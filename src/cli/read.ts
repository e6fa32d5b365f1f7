/**
 * The `read` command: bytes of a disk to standard output.
 *
 * @module
 */
import { openVirtualDisk } from "../../mod.ts";
import { exactly, parseArguments, present } from "./arguments.ts";
import { fail } from "./failure.ts";
import { interruptible } from "./interruption.ts";
import { RANGE_OPTIONS, rangeOptions } from "./range_options.ts";

/** How the command is called. */
export const READ_USAGE = `virtdisk read [--offset SIZE] [--length SIZE] FILE
  writes the disk's bytes to standard output, by default all of them`;

/**
 * Runs the command.
 *
 * @throws {UsageError} Where the arguments cannot be understood.
 */
export async function read(args: string[]): Promise<number> {
  const { values, positionals } = parseArguments("read", args, RANGE_OPTIONS);
  const [path = ""] = exactly("read", positionals, "FILE");
  const range = rangeOptions(values);
  try {
    return await interruptible(async (signal) => {
      using disk = await openVirtualDisk(path, { backend: "portable" });
      const bytes = disk.readable({ ...present(range), signal });
      await bytes.pipeTo(Deno.stdout.writable, { preventClose: true });
      return 0;
    });
  } catch (error) {
    return fail(path, error);
  }
}
