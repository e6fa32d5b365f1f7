/**
 * The command line: `virtdisk info [--json] FILE...`.
 *
 * Needs `--allow-read` for the files; on Windows, where the native backend is the default, also
 * `--allow-ffi` for `virtdisk.dll` and `kernel32.dll`, or `--backend portable`.
 *
 * @example Inspect an image, from a shell
 * ```sh
 * deno run --allow-read=. jsr:@virtdisk/virtdisk/cli info --json base.vhdx
 * ```
 *
 * @module
 */
import { info, INFO_USAGE } from "./info.ts";
import { UsageError } from "./usage_error.ts";

const USAGE = `Usage: virtdisk COMMAND [OPTION...] FILE...

Commands:
  info    print what VHD, VHDX and ISO images are

${INFO_USAGE}`;

/**
 * Runs a command line.
 *
 * @param args The arguments after the program's name: a command, its options and files.
 * @returns The exit status: 0, 1 where a file could not be handled, 2 for a wrong command line.
 */
export async function main(args: readonly string[]): Promise<number> {
  const [command, ...rest] = args;
  try {
    switch (command) {
      case "info":
        return await info(rest);
      case "--help":
      case "-h":
      case "help":
        console.log(USAGE);
        return 0;
      case undefined:
        throw new UsageError("no command given");
      default:
        throw new UsageError(`unknown command ${JSON.stringify(command)}`);
    }
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`virtdisk: ${error.message}\n\n${USAGE}`);
    return 2;
  }
}

if (import.meta.main) Deno.exitCode = await main(Deno.args);
