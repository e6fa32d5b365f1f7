/**
 * Makes a disk of a base and what `incremental_backup.ts` has saved of its children, the oldest first.
 *
 *     deno run --allow-read=. --allow-write=. examples/restore_backup.ts base.vhdx new.vhdx FOLDER...
 */
import { join } from "@std/path";
import { createVirtualDisk, openVirtualDisk } from "@virtdisk/virtdisk/portable";

interface Backup {
  readonly size: number;
  readonly parent: string;
  readonly identifier: string;
  readonly ranges: readonly { readonly offset: number; readonly length: number }[];
}

const [base, target, ...folders] = Deno.args;
if (base === undefined || target === undefined || folders.length === 0) {
  console.error("usage: restore_backup.ts BASE NEW FOLDER...");
  Deno.exit(2);
}

let identifier = await identifierOf(base);
const backups: (Backup & { readonly folder: string })[] = [];
for (const folder of folders) {
  // Without this file the backup did not come to its end.
  const backup: Backup = JSON.parse(await Deno.readTextFile(join(folder, "backup.json")));
  if (backup.parent !== identifier) fail(`${folder} is of a child of another disk`);
  for (const { offset, length } of backup.ranges) {
    const { size } = await Deno.stat(join(folder, `${offset}.bin`));
    if (size !== length) fail(`${folder}: ${offset}.bin has ${size} bytes, not ${length}`);
  }
  backups.push({ ...backup, folder });
  identifier = backup.identifier;
}

using disk = await createVirtualDisk(target, { source: base });
try {
  for (const { size, ranges, folder } of backups) {
    if (size !== disk.size) await disk.resize(size);
    for (const { offset } of ranges) {
      using file = await Deno.open(join(folder, `${offset}.bin`));
      await file.readable.pipeTo(disk.writable({ offset }));
    }
  }
} catch (error) {
  disk.close();
  await Deno.remove(target);
  throw error;
}

async function identifierOf(path: string): Promise<string> {
  using disk = await openVirtualDisk(path);
  return disk.getInformation("identifier");
}

function fail(message: string): never {
  console.error(message);
  Deno.exit(1);
}
