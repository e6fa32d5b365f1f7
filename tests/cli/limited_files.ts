/** Runs the command line with a limit on the size of the files that it may write. */
import { TempDir } from "../support.ts";
import { CLI_ARGS, type Outcome } from "./run_cli.ts";

/** The limit, in the units of `ulimit -f` in bash: 1 KiB. */
export const FILE_LIMIT = 5000;

/**
 * Runs a command in `dir`.
 *
 * @param output A file of the folder, for standard output.
 */
export async function runLimited(
  dir: TempDir,
  args: readonly string[],
  output = "/dev/null",
): Promise<Pick<Outcome, "code" | "err">> {
  // Deno's own caches are files too, and the user's may be larger than the limit; that of compiled code grows
  // with what a command does.
  using cache = new TempDir();
  const run = (script: string, ...command: readonly string[]) =>
    new Deno.Command("bash", {
      args: [
        "-c",
        script,
        Deno.execPath(),
        "run",
        "--no-code-cache",
        ...CLI_ARGS.slice(1),
        ...command,
      ],
      cwd: dir.path,
      env: { NO_COLOR: "1", DENO_DIR: cache.path },
      stdin: "null",
    }).output();
  await run('exec "$0" "$@"', "--help");
  const script = `ulimit -f ${FILE_LIMIT}; exec "$0" "$@" >${output}`;
  const { code, stderr } = await run(script, ...args);
  return { code, err: new TextDecoder().decode(stderr) };
}
