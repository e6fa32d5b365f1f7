/**
 * Writes to a disk until it is killed: `kill_child.ts image seed version`. Before each operation it
 * prints what it is about to do, after each flush that it is done: the parent knows what must be there.
 */
import { openVirtualDiskSync } from "@virtdisk/virtdisk";
import { Random } from "../fuzz/random.ts";
import { randomSteps } from "./scenario.ts";
import { SECTOR, stamped } from "./stamp.ts";

const [path, seed, version] = Deno.args;
if (path === undefined) throw new Error("no image is named");
// It may read its image alone, so that it cannot look for children.
using disk = openVirtualDiskSync(path, {
  backend: "portable",
  readOnly: false,
  ignoreChildren: true,
});
const { virtualSize, blockSize } = disk.getInformation("size");
const sectors = virtualSize / SECTOR;
const text = new TextEncoder();
const steps = randomSteps(new Random(Number(seed)), 4000, {
  sectors,
  blockSectors: blockSize / SECTOR || sectors / 8,
});
let next = Number(version);
for (const step of steps) {
  switch (step[0]) {
    case "write": {
      const [kind, first, count] = step;
      report(kind, first, count, next);
      disk.writeSync(stamped(first, count, next++), first * SECTOR);
      break;
    }
    case "trim": {
      const [kind, first, count] = step;
      report(kind, first, count);
      disk.trimSync(first * SECTOR, count * SECTOR);
      // Some disks keep what is trimmed.
      const now = new Uint8Array(count * SECTOR);
      disk.readSync(now, first * SECTOR);
      if (now.every((byte) => byte === 0)) report("zeros", first, count);
      break;
    }
    case "flush":
      disk.flushSync();
      report("flushed");
  }
}

/** Returns once the parent can read it, whatever becomes of this process. */
function report(...words: readonly (string | number)[]): void {
  const bytes = text.encode(`${words.join(" ")}\n`);
  for (let done = 0; done < bytes.length;) done += Deno.stdout.writeSync(bytes.subarray(done));
}
