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
export const READ_USAGE = `virtdisk read [OPTION...] FILE
  writes the bytes of the disk to standard output
  --offset SIZE       where to begin; default: 0
  --length SIZE       how many; default: to the end`;

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
