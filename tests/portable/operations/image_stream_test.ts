import { assertEquals, assertGreater, assertRejects } from "@std/assert";
import {
  createVirtualDisk,
  type ImageStreamOptions,
  openVirtualDisk,
  type PortableVirtualDisk,
  type Progress,
  VirtualDiskError,
} from "@virtdisk/virtdisk";
import { assertBytesEqual, pattern, TempDir } from "../../support.ts";

const MIB = 1 << 20;

async function makeDisk(dir: TempDir): Promise<PortableVirtualDisk> {
  const disk = await createVirtualDisk(dir.file("disk.vhdx"), {
    size: 16 * MIB,
    blockSize: MIB,
    backend: "portable",
  });
  disk.writeSync(pattern(3 * MIB), 5 * MIB - 512);
  return disk;
}

/** The kinds, and where their files hold what differs from one making to the next. */
const KINDS: [options: ImageStreamOptions, random: [start: number, end: number][]][] = [
  [{ type: "raw" }, []],
  [{ type: "vhd", subtype: "fixed" }, [[-512, Infinity]]],
  [{ type: "vhd", subtype: "dynamic" }, [[0, 512], [-512, Infinity]]],
  [{ type: "vhdx", subtype: "fixed" }, [[0x10000, 0x30000]]],
  [{ type: "vhdx", subtype: "dynamic", blockSize: 2 * MIB }, [[0x10000, 0x30000]]],
];

/** Reads into memory of its own, so many bytes at a time. */
async function readInto(
  readable: ReadableStream<Uint8Array>,
  byteLength: number,
  length: number,
): Promise<Uint8Array> {
  const all = new Uint8Array(byteLength);
  const reader = readable.getReader({ mode: "byob" });
  let memory = new Uint8Array(length);
  for (let position = 0;;) {
    const { done, value } = await reader.read(memory.fill(0xcc));
    if (done) {
      assertEquals(position, byteLength);
      return all;
    }
    // Nothing but the end leaves room.
    assertEquals(value.length, Math.min(length, MIB, byteLength - position));
    all.set(value, position);
    position += value.length;
    memory = new Uint8Array(value.buffer);
  }
}

Deno.test("imageStream() gives the file that createVirtualDisk() makes", async (t) => {
  for (const [options, random] of KINDS) {
    await t.step(JSON.stringify(options), async () => {
      using dir = new TempDir();
      using disk = await makeDisk(dir);
      const identifier = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";
      const wanted = options.type === "raw" ? options : { ...options, identifier };
      const { byteLength, readable } = await disk.imageStream(wanted);
      const streamed = await new Response(readable).bytes();
      assertEquals(streamed.length, byteLength);
      const read = [];
      for (const length of [100_003, MIB, 3 * MIB]) {
        const { readable } = await disk.imageStream(wanted);
        read.push(await readInto(readable, byteLength, length));
      }
      disk.close();
      const path = dir.file("copy");
      (await createVirtualDisk(path, { ...wanted, source: disk.path, backend: "portable" }))
        .close();
      const made = Deno.readFileSync(path);
      for (const bytes of [streamed, ...read, made]) {
        for (const [start, end] of random) bytes.fill(0, start, end);
      }
      // Opening for writing gives a VHDX another file write GUID, and nothing else.
      for (const bytes of [streamed, ...read]) assertBytesEqual(bytes, made);
    });
  }
});

Deno.test("imageStream() gives a larger disk its zeros", async () => {
  using dir = new TempDir();
  using disk = await makeDisk(dir);
  for (const [options] of KINDS) {
    const { readable } = await disk.imageStream({ ...options, size: 20 * MIB });
    await Deno.writeFile(dir.file("copy"), readable);
    using copy = await openVirtualDisk(dir.file("copy"), {
      backend: "portable",
      type: options.type,
    });
    const bytes = new Uint8Array(20 * MIB);
    disk.readSync(bytes, 0);
    const copied = new Uint8Array(20 * MIB).fill(1);
    assertEquals(copy.readSync(copied, 0), 20 * MIB);
    assertBytesEqual(copied, bytes);
  }
});

Deno.test("imageStream() refuses what createVirtualDisk() refuses", async () => {
  using dir = new TempDir();
  using disk = await makeDisk(dir);
  const rows: ImageStreamOptions[] = [
    { type: "vhd", size: 15 * MIB },
    { type: "raw", subtype: "dynamic" },
    { type: "vhd", blockSize: MIB },
    { type: "vhd", subtype: "fixed", blockSize: 2 * MIB },
  ];
  for (const options of rows) {
    const error = await assertRejects(() => disk.imageStream(options), VirtualDiskError);
    assertEquals(error.code, 87, JSON.stringify(options));
  }
  const wrong = [{}, { type: "iso" }, { type: "vhd", alignment: true }, {
    type: "vhd",
    identifier: "none",
  }] as unknown as ImageStreamOptions[];
  for (const options of wrong) {
    await assertRejects(() => disk.imageStream(options), TypeError);
  }
});

Deno.test("imageStream(): a signal ends the reading ahead and the stream, with its reason", async () => {
  using dir = new TempDir();
  using disk = await makeDisk(dir);
  const reason = new Error("enough");
  const controller = new AbortController();
  const { readable } = await disk.imageStream({ type: "raw", signal: controller.signal });
  const reader = readable.getReader();
  await reader.read();
  controller.abort(reason);
  assertEquals(await assertRejects(() => reader.read()), reason);
  const early = () => disk.imageStream({ type: "vhd", signal: AbortSignal.abort(reason) });
  assertEquals(await assertRejects(early), reason);
});

Deno.test("imageStream(): a stream of a disk that was closed fails with ERROR_INVALID_HANDLE", async () => {
  using dir = new TempDir();
  using disk = await makeDisk(dir);
  const { readable } = await disk.imageStream({ type: "vhdx" });
  disk.close();
  const error = await assertRejects(() => new Response(readable).bytes(), VirtualDiskError);
  assertEquals(error.symbol, "ERROR_INVALID_HANDLE");
});

Deno.test("imageStream(): a stream that is cancelled reads no further", async () => {
  using dir = new TempDir();
  using disk = await makeDisk(dir);
  const { readable } = await disk.imageStream({ type: "raw" });
  const reader = readable.getReader();
  await reader.read();
  await reader.cancel();
  assertEquals((await reader.read()).done, true);
});

Deno.test("imageStream(): the progress of a stream is that of its bytes", async () => {
  using dir = new TempDir();
  using disk = await makeDisk(dir);
  const seen: Progress[] = [];
  const onProgress = (progress: Progress) => void seen.push(progress);
  const { byteLength, readable } = await disk.imageStream({ type: "vhd", onProgress });
  assertEquals(seen.length, 0);
  await new Response(readable).bytes();
  assertGreater(seen.length, 3);
  assertEquals(seen.at(-1), {
    completed: byteLength,
    total: byteLength,
    fraction: 1,
    bytes: byteLength,
  });
});

/** A disk of 8 MiB, and how often its file has been read; each read fills what it reads with how many there were. */
async function countedDisk() {
  const counted = { reads: 0 };
  const disk = await openVirtualDisk({
    getSize: () => 8 * MIB,
    read(buffer) {
      return buffer.fill(++counted.reads).length;
    },
  }, { type: "raw", backend: "portable" });
  return { disk, counted, [Symbol.dispose]: () => disk.close() };
}

const turns = () => new Promise((resolve) => setTimeout(resolve, 20));

Deno.test("imageStream(): while a chunk is used the next one is read, and none before the first is asked for", async () => {
  using made = await countedDisk();
  const { readable } = await made.disk.imageStream({ type: "raw" });
  await turns();
  const before = made.counted.reads;
  const reader = readable.getReader();
  for (const expected of [2, 3]) {
    await reader.read();
    await turns();
    assertEquals(made.counted.reads - before, expected);
  }
  await reader.cancel();
});

Deno.test("imageStream(): nothing is read ahead of a reader that brings memory, but what was when it comes", async () => {
  using made = await countedDisk();
  const { readable } = await made.disk.imageStream({ type: "raw" });
  const before = made.counted.reads;
  const read = async (mode?: "byob") => {
    const reader = mode === undefined ? readable.getReader() : readable.getReader({ mode });
    const { value } = reader instanceof ReadableStreamBYOBReader
      ? await reader.read(new Uint8Array(MIB / 2))
      : await reader.read();
    reader.releaseLock();
    await turns();
    const reads = made.counted.reads - before;
    return { length: value!.length, number: value![0]! - before, reads };
  };
  assertEquals(await read("byob"), { length: MIB / 2, number: 1, reads: 1 });
  assertEquals(await read("byob"), { length: MIB / 2, number: 2, reads: 2 });
  assertEquals(await read(), { length: MIB, number: 3, reads: 4 });
  // Two halves of what was read ahead.
  assertEquals(await read("byob"), { length: MIB / 2, number: 4, reads: 4 });
  assertEquals(await read("byob"), { length: MIB / 2, number: 4, reads: 4 });
  assertEquals(await read("byob"), { length: MIB / 2, number: 5, reads: 5 });
});

Deno.test("imageStream(): a reader that brings memory is told of a failure, and by a signal", async () => {
  using dir = new TempDir();
  using disk = await makeDisk(dir);
  const controller = new AbortController();
  const { readable } = await disk.imageStream({ type: "raw", signal: controller.signal });
  const reader = readable.getReader({ mode: "byob" });
  await reader.read(new Uint8Array(512));
  const reason = new Error("enough");
  controller.abort(reason);
  assertEquals(await assertRejects(() => reader.read(new Uint8Array(512))), reason);
  const other = (await disk.imageStream({ type: "raw" })).readable.getReader({ mode: "byob" });
  const pending = other.read(new Uint8Array(512));
  disk.close();
  const error = await assertRejects(() => pending, VirtualDiskError);
  assertEquals(error.symbol, "ERROR_INVALID_HANDLE");
});

Deno.test("imageStream(): what is read ahead fails with the chunk that it is, not before", async () => {
  let isFailing = false;
  using disk = await openVirtualDisk({
    getSize: () => 8 * MIB,
    read(buffer) {
      if (isFailing) throw new Error("the cable is out");
      return buffer.fill(1).length;
    },
  }, { type: "raw", backend: "portable" });
  const { readable } = await disk.imageStream({ type: "raw" });
  isFailing = true;
  const reader = readable.getReader();
  await assertRejects(() => reader.read(), VirtualDiskError, "the cable is out");
  isFailing = false;
  const again = (await disk.imageStream({ type: "raw" })).readable.getReader();
  assertEquals((await again.read()).value?.length, MIB);
  isFailing = true;
  // The second chunk may have been read by now, the third has not.
  await assertRejects(
    async () => {
      for (let i = 0; i < 2; i++) await again.read();
    },
    VirtualDiskError,
    "the cable is out",
  );
});
