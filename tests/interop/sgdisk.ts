/** Empty disks with partitions, as sgdisk makes them. */
import { run, writeAll } from "../support.ts";

/** So much at either end of a disk has all of a partition table. */
const END = 2 ** 20;

/** What it has made, by what it was told: both ends of the disk. */
const made = new Map<string, readonly [start: Uint8Array, end: Uint8Array]>();

/**
 * Makes a file of zeros with the partitions that sgdisk makes when it is told so.
 *
 * It is asked once for the same: whenever it has written, it waits for all disks of the machine, and then for a second.
 */
export function makePartitioned(path: string, size: number, ...args: string[]): void {
  Deno.writeFileSync(path, new Uint8Array());
  Deno.truncateSync(path, size);
  const wish = JSON.stringify([size, ...args]);
  const known = made.get(wish);
  using file = Deno.openSync(path, { read: true, write: true });
  const ends = [0, Math.max(0, size - END)];
  if (known === undefined) {
    run("sgdisk", ...args, path);
    const [start, end] = ends.map((offset) => {
      const bytes = new Uint8Array(Math.min(size, END));
      file.seekSync(offset, Deno.SeekMode.Start);
      for (let done = 0; done < bytes.length;) done += file.readSync(bytes.subarray(done))!;
      return bytes;
    });
    made.set(wish, [start!, end!]);
    return;
  }
  for (const [i, bytes] of known.entries()) {
    file.seekSync(ends[i]!, Deno.SeekMode.Start);
    writeAll(file, bytes);
  }
}
