/**
 * Conversions by the portable backend, of every kind of image to every kind, into a file and as a stream that
 * goes into a file; against a plain loop in Deno over the same bytes, and against qemu-img. All make the result
 * durable: `qemu-img -t writeback` flushes at the end, which its default does not.
 *
 * A copy takes a little more of the processor than the loop: for what is the same whatever the size (opening, locks, and
 * the flushes between tables, headers and the mark of the format), and for handing each piece to the thread that writes.
 * In return reading, writing and flushing overlap, where a second processor is free. A stream costs more: each chunk is
 * its reader's, so it has memory of its own, which is filled with zeros before the bytes come. A plain loop that gives a
 * stream pays that too, and is measured beside it. A reader that brings its own memory does not.
 *
 * `deno run --allow-all tests/bench/convert_bench.ts [SIZE [NAME]]` measures these alone: disks of so many MiB, and
 * those conversions whose title has the name in it. With `TMPDIR` in memory, as `/dev/shm`, flushing costs
 * nothing, and what is left is the work of the processor.
 *
 * @module
 */
import { createVirtualDisk, openVirtualDisk, type PortableVirtualDisk } from "@virtdisk/virtdisk";
import { Buffer } from "node:buffer";
import { exists, run, TempDir, tool, writeAll } from "../support.ts";
import { DISK_SIZE, makeFlatFile } from "./images.ts";
import type { Goal } from "../../docs/build/benchmarks.ts";
import { compareLong, type LongContender } from "./measure.ts";

interface Kind {
  readonly name: string;
  readonly type: "vhd" | "vhdx" | "raw";
  readonly subtype: "dynamic" | "fixed";
  readonly qemu: { readonly format: string; readonly options: readonly string[] };
}

const vpc = (subformat: string) => ({
  format: "vpc",
  options: ["-o", `subformat=${subformat},force_size=on`],
});

const KINDS: readonly Kind[] = [
  { name: "raw", type: "raw", subtype: "fixed", qemu: { format: "raw", options: [] } },
  { name: "dynamic VHD", type: "vhd", subtype: "dynamic", qemu: vpc("dynamic") },
  { name: "fixed VHD", type: "vhd", subtype: "fixed", qemu: vpc("fixed") },
  {
    name: "dynamic VHDX",
    type: "vhdx",
    subtype: "dynamic",
    qemu: { format: "vhdx", options: ["-o", "subformat=dynamic"] },
  },
];

interface Conversion {
  readonly source: string;
  readonly from: Kind;
  readonly to: Kind;
  /** Bytes of the disk. */
  readonly size: number;
}

/** What the plain loop reads at once, in bytes. */
const PIECE = 2 ** 20;
const ZEROS = new Uint8Array(PIECE);

/** Measures all conversions; needs qemu-img. */
export async function benchConversions(size = DISK_SIZE, name = ""): Promise<void> {
  const missing = tool("qemu-img")();
  if (missing !== undefined) return console.log(`\nConversions: not measured, ${missing}`);
  using dir = new TempDir();
  const flat = makeFlatFile(dir, size);
  for (const from of KINDS) {
    const source = from.type === "raw" ? flat : dir.file("source");
    if (from.type !== "raw") qemuConvert(KINDS[0]!, flat, from, source);
    for (const to of KINDS) {
      const conversion = { source, from, to, size };
      if (titleOf(conversion).includes(name)) await benchConversion(conversion, dir);
    }
  }
}

function titleOf({ from, to }: Conversion): string {
  return `${from.name} to ${to.name}`;
}

async function benchConversion(conversion: Conversion, dir: TempDir): Promise<void> {
  const { source, from, to, size } = conversion;
  const [ours, theirs, looped] = [dir.file("ours"), dir.file("theirs"), dir.file("looped")];
  const title = `${size / 2 ** 20} MiB, the first half data: ${titleOf(conversion)}`;
  const group = async (part: string, contenders: Converter[], goals: Goal[]) =>
    await compareLong({
      title: `${title}, ${part}`,
      operation: "conversion",
      contenders: contenders.map(({ target, ...contender }) => ({
        ...contender,
        prepare: () => makeRoom(dir, target, size),
      })),
      goals,
    });
  const same = () => {
    const formats = ["-f", to.qemu.format, "-F", to.qemu.format];
    run("qemu-img", "compare", "-q", ...formats, ours, theirs);
  };
  const streamed = from.type === "raw"
    ? [{
      name: "virtdisk: createVirtualDisk from a stream",
      target: ours,
      run: () => copyFromStream(conversion, ours),
    }]
    : [];
  await group("as a file", [
    { name: LOOP, target: looped, run: () => plainLoop(source, looped) },
    {
      name: "qemu-img convert",
      target: theirs,
      run: () => qemuConvert(from, source, to, theirs),
    },
    { name: "virtdisk: createVirtualDisk", target: ours, run: () => copy(conversion, ours) },
    ...streamed,
  ], goalsOf("virtdisk: createVirtualDisk", "qemu-img convert", 1.1));
  same();
  // A stream has no holes: qemu-img writes the zeros of a whole disk too if told so.
  const isFull = to.subtype === "fixed";
  const peer = isFull ? "qemu-img convert -S 0" : "qemu-img convert";
  await group("as a stream", [
    {
      name: LOOP,
      target: looped,
      run: () => plainLoop(source, looped, isFull ? size : undefined),
    },
    {
      name: peer,
      target: theirs,
      run: () => qemuConvert(from, source, to, theirs, isFull ? ["-S", "0"] : []),
    },
    {
      name: "a plain loop that gives a stream",
      target: looped,
      run: () => plainStream(source, looped, isFull ? size : undefined),
    },
    { name: PIPED, target: ours, run: () => copyByPipe(conversion, ours) },
    { name: READ, target: ours, run: () => copyByReader(conversion, ours) },
  ], [...goalsOf(PIPED, peer, 1), ...goalsOf(READ, peer, 1)]);
  same();
}

/** Who converts, into a file of their own. */
interface Converter extends LongContender {
  readonly target: string;
}

const LOOP = "a plain loop";
/** Each chunk in new memory, or all in one that the reader brings. */
const PIPED = "virtdisk: imageStream into a file";
const READ = 'virtdisk: imageStream, getReader({ mode: "byob" }), into a file';

/** What is wanted: little more time than the loop takes, and less than the peer. */
function goalsOf(ours: string, peer: string, atLeast: number): Goal[] {
  return [{ of: ours, to: LOOP, atMost: 1.1 }, { of: peer, to: ours, atLeast }];
}

/**
 * Makes room for what a run is going to make. A virtual machine gives memory that has been free for a while back to its
 * host, and takes much longer to get it again than a conversion may; so some is used and freed first, which all then
 * find. Without this, any of them takes up to twice as long now and then.
 */
function makeRoom(dir: TempDir, target: string, size: number): void {
  if (exists(target)) Deno.removeSync(target);
  const path = dir.file("room");
  {
    using file = Deno.openSync(path, { write: true, create: true });
    for (let written = 0; written < size; written += PIECE) file.writeSync(ZEROS);
  }
  Deno.removeSync(path);
}

/**
 * The pieces of a file, in order. Each is good until the next one is asked for.
 *
 * @param length With it the zeros too, and more of them up to so many bytes.
 * @param create Gives the memory of a piece.
 */
function* pieces(
  source: string,
  length: number | undefined,
  create: () => Uint8Array<ArrayBuffer>,
): Generator<{ readonly position: number; readonly bytes: Uint8Array<ArrayBuffer> }> {
  using file = Deno.openSync(source);
  const { size } = file.statSync();
  const end = Math.max(size, length ?? 0);
  for (let position = 0; position < end; position += PIECE) {
    const bytes = create().subarray(0, end - position);
    let filled = 0;
    while (filled < bytes.length) {
      const count = file.readSync(bytes.subarray(filled));
      if (count === null) break;
      filled += count;
    }
    bytes.fill(0, filled);
    const isZero = Buffer.compare(bytes, ZEROS.subarray(0, bytes.length)) === 0;
    if (length !== undefined || !isZero) yield { position, bytes };
  }
}

/** Reads a file from its beginning to its end, and writes what is not zeros into another. */
function plainLoop(source: string, target: string, length?: number): void {
  using file = Deno.openSync(target, { write: true, create: true, truncate: true });
  const buffer = new Uint8Array(PIECE);
  for (const { position, bytes } of pieces(source, length, () => buffer)) {
    file.seekSync(position, Deno.SeekMode.Start);
    writeAll(file, bytes);
  }
  file.syncSync();
}

/** The same bytes as they are in a stream, each chunk in memory of its own. */
async function plainStream(source: string, target: string, length?: number): Promise<void> {
  const reading = pieces(source, length, () => new Uint8Array(PIECE));
  const readable = new ReadableStream({
    pull(controller) {
      const { value, done } = reading.next();
      if (done) controller.close();
      else controller.enqueue(value.bytes);
    },
  });
  await intoFile(readable, target);
}

async function intoFile(readable: ReadableStream<Uint8Array>, target: string): Promise<void> {
  const { writable } = await Deno.open(target, { write: true, create: true, truncate: true });
  // Deno 2.9 does not wait for the last chunk if the file is to stay open.
  await readable.pipeTo(writable);
  using file = Deno.openSync(target, { write: true });
  file.syncSync();
}

function qemuConvert(
  from: Kind,
  source: string,
  to: Kind,
  target: string,
  more: readonly string[] = [],
): void {
  const formats = ["-f", from.qemu.format, "-O", to.qemu.format, ...to.qemu.options];
  run("qemu-img", "convert", "-t", "writeback", ...more, ...formats, source, target);
}

function creationOf({ from, to: { type, subtype } }: Conversion) {
  const shape = type === "raw" ? { type } : { type, subtype };
  return { ...shape, sourceType: from.type, overwrite: true, backend: "portable" } as const;
}

async function copy(conversion: Conversion, target: string): Promise<void> {
  const options = creationOf(conversion);
  (await createVirtualDisk(target, { ...options, source: conversion.source })).close();
}

async function copyFromStream(conversion: Conversion, target: string): Promise<void> {
  const { source, size } = conversion;
  const { readable } = await Deno.open(source);
  const options = creationOf(conversion);
  (await createVirtualDisk(target, { ...options, source: readable, size })).close();
}

async function copyByPipe({ source, from, to }: Conversion, target: string): Promise<void> {
  using disk = await openVirtualDisk(source, { backend: "portable", type: from.type });
  await intoFile(await streamOf(disk, to), target);
}

async function copyByReader({ source, from, to }: Conversion, target: string): Promise<void> {
  using disk = await openVirtualDisk(source, { backend: "portable", type: from.type });
  const reader = (await streamOf(disk, to)).getReader({ mode: "byob" });
  using file = Deno.openSync(target, { write: true, create: true, truncate: true });
  for (let memory = new Uint8Array(PIECE);;) {
    const { done, value } = await reader.read(memory);
    if (done) break;
    writeAll(file, value);
    memory = new Uint8Array(value.buffer);
  }
  file.syncSync();
}

async function streamOf(disk: PortableVirtualDisk, { type, subtype }: Kind) {
  const { readable } = await disk.imageStream(type === "raw" ? { type } : { type, subtype });
  return readable;
}

if (import.meta.main) {
  const [mebibytes = `${DISK_SIZE / 2 ** 20}`, name] = Deno.args;
  await benchConversions(Number(mebibytes) * 2 ** 20, name);
}
