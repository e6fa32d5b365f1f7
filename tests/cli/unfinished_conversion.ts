/** A conversion that goes on until somebody ends it. */
import { denoCommand } from "../deno_command.ts";
import { type TempDir, whenSo } from "../support.ts";
import { CLI_ARGS } from "./run_cli.ts";

/** A conversion whose input does not end. */
interface Unfinished {
  readonly child: Deno.ChildProcess;
  /** Its input, of which it has some. */
  readonly writer: WritableStreamDefaultWriter<Uint8Array>;
  /** The name of the part of the new file that there is. */
  readonly file: string;
}

/** Converts standard input to a new file in a folder; comes back when there is a part of it. */
export async function startConverting(dir: TempDir, name: string): Promise<Unfinished> {
  const before = new Set(namesIn(dir));
  const child = denoCommand({
    args: [...CLI_ARGS, "convert", "--size", "8MiB", "-", name],
    cwd: dir.path,
    env: { NO_COLOR: "1" },
    stdin: "piped",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new Uint8Array(2 ** 20).fill(1));
  const found = () => namesIn(dir).find((each) => !before.has(each));
  await whenSo(() => found() !== undefined, child);
  return { child, writer, file: found()! };
}

function namesIn(dir: TempDir): string[] {
  return Array.from(Deno.readDirSync(dir.path), ({ name }) => name);
}
