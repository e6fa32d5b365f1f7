/** The `serve` command for the length of a test. */
import { assert } from "@std/assert";
import { denoCommand } from "../deno_command.ts";
import type { TempDir } from "../support.ts";
import { runnable } from "../bundles.ts";

/** Runs the command until `use` is done with what it has printed first, then interrupts it. */
export async function serving(
  dir: TempDir,
  args: readonly string[],
  use: (printed: string) => Promise<void>,
): Promise<{ code: number; errors: string }> {
  const child = denoCommand({
    args: ["run", "--no-prompt", "--allow-all", runnable("src/cli/main.ts"), "serve", ...args],
    cwd: dir.path,
    env: { NO_COLOR: "1", TMPDIR: dir.path },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const errors = new Response(child.stderr).text();
  let printed = "";
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    printed += text;
    if (!/Ctrl-C|\}\n/.test(printed)) continue;
    try {
      await use(printed);
    } finally {
      child.kill("SIGINT");
    }
  }
  const { code } = await child.status;
  if (printed === "") assert(false, await errors);
  return { code, errors: await errors };
}
