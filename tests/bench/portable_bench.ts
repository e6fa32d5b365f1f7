/**
 * The portable backend against a flat file read by plain Deno calls, against libvhdi and against
 * qemu-img, which all read the same bytes in the same order.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { openVirtualDiskSync, type PortableVirtualDisk } from "@virtdisk/virtdisk";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { assertBytesEqual, pythonModule, TempDir, tool } from "../support.ts";
import { type BenchImage, makeFlatFile, makeImages } from "./images.ts";
import { compare, type Contender, milliseconds } from "./measure.ts";
import { hashVhdiReads, timeQemuReads, timeVhdiOpens, timeVhdiReads } from "./other_tools.ts";
import { offsetsOf, READS, type Reads } from "./reads.ts";

const OPENS = 300;

/** Measures opening and reading; needs qemu-img, which makes the images. */
export function benchPortable(): void {
  const missing = tool("qemu-img")();
  if (missing !== undefined) return console.log(`\nPortable backend: not measured, ${missing}`);
  const noVhdi = pythonModule("pyvhdi")();
  using dir = new TempDir();
  const flat = makeFlatFile(dir);
  for (const image of makeImages(dir, flat)) {
    benchOpening(flat, image, noVhdi);
    for (const reads of READS) benchReading(flat, image, reads, noVhdi);
  }
}

function benchOpening(flat: string, image: BenchImage, noVhdi: string | undefined): void {
  const contenders: Contender[] = [
    { name: "flat file: openSync, statSync, close", run: () => timeFlatOpens(flat) },
    { name: "virtdisk: open, information(), close", run: () => timeOpens(image.path) },
  ];
  if (noVhdi === undefined) {
    const name = "libvhdi in Python: open, size, identifiers, close";
    contenders.push({ name, run: () => timeVhdiOpens(image, OPENS) });
  }
  compare({
    title: `Dynamic ${image.name}: open`,
    operations: OPENS,
    operation: "open",
    contenders,
    absent: ["qemu-img: it cannot time an open alone", ...absentVhdi(noVhdi)],
  });
}

function timeFlatOpens(flat: string): number {
  return milliseconds(() => {
    for (let i = 0; i < OPENS; i++) {
      const file = Deno.openSync(flat);
      file.statSync();
      file.close();
    }
  });
}

function timeOpens(path: string): number {
  return milliseconds(() => {
    for (let i = 0; i < OPENS; i++) {
      const disk = openVirtualDiskSync(path, { backend: "portable" });
      disk.information();
      disk.close();
    }
  });
}

function benchReading(
  flat: string,
  image: BenchImage,
  reads: Reads,
  noVhdi: string | undefined,
): void {
  using file = Deno.openSync(flat);
  using disk = openVirtualDiskSync(image.path, { backend: "portable" });
  assertSameBytes(file, disk, image, reads, noVhdi === undefined);
  const offsets = offsetsOf(reads);
  const buffer = new Uint8Array(reads.length);
  const timeReads = (read: (buffer: Uint8Array, offset: number) => void) =>
    milliseconds(() => {
      for (const offset of offsets) read(buffer, offset);
    });
  const contenders: Contender[] = [
    { name: "flat file: seekSync, readSync", run: () => timeReads(readerOf(file)) },
    {
      name: "virtdisk: readSync",
      run: () => timeReads((buffer, offset) => disk.readSync(buffer, offset)),
    },
  ];
  if (noVhdi === undefined) {
    contenders.push({ name: "libvhdi in Python", run: () => timeVhdiReads(image, reads) });
  }
  contenders.push({ name: "qemu-img bench", run: () => timeQemuReads(image, reads) });
  compare({
    title: `Dynamic ${image.name}: ${reads.title}`,
    operations: reads.count,
    operation: "read",
    contenders,
    absent: absentVhdi(noVhdi),
  });
}

/** Before anything is timed. What qemu-img reads was compared when the image was made. */
function assertSameBytes(
  file: Deno.FsFile,
  disk: PortableVirtualDisk,
  image: BenchImage,
  reads: Reads,
  withVhdi: boolean,
): void {
  const readFlat = readerOf(file);
  const expected = new Uint8Array(reads.length);
  const actual = new Uint8Array(reads.length);
  const hash = createHash("sha256");
  for (const offset of offsetsOf(reads)) {
    readFlat(expected, offset);
    assertEquals(disk.readSync(actual, offset), reads.length);
    // A native comparison first: the one that finds the place takes a call for every byte.
    if (Buffer.compare(actual, expected) !== 0) {
      assertBytesEqual(actual, expected, `${image.name} at ${offset}`);
    }
    hash.update(expected);
  }
  if (withVhdi) assertEquals(hashVhdiReads(image, reads), hash.digest("hex"));
}

function readerOf(file: Deno.FsFile): (buffer: Uint8Array, offset: number) => void {
  return (buffer, offset) => {
    file.seekSync(offset, Deno.SeekMode.Start);
    for (let done = 0; done < buffer.length;) {
      const count = file.readSync(done === 0 ? buffer : buffer.subarray(done));
      if (count === null) throw new Error(`the flat file ends at ${offset + done}`);
      done += count;
    }
  };
}

function absentVhdi(noVhdi: string | undefined): string[] {
  return noVhdi === undefined ? [] : [`libvhdi: ${noVhdi}`];
}
