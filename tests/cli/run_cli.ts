/** Runs the command line as a user does, with no permission but for the files of one folder. */
import { denoCommand } from "../deno_command.ts";
import type { TempDir } from "../support.ts";
import { runnable } from "../bundles.ts";
import { runResident } from "./residents.ts";

/** What a run has left. */
export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  /** Standard output as it is. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

const FOLDER_FLAGS = ["--allow-read=.", "--allow-write=."];

/** The arguments of `deno` that run the command line in a folder. */
export const CLI_ARGS: readonly string[] = cliArgs(FOLDER_FLAGS);

/** Nothing on standard input, and no permission to write. */
export const READ_ONLY = "read-only";

/**
 * Runs a command in `dir`.
 *
 * @param input What it reads from standard input.
 */
export async function runCli(
  dir: TempDir,
  args: readonly string[],
  input: Uint8Array | typeof READ_ONLY = new Uint8Array(0),
): Promise<Outcome> {
  const isReadOnly = input === READ_ONLY;
  const flags = isReadOnly ? FOLDER_FLAGS.slice(0, 1) : FOLDER_FLAGS;
  return await runCliWith(dir, flags, args, isReadOnly ? undefined : input);
}

/** Who runs a command. */
export interface User {
  readonly uid?: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** As {@linkcode runCli}, with the given permissions alone. */
export async function runCliWith(
  dir: TempDir,
  flags: readonly string[],
  args: readonly string[],
  input: Uint8Array = new Uint8Array(0),
  { env, ...user }: User = {},
): Promise<Outcome> {
  // Another user, another environment or an input is for a process of its own.
  if (input.length === 0 && env === undefined && Object.keys(user).length === 0) {
    const outcome = await runResident({ folder: dir.path, flags, args });
    if (outcome !== undefined) return outcome;
  }
  const child = denoCommand({
    ...user,
    args: [...cliArgs(flags), ...args],
    cwd: dir.path,
    env: { ...env, NO_COLOR: "1" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writing = feed(child.stdin, input);
  const { code, stdout, stderr } = await child.output();
  await writing;
  const text = new TextDecoder();
  return { code, out: text.decode(stdout), err: text.decode(stderr), bytes: stdout };
}

function cliArgs(flags: readonly string[]): string[] {
  return ["run", "--no-prompt", ...flags, runnable("src/cli/main.ts")];
}

/** A child that does not want all of its input closes it, which is no fault. */
async function feed(stdin: WritableStream<Uint8Array>, input: Uint8Array): Promise<void> {
  try {
    await ReadableStream.from([input]).pipeTo(stdin);
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}
