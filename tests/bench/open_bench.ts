/**
 * Opening an image, asking for all information, closing it, against a flat file that is opened, asked for its status
 * and closed. Microseconds are the least of all rounds, so that a busy machine says less.
 *
 * Where they go (November 2026, Deno 2.9.5, leave to read the images alone, two busy processors on which a flat file
 * takes 8): of what is above that, the calls of Deno take 8 for a VHD and 13 for a VHDX, which is the least that it can
 * be (the path's status before it is opened, so that no pipe is waited for; its absolute path; the lock; whether
 * `/proc/locks` may be read; the structures, each once). The checksums of a VHDX take 8 (4 for 64 KiB of region
 * table, 2 for each header), those of a VHD 1; to make objects of a structure takes 1 for each; the first sector, for
 * which a page of the block table is read and its entries are compared, 8 to 10. The rest, 15 for a VHD and 20 for a
 * VHDX, is spread over all of the code, and includes the garbage collector's part. Whoever reads the first block of a
 * disk of 4 TiB and more, beyond what `information()` tells of its partitions, waits for 100 more: 1 MiB of table is
 * looked through before the block is believed to be where its entry says.
 *
 * With `--allow-all`, the system is asked besides who else has locked files, once for all that are opened in a
 * millisecond, so that what is measured here has a tenth of it: to ask takes 50. Linux stops all locking until each
 * processor has taken notice of that. On a busy machine others wait for it, for milliseconds.
 *
 * @module
 */
import { openVirtualDiskSync } from "@virtdisk/virtdisk";
import type { Goal } from "../../docs/build/benchmarks.ts";
import { compare, type Contender, measured, milliseconds } from "./measure.ts";
import { recordCalls } from "./system_calls.ts";

/** In a round. */
export const OPENS = 20;
const ROUNDS = 150;

/** What is opened. */
export interface OpenedFiles {
  readonly title: string;
  readonly flat: string;
  readonly images: readonly { readonly name: string; readonly path: string }[];
  readonly goals?: readonly Goal[];
}

export const FLAT = "flat file: openSync, statSync, close";

/** What opening an image is called. */
export function opening(name: string): string {
  return `${name}: virtdisk: open, information(), close`;
}

/** Compares images with a flat file, and each with the calls of the system that opening it takes. */
export function benchOpens(
  { title, flat, images, goals = [] }: OpenedFiles,
  others: readonly Contender[] = [],
  absent: readonly string[] = [],
): void {
  const contenders: Contender[] = [
    { name: FLAT, run: timed(() => openFlat(flat)) },
  ];
  for (const { name, path } of images) {
    openOnce(path);
    const { run, names } = recordCalls(() => openOnce(path));
    contenders.push(
      { name: opening(name), run: timed(() => openOnce(path)) },
      { name: `${name}: its ${names.length} calls of Deno alone`, run: timed(run) },
    );
  }
  compare({
    title,
    operations: OPENS,
    operation: "open",
    contenders: [...contenders, ...others],
    absent,
    rounds: ROUNDS,
    showsLeast: true,
    goals,
  });
}

function timed(open: () => void): () => number {
  return () =>
    milliseconds(() => {
      for (let i = 0; i < OPENS; i++) open();
    });
}

function openFlat(path: string): void {
  const file = Deno.openSync(path);
  file.statSync();
  file.close();
}

function openOnce(path: string): void {
  const disk = openVirtualDiskSync(path, { backend: "portable" });
  disk.information();
  disk.close();
}

// By itself: with no more permission than to read the images, as whoever opens untrusted ones. The last line is what was
// measured, for the program that asks for it.
if (import.meta.main) {
  for (const each of JSON.parse(Deno.args[0]!)) benchOpens(each);
  console.log(JSON.stringify(measured()));
}
