/**
 * Prints what images are.
 *
 *     deno run --allow-read=. examples/inspect.ts FILE...
 */
import { openVirtualDisk, VirtualDiskError } from "@virtdisk/virtdisk";

if (Deno.args.length === 0) {
  console.error("usage: inspect.ts FILE...");
  Deno.exitCode = 2;
}

for (const path of Deno.args) {
  try {
    // An opener for information only is in nobody's way, and nobody in its.
    using disk = await openVirtualDisk(path, { getInfoOnly: true });
    console.log(disk.path, disk.information());
  } catch (error) {
    if (!(error instanceof VirtualDiskError)) throw error;
    console.error(error.message);
    Deno.exitCode = 1;
  }
}
