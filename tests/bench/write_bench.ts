/**
 * Writes by the portable backend against a flat file written by plain Deno calls, and against qemu-img:
 * into images that are new in every round, made durable at the end.
 *
 * @module
 */
import { createVirtualDisk, openVirtualDiskSync } from "@virtdisk/virtdisk";
import { assertBytesEqual, pattern, run, TempDir, tool } from "../support.ts";
import { compare, milliseconds } from "./measure.ts";

const SIZE = 1 << 30;
const FORMATS = ["vhd", "vhdx"] as const;
type Format = typeof FORMATS[number];

interface Writes {
  readonly name: string;
  /** Bytes of a write. */
  readonly length: number;
  readonly count: number;
  /** From one write to the next; offsets start anew at the end of the disk. */
  readonly step: number;
}

const WRITES: readonly Writes[] = [
  { name: "1 MiB writes in order", length: 1 << 20, count: 256, step: 1 << 20 },
  // The step is odd in units of the length, so that the writes are scattered and none is repeated.
  {
    name: "scattered 4 KiB writes",
    length: 4096,
    count: 5000,
    step: 4096 * 8191,
  },
];

/** Onto what is there, of a disk with sectors of 4096 bytes; flushed after so many writes. */
const OVERWRITES: readonly (Writes & { readonly flushEvery: number })[] = [
  { name: "1 MiB in order, a flush", length: 1 << 20, count: 64, step: 1 << 20, flushEvery: 64 },
  {
    name: "4 KiB scattered, a flush",
    length: 4096,
    count: 5000,
    step: 4096 * 8191,
    flushEvery: 5000,
  },
  {
    name: "4 KiB scattered, 40 flushes",
    length: 4096,
    count: 2000,
    step: 4096 * 8191,
    flushEvery: 50,
  },
  {
    name: "4 KiB scattered, each flushed",
    length: 4096,
    count: 200,
    step: 4096 * 8191,
    flushEvery: 1,
  },
];
const OVERWRITTEN_SIZE = 1 << 28;

/** Measures what it costs that no sector of 4096 bytes is ever torn. */
export async function benchOverwrites(): Promise<void> {
  using dir = new TempDir();
  const path = dir.file("sectors.vhdx");
  {
    const options = { size: OVERWRITTEN_SIZE, sectorSize: 4096, backend: "portable" } as const;
    using disk = await createVirtualDisk(path, options);
    const bytes = pattern(1 << 20);
    for (let at = 0; at < OVERWRITTEN_SIZE; at += bytes.length) disk.writeSync(bytes, at);
  }
  for (const writes of OVERWRITES) {
    compare({
      title: `VHDX with sectors of 4096 bytes, overwritten: ${writes.name}`,
      operations: writes.count,
      operation: "write",
      contenders: [
        { name: "virtdisk: in place", run: () => overwrite(path, writes, false) },
        {
          name: "virtdisk: through the log, atomicSectors",
          run: () => overwrite(path, writes, true),
        },
      ],
    });
  }
}

function overwrite(
  path: string,
  writes: typeof OVERWRITES[number],
  atomicSectors: boolean,
): number {
  const bytes = pattern(writes.length, 1);
  let done = 0;
  return milliseconds(() => {
    using disk = openVirtualDiskSync(path, { backend: "portable", readOnly: false, atomicSectors });
    for (const offset of offsets(writes, OVERWRITTEN_SIZE)) {
      disk.writeSync(bytes, offset);
      if (++done % writes.flushEvery === 0) disk.flushSync();
    }
  });
}

const FLAT = "flat file: seekSync, writeSync, syncSync";
const OURS = "virtdisk: open, writeSync, flushSync, close";
const QEMU = "qemu-img bench -w";

/** Measures both kinds of writes; needs qemu-img. */
export async function benchWrites(): Promise<void> {
  const missing = tool("qemu-img")();
  if (missing !== undefined) return console.log(`\nWrites: not measured, ${missing}`);
  using dir = new TempDir();
  const flat = dir.file("flat.raw");
  const empty: Record<Format, string> = {
    vhd: dir.file("empty.vhd"),
    vhdx: dir.file("empty.vhdx"),
  };
  for (const format of FORMATS) {
    (await createVirtualDisk(empty[format], { size: SIZE, backend: "portable" })).close();
  }
  for (const writes of WRITES) {
    for (const format of FORMATS) benchFormat(writes, format, empty[format], flat, dir);
  }
}

function benchFormat(
  writes: Writes,
  format: Format,
  empty: string,
  flat: string,
  dir: TempDir,
): void {
  const ours = dir.file(`ours.${format}`);
  const theirs = dir.file(`theirs.${format}`);
  compare({
    title: `Dynamic ${format.toUpperCase()}: ${writes.name}, and a flush`,
    operations: writes.count,
    operation: "write",
    goals: writes.step !== writes.length
      ? [{ of: OURS, to: FLAT, atMost: 1.2 }, { of: QEMU, to: OURS, atLeast: 1.2 }]
      : [],
    contenders: [
      { name: FLAT, run: () => writeFlat(flat, writes) },
      {
        name: OURS,
        run: () => {
          Deno.copyFileSync(empty, ours);
          return writeImage(ours, writes);
        },
      },
      {
        name: QEMU,
        run: () => {
          Deno.copyFileSync(empty, theirs);
          return writeQemu(theirs, format, writes);
        },
      },
    ],
  });
  assertSame(flat, ours, writes);
}

function* offsets({ length, count, step }: Writes, size = SIZE): Generator<number> {
  for (let i = 0; i < count; i++) yield (i * step) % (size - length + 1) & -length;
}

function writeFlat(path: string, writes: Writes): number {
  using file = Deno.openSync(path, { write: true, create: true, truncate: true });
  file.truncateSync(SIZE);
  const bytes = pattern(writes.length);
  return milliseconds(() => {
    for (const offset of offsets(writes)) {
      file.seekSync(offset, Deno.SeekMode.Start);
      file.writeSync(bytes);
    }
    file.syncSync();
  });
}

function writeImage(path: string, writes: Writes): number {
  const bytes = pattern(writes.length);
  return milliseconds(() => {
    using disk = openVirtualDiskSync(path, { backend: "portable", readOnly: false });
    for (const offset of offsets(writes)) disk.writeSync(bytes, offset);
    disk.flushSync();
  });
}

/** Its own count of time, without its start; it flushes at the end of the run as the others do. */
function writeQemu(path: string, format: Format, { length, count, step }: Writes): number {
  const requests = ["-c", `${count}`, "-d", "1", "-s", `${length}`, "-S", `${step}`];
  const flags = ["-w", "-t", "writeback", "--flush-interval", `${count}`];
  const type = format === "vhd" ? "vpc" : format;
  const output = run("qemu-img", "bench", "-f", type, ...flags, ...requests, path);
  const seconds = /Run completed in ([\d.]+) seconds/.exec(output)?.[1];
  if (seconds === undefined) throw new Error(`qemu-img bench did not tell a time:\n${output}`);
  return 1000 * Number(seconds);
}

/** What was timed has been done. */
function assertSame(flat: string, image: string, writes: Writes): void {
  using file = Deno.openSync(flat);
  using disk = openVirtualDiskSync(image, { backend: "portable" });
  const expected = new Uint8Array(writes.length);
  const actual = new Uint8Array(writes.length);
  for (const offset of offsets(writes)) {
    file.seekSync(offset, Deno.SeekMode.Start);
    file.readSync(expected);
    disk.readSync(actual, offset);
    assertBytesEqual(actual, expected, `offset ${offset}`);
  }
}
