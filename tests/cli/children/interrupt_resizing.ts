/**
 * Resizes an image, and is interrupted meanwhile: a process of its own, for a signal reaches every thread of one.
 * Usage: interrupt_resizing.ts PATH [--dry-run]
 */
import { resizeAndTell } from "../../../src/cli/resized.ts";

const [path = "", flag] = Deno.args;
const dryRun = flag === "--dry-run";
const options = { subcommand: "resize" as const, type: undefined, dryRun, json: false };
Deno.exitCode = await resizeAndTell(path, options, async (_, { signal }) => {
  Deno.kill(Deno.pid, "SIGTERM");
  while (true) {
    signal.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
});
