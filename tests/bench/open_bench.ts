/**
 * Opening an image, asking for all information, closing it, against a flat file that is opened, asked for its status
 * and closed. Microseconds are the least of all rounds, so that a busy machine says less.
 *
 * Where they go, on a machine on which a flat file takes 9 (Deno 2.9.5, with leave to read the images alone): 15 are
 * the calls of the system that are made besides (the path's status before, so that no pipe is waited for; the absolute
 * path; the lock; whether `/proc/locks` may be read, where others' locks are; the structures). The rest is what
 * JavaScript does: checksums of 64 KiB of region table and two headers 8, of a footer and a sparse header 1, of
 * what is read into objects 3 to 6, the sector with the partition table 8.
 *
 * With `--allow-all` the system is asked who else has locked the file: Linux stops all locking until each processor
 * has taken notice, which takes 50 and more. No order of calls avoids that.
 *
 * @module
 */
import { openVirtualDiskSync } from "@virtdisk/virtdisk";
import { compare, type Contender, milliseconds } from "./measure.ts";
import { recordCalls } from "./system_calls.ts";

/** In a round. */
export const OPENS = 20;
const ROUNDS = 150;

/** What is opened. */
export interface OpenedFiles {
  readonly title: string;
  readonly flat: string;
  readonly images: readonly { readonly name: string; readonly path: string }[];
}

/** Compares images with a flat file, and each with the calls of the system that opening it takes. */
export function benchOpens(
  { title, flat, images }: OpenedFiles,
  others: readonly Contender[] = [],
  absent: readonly string[] = [],
): void {
  const contenders: Contender[] = [
    { name: "flat file: openSync, statSync, close", run: timed(() => openFlat(flat)) },
  ];
  for (const { name, path } of images) {
    openOnce(path);
    const { run, names } = recordCalls(() => openOnce(path));
    contenders.push(
      { name: `${name}: virtdisk: open, information(), close`, run: timed(() => openOnce(path)) },
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

// By itself: with no more permission than to read the images, as whoever opens untrusted ones.
if (import.meta.main) { for (const each of JSON.parse(Deno.args[0]!)) benchOpens(each); }
