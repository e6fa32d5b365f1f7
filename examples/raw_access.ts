/**
 * Copies the first megabyte of a disk through Windows, without a drive letter and without the disk
 * appearing on the machine. Needs an elevated prompt. Off Windows, and without elevation,
 * `read_sectors.ts` does the like through the portable backend.
 *
 *     deno run --allow-ffi --allow-write=OUTPUT examples/raw_access.ts IMAGE OUTPUT
 */
import { openVirtualDisk, VirtualDiskError } from "@virtdisk/virtdisk";

const [image, output] = Deno.args;
if (image === undefined || output === undefined) {
  console.error("usage: raw_access.ts IMAGE OUTPUT");
  Deno.exit(2);
}

try {
  using disk = await openVirtualDisk(image, { backend: "native" });
  await using _attachment = await disk.attach({ readOnly: true, noLocalHost: true });
  // Whole sectors: a megabyte is so many of 512 as of 4096 bytes.
  const megabyte = new Uint8Array(1024 * 1024);
  const length = disk.readSync(megabyte, 0);
  await Deno.writeFile(output, megabyte.subarray(0, length));
} catch (error) {
  if (!(error instanceof VirtualDiskError)) throw error;
  // Off Windows: the native backend needs Windows.
  console.error(error.message);
  Deno.exitCode = 1;
}
