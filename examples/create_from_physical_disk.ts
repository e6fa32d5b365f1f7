/**
 * Copies a physical disk into a dynamic VHDX. Needs an elevated prompt; the disk must be offline or
 * read-only, so that it does not change meanwhile.
 *
 *     deno run --allow-ffi examples/create_from_physical_disk.ts NUMBER IMAGE.vhdx
 *
 * NUMBER is the disk's in `Get-Disk`: 1 is \\.\PhysicalDrive1. Ctrl-C cancels; nothing is left behind then.
 */
import { createVirtualDisk, VirtualDiskError } from "@virtdisk/virtdisk";

const [number, image] = Deno.args;
if (number === undefined || !/^\d+$/.test(number) || image === undefined) {
  console.error("usage: create_from_physical_disk.ts NUMBER IMAGE.vhdx");
  Deno.exit(2);
}

const controller = new AbortController();
const cancel = () => controller.abort();
Deno.addSignalListener("SIGINT", cancel);
try {
  using disk = await createVirtualDisk(image, {
    backend: "native",
    source: `\\\\.\\PhysicalDrive${number}`,
    flags: ["prevent-writes-to-source-disk"],
    signal: controller.signal,
    onProgress: ({ fraction }) => console.log(`${Math.floor(100 * fraction)} %`),
  });
  console.log(disk.getInformation("size"));
} catch (error) {
  if (!(error instanceof VirtualDiskError) && !controller.signal.aborted) throw error;
  // Off Windows: the native backend needs Windows.
  console.error(controller.signal.aborted ? "cancelled" : (error as Error).message);
  Deno.exitCode = 1;
} finally {
  Deno.removeSignalListener("SIGINT", cancel);
}
