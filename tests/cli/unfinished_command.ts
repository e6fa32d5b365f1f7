/** A command that goes on until somebody ends it. */
import { denoCommand } from "../deno_command.ts";
import { type TempDir, whenSo } from "../support.ts";
import { CLI_ARGS } from "./run_cli.ts";

/** A command whose input does not end. */
interface Unfinished {
  readonly child: Deno.ChildProcess;
  /** Its input, of which it has 1 MiB of ones. */
  readonly writer: WritableStreamDefaultWriter<Uint8Array>;
}

/** Starts a command in a folder, and writes to its standard input. */
export async function startUnfinished(dir: TempDir, args: readonly string[]): Promise<Unfinished> {
  const child = denoCommand({
    args: [...CLI_ARGS, ...args],
    cwd: dir.path,
    env: { NO_COLOR: "1" },
    stdin: "piped",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new Uint8Array(2 ** 20).fill(1));
  return { child, writer };
}

/**
 * Converts standard input to a new file in a folder; comes back when there is a part of it.
 *
 * @returns With the name of that part.
 */
export async function startConverting(
  dir: TempDir,
  name: string,
): Promise<Unfinished & { readonly file: string }> {
  const before = new Set(namesIn(dir));
  const unfinished = await startUnfinished(dir, ["convert", "--size", "8MiB", "-", name]);
  const found = () => namesIn(dir).find((each) => !before.has(each));
  await whenSo(() => found() !== undefined, unfinished.child);
  return { ...unfinished, file: found()! };
}

function namesIn(dir: TempDir): string[] {
  return Array.from(Deno.readDirSync(dir.path), ({ name }) => name);
}
