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
import { assertBytesEqual, pythonModule, run, TempDir, tool } from "../support.ts";
import { type BenchImage, makeChain, makeFlatFile, makeImages } from "./images.ts";
import { denoCommand } from "../deno_command.ts";
import { addMeasured, compare, type Contender, milliseconds } from "./measure.ts";
import { benchOpens, FLAT as OPENED_FLAT, type OpenedFiles, opening, OPENS } from "./open_bench.ts";
import { hashVhdiReads, timeQemuReads, timeVhdiOpens, timeVhdiReads } from "./other_tools.ts";
import { offsetsOf, READS, type Reads } from "./reads.ts";

/** As programs for Deno read a file, whose cursor has to be moved first. */
const FLAT = "flat file: seekSync, readSync";
const OURS = "virtdisk: readSync";

/** Measures opening and reading; needs qemu-img, which makes the images. */
export async function benchPortable(): Promise<void> {
  const missing = tool("qemu-img")();
  if (missing !== undefined) return console.log(`\nPortable backend: not measured, ${missing}`);
  const noVhdi = pythonModule("pyvhdi")();
  using dir = new TempDir();
  const flat = makeFlatFile(dir);
  const images = makeImages(dir, flat);
  benchOpening(dir, flat, images, noVhdi);
  for (const image of images) {
    for (const reads of READS) benchReading(flat, image, reads, noVhdi);
    await benchChain(dir, flat, image);
  }
}

function benchOpening(
  dir: TempDir,
  flat: string,
  images: readonly BenchImage[],
  noVhdi: string | undefined,
): void {
  for (const image of images) {
    const name = "libvhdi in Python: open, size, identifiers, close";
    const vhdi = { name, run: () => timeVhdiOpens(image, OPENS) };
    const title = `Dynamic ${image.name}: open, with --allow-all`;
    const others = noVhdi === undefined ? [vhdi] : [];
    const absent = ["qemu-img: it cannot time an open alone", ...absentVhdi(noVhdi)];
    benchOpens({ title, flat, images: [image] }, others, absent);
  }
  benchOpeningAlone(dir, [
    {
      title: "Dynamic images: open, with --allow-read of the images alone",
      flat,
      images,
      goals: [
        { of: opening("VHDX"), to: OPENED_FLAT, atMostOver: 45 },
        { of: opening("VHD"), to: OPENED_FLAT, atMostOver: 12 },
      ],
    },
    {
      title: "Large dynamic VHDX: open, with --allow-read of the images alone",
      flat,
      images: makeLargeImages(dir),
      goals: LARGE_STATES.map((state) => (
        { of: opening(`64TiB, ${state}`), to: opening(`64GiB, ${state}`), atMost: 1.3 }
      )),
    },
  ]);
}

const LARGE_STATES = ["new", "partitioned"] as const;

/** Of 64 GiB and of 64 TiB: new ones, and such as have a partition table, for which a block table is looked through. */
function makeLargeImages(dir: TempDir): OpenedFiles["images"] {
  return ["64GiB", "64TiB"].flatMap((size) =>
    LARGE_STATES.map((state) => {
      const path = dir.file(`${state}-${size}.vhdx`);
      run("qemu-img", "create", "-q", "-f", "vhdx", path, size.slice(0, 3));
      if (state === "partitioned") {
        using disk = openVirtualDiskSync(path, { backend: "portable", readOnly: false });
        const record = new Uint8Array(512);
        record.set([0, 0, 2, 0, 7, 0, 0, 0, 0, 8, 0, 0, 0, 0, 1, 0], 446);
        record.set([0x55, 0xaa], 510);
        disk.writeSync(record, 0);
      }
      return { name: `${size}, ${state}`, path };
    })
  );
}

function benchOpeningAlone(dir: TempDir, groups: readonly OpenedFiles[]): void {
  const script = new URL("open_bench.ts", import.meta.url).href;
  const args = ["run", "--no-prompt", `--allow-read=${dir.path}`, script, JSON.stringify(groups)];
  const { success, stdout } = denoCommand({ args, stderr: "inherit" }).outputSync();
  if (!success) throw new Error("opening with --allow-read could not be measured");
  const lines = new TextDecoder().decode(stdout).trimEnd().split("\n");
  const last = lines.pop()!;
  console.log(lines.join("\n"));
  addMeasured(JSON.parse(last));
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
    { name: FLAT, run: () => timeReads(readerOf(file)) },
    {
      name: OURS,
      run: () => timeReads((buffer, offset) => disk.readSync(buffer, offset)),
    },
  ];
  // It takes milliseconds for every block of a dynamic VHD that it comes to.
  const tooSlow = image.name === "VHD" && !reads.isScattered
    ? "half a minute for a round is too long"
    : undefined;
  if ((noVhdi ?? tooSlow) === undefined) {
    contenders.push({ name: "libvhdi in Python", run: () => timeVhdiReads(image, reads) });
  }
  contenders.push({ name: "qemu-img bench", run: () => timeQemuReads(image, reads) });
  compare({
    title: `Dynamic ${image.name}: ${reads.title}`,
    operations: reads.count,
    operation: "read",
    contenders,
    goals: reads.isScattered ? [{ of: OURS, to: FLAT, atMost: 1.2 }] : [],
    absent: absentVhdi(noVhdi ?? tooSlow),
  });
}

const CHAIN_LENGTH = 8;

/** Nobody else here reads chains of these formats. */
async function benchChain(dir: TempDir, flat: string, image: BenchImage): Promise<void> {
  const reads = READS.find(({ isScattered }) => isScattered)!;
  const { length, count } = reads;
  const offsets = offsetsOf(reads);
  const path = await makeChain(dir, image, flat, CHAIN_LENGTH, { length, offsets });
  using file = Deno.openSync(flat);
  using disk = openVirtualDiskSync(path, { backend: "portable" });
  assertSameBytes(file, disk, image, reads, false);
  const buffer = new Uint8Array(length);
  const timed = (read: (buffer: Uint8Array, offset: number) => void) => () =>
    milliseconds(() => {
      for (const offset of offsets) read(buffer, offset);
    });
  compare({
    title: `A chain of ${CHAIN_LENGTH} differencing ${image.name}s: ${reads.title}`,
    operations: count,
    operation: "read",
    contenders: [
      { name: FLAT, run: timed(readerOf(file)) },
      { name: OURS, run: timed((buffer, offset) => disk.readSync(buffer, offset)) },
    ],
    goals: [{ of: OURS, to: FLAT, atMost: 1.5 }],
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
