/**
 * Resizes an image, and is interrupted meanwhile: a process of its own, for a signal reaches every thread of one.
 * Usage: interrupt_resizing.ts PATH [--dry-run]
 */
import { Report } from "../../../src/cli/report.ts";
import { resizeAndTell } from "../../../src/cli/resize.ts";

const [path = "", flag] = Deno.args;
const dryRun = flag === "--dry-run";
const report = new Report("resize", { json: false });
const options = { type: undefined, dryRun };
Deno.exitCode = await resizeAndTell(path, report, options, async (_, { signal }) => {
  Deno.kill(Deno.pid, "SIGTERM");
  while (true) {
    signal.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
});
