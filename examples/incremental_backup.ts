/**
 * Saves what a child disk changes in a new folder: each range in a file that is named after its offset in the disk,
 * and at last backup.json, which says that all are there. `restore_backup.ts` puts them over the parent again. A
 * damaged image is not saved.
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

await Deno.mkdir(folder);
// The contents of a disk are read by the portable backend, on every system.
using disk = await openVirtualDisk(path, { backend: "portable" });
const signal = AbortSignal.timeout(60 * 60 * 1000);
const ranges: { offset: number; length: number }[] = [];
for await (const { offset, length } of virtualDiskChanges(path, { signal })) {
  await Deno.writeFile(join(folder, `${offset}.bin`), disk.readable({ offset, length, signal }));
  ranges.push({ offset, length });
}
const backup = {
  size: disk.size,
  // By these a restore knows what goes over what.
  parent: disk.getInformation("parentIdentifier"),
  identifier: disk.getInformation("identifier"),
  ranges,
};
await Deno.writeTextFile(join(folder, "backup.json"), JSON.stringify(backup));
const total = ranges.reduce((sum, { length }) => sum + length, 0);
console.log(`${total} bytes of ${disk.size}`);
