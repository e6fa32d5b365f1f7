/** What a process holds of its system: descriptors, locks, memory, temporary files. */

import { join } from "@std/path";

/** Of the process that asks. Linux tells it; the collector of garbage is there with `--v8-flags=--expose-gc`. */
export interface Footprint {
  /** On files of the folder, the folder itself, and what the system tells of processes. */
  readonly descriptors: number;
  /** Locks that this process holds on files of the folder. */
  readonly locks: number;
  /** Of JavaScript, after everything that is not used is gone. */
  readonly heapBytes: number;
  /** Of the whole process. */
  readonly residentBytes: number;
  /** Files with temporary names in the folder. */
  readonly temporaryFiles: number;
}

/** Looks at this process, and at a folder that it works in. */
export async function footprint(folder: string): Promise<Footprint> {
  const { gc } = globalThis as unknown as { gc: () => void };
  for (let i = 0; i < 3; i++) {
    gc();
    // What is finalized is so in a later turn.
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const { heapUsed, external, rss } = Deno.memoryUsage();
  return {
    descriptors: openFiles(folder).length,
    locks: locks(folder),
    heapBytes: heapUsed + external,
    residentBytes: rss,
    temporaryFiles:
      [...Deno.readDirSync(folder)].filter(({ name }) => name.endsWith(".tmp")).length,
  };
}

/** What of a folder, or of the process file system, this process has open; Deno has more, of which it is the owner. */
export function openFiles(folder: string): string[] {
  return [...Deno.readDirSync("/proc/self/fd")].flatMap(({ name }) => {
    try {
      const path = Deno.readLinkSync(`/proc/self/fd/${name}`);
      return path.startsWith(folder) || path.startsWith("/proc/") ? [path] : [];
    } catch {
      // That by which they are listed.
      return [];
    }
  });
}

/** Those of this process on files of a folder: Deno has some of its own. */
function locks(folder: string): number {
  const inodes = new Set(
    [...Deno.readDirSync(folder)].map(({ name }) => String(Deno.statSync(join(folder, name)).ino)),
  );
  return Deno.readTextFileSync("/proc/locks").split("\n").filter((line) => {
    const [, , , , pid, place] = line.split(/ +/);
    return pid === String(Deno.pid) && inodes.has(place!.split(":")[2]!);
  }).length;
}
