/** Runs the scripts of examples/ as a user does. */
import { runnable } from "./bundles.ts";
import { denoCommand } from "./deno_command.ts";

/** What an example has left. */
export interface ExampleOutcome {
  readonly code: number;
  /** All that it printed. */
  readonly out: string;
}

/** Runs an example as its first comment says, with no more permission. */
export async function example(
  name: string,
  permissions: readonly string[],
  ...args: readonly string[]
): Promise<ExampleOutcome> {
  const { code, stdout, stderr } = await denoCommand({
    args: ["run", "--no-prompt", ...permissions, runnable(`examples/${name}`), ...args],
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  return { code, out: text.decode(stdout) + text.decode(stderr) };
}
