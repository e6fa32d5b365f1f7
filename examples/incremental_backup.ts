/**
 * Saves what a child disk changes: each range in a file that is named after its offset in the disk. Put over
 * a copy of the parent, they make what the child holds. A damaged image is not saved.
 *
 *     deno run --allow-read=. --allow-write=FOLDER examples/incremental_backup.ts child.vhdx FOLDER
 */
import { join } from "@std/path";
import { checkVirtualDisk, openVirtualDisk, virtualDiskChanges } from "@virtdisk/virtdisk";

const [path, folder] = Deno.args;
if (path === undefined || folder === undefined) {
  console.error("usage: incremental_backup.ts CHILD FOLDER");
  Deno.exit(2);
}

const { sound, findings } = await checkVirtualDisk(path);
if (!sound) {
  for (const { severity, structure, offset, found, expected } of findings) {
    console.error(`${severity}: ${structure} at ${offset}: ${found}, expected ${expected}`);
  }
  Deno.exit(1);
}

// The contents of a disk are read by the portable backend, on every system.
using disk = await openVirtualDisk(path, { backend: "portable" });
const signal = AbortSignal.timeout(60 * 60 * 1000);
let total = 0;
for await (const { offset, length } of virtualDiskChanges(path, { signal })) {
  await Deno.writeFile(join(folder, `${offset}.bin`), disk.readable({ offset, length, signal }));
  total += length;
}
console.log(`${total} bytes of ${disk.getInformation("size").virtualSize}`);
