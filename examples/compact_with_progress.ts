/**
 * Makes a dynamic or differencing image smaller, with a progress bar. Ctrl-C cancels cleanly: the image is
 * sound, and running again goes on.
 *
 *     deno run --allow-read=FOLDER --allow-write=FOLDER examples/compact_with_progress.ts IMAGE
 *
 * On Windows, with --allow-ffi and in an elevated prompt, the disk is attached read-only meanwhile, so that
 * Windows knows which blocks its file systems do not use.
 */
import { openVirtualDisk, VirtualDiskError } from "@virtdisk/virtdisk";

const [path] = Deno.args;
if (path === undefined) {
  console.error("usage: compact_with_progress.ts IMAGE");
  Deno.exit(2);
}

const WIDTH = 40;
const encoder = new TextEncoder();

function showBar(fraction: number): void {
  const full = Math.floor(fraction * WIDTH);
  const bar = "#".repeat(full) + "-".repeat(WIDTH - full);
  Deno.stdout.writeSync(encoder.encode(`\r[${bar}] ${Math.floor(100 * fraction)} %`));
}

const controller = new AbortController();
const cancel = () => controller.abort();
Deno.addSignalListener("SIGINT", cancel);
try {
  using disk = await openVirtualDisk(path, { readOnly: false });
  const before = disk.getInformation("size").physicalSize;
  await using _attachment = disk.backend === "native"
    ? await disk.attach({ readOnly: true, noDriveLetter: true })
    : undefined;
  await disk.compact({
    signal: controller.signal,
    onProgress: ({ fraction }) => showBar(fraction),
  });
  console.log(`\n${before} bytes before, ${disk.getInformation("size").physicalSize} now`);
} catch (error) {
  if (!(error instanceof VirtualDiskError) && !controller.signal.aborted) throw error;
  console.error(controller.signal.aborted ? "\ncancelled" : (error as Error).message);
  Deno.exitCode = 1;
} finally {
  Deno.removeSignalListener("SIGINT", cancel);
}
