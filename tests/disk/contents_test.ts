import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { openVirtualDisk, type PortableVirtualDisk, VirtualDiskError } from "@virtdisk/virtdisk";
import { writeInPieces } from "../../src/disk/contents.ts";
import { createImage } from "../create_image.ts";
import { assertBytesEqual, pattern, TempDir } from "../support.ts";

const MIB = 1 << 20;
const SIZE = 4 * MIB;

/** A disk full of bytes that are known. */
async function filledDisk(dir: TempDir): Promise<[PortableVirtualDisk, Uint8Array<ArrayBuffer>]> {
  const disk = await createImage(dir.file("a.vhdx"), { size: SIZE });
  const data = pattern(SIZE);
  disk.writeSync(data, 0);
  return [disk, data];
}

/** How often the event loop gets its turn while `run` goes on. */
async function turnsDuring(run: () => Promise<unknown>): Promise<number> {
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  try {
    await run();
  } finally {
    clearInterval(timer);
  }
  return turns;
}

async function bytesOf(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  return new Uint8Array(
    await new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>).arrayBuffer(),
  );
}

Deno.test("read() reads what readSync() does", async () => {
  using dir = new TempDir();
  const [disk, data] = await filledDisk(dir);
  using _disk = disk;
  const ranges = [[0, 1], [511, 2], [MIB - 3, 2 * MIB + 7], [SIZE - 5, 5], [7, 0]] as const;
  for (const [offset, length] of ranges) {
    const buffer = new Uint8Array(length);
    assertEquals(await disk.read(buffer, offset), length);
    assertBytesEqual(buffer, data.subarray(offset, offset + length), `${offset}+${length}`);
  }
  const buffer = new Uint8Array(2 * MIB).fill(7);
  assertEquals(await disk.read(buffer, SIZE - MIB - 1), MIB + 1);
  assertEquals(buffer[MIB + 1], 7, "what lies beyond the end is left alone");
  assertEquals(await disk.read(buffer, SIZE), 0);
  assertEquals(await disk.read(buffer, Number.MAX_SAFE_INTEGER), 0);
});

Deno.test("write() writes what writeSync() does, and flush() keeps it", async () => {
  using dir = new TempDir();
  const disk = await createImage(dir.file("a.vhdx"), { size: SIZE });
  const data = pattern(2 * MIB + 100, 3);
  assertEquals(await disk.write(data, MIB - 50), data.length);
  assertEquals(await disk.write(new Uint8Array(0), SIZE), 0);
  await disk.flush();
  disk.close();
  using again = await openVirtualDisk(disk.path, { backend: "portable" });
  const buffer = new Uint8Array(SIZE);
  again.readSync(buffer, 0);
  const expected = new Uint8Array(SIZE);
  expected.set(data, MIB - 50);
  assertBytesEqual(buffer, expected);
});

Deno.test("read() and write() let the event loop run meanwhile", async () => {
  using dir = new TempDir();
  const [disk, data] = await filledDisk(dir);
  using _disk = disk;
  // More than one turn for each MiB, so that a timer of 1 ms comes to its own.
  const turns = await turnsDuring(async () => {
    for (let i = 0; i < 20; i++) {
      await disk.read(new Uint8Array(SIZE), 0);
      await disk.write(data, 0);
    }
  });
  assert(turns > 0);
});

Deno.test("write() writes nothing if not all of it can be", async () => {
  using dir = new TempDir();
  const [disk, data] = await filledDisk(dir);
  {
    using _disk = disk;
    const error = await assertRejects(
      () => disk.write(new Uint8Array(2 * MIB), SIZE - 2 * MIB + 1),
      VirtualDiskError,
    );
    assertEquals([error.symbol, error.operation], ["ERROR_SECTOR_NOT_FOUND", "WriteFile"]);
    assertBytesEqual(await bytesOf(disk.readable()), data);
  }
  using reader = await openVirtualDisk(disk.path, { backend: "portable" });
  for (const run of [() => reader.write(new Uint8Array(1), 0), () => reader.flush()]) {
    assertEquals((await assertRejects(run, VirtualDiskError)).symbol, "ERROR_ACCESS_DENIED");
  }
});

Deno.test("read(), write() and flush() reject wrong arguments, and a closed disk", async () => {
  using dir = new TempDir();
  const [disk] = await filledDisk(dir);
  const notBytes = [1] as unknown as Uint8Array;
  await assertRejects(() => disk.read(notBytes, 0), TypeError, "buffer must be");
  await assertRejects(() => disk.write(notBytes, 0), TypeError, "buffer must be");
  for (const offset of [-1, 0.5, Number.NaN, 2 ** 53]) {
    await assertRejects(() => disk.read(new Uint8Array(1), offset), RangeError);
    await assertRejects(() => disk.write(new Uint8Array(1), offset), RangeError);
  }
  // Begun while it is open, and over when it is not.
  const late = [
    disk.read(new Uint8Array(1), 0),
    disk.write(new Uint8Array(1), 0),
    disk.flush(),
  ].map((promise) => promise.then(() => "done", (error) => error.symbol));
  disk.close();
  assertEquals(await Promise.all(late), Array(3).fill("ERROR_INVALID_HANDLE"));
  const uses = [
    () => disk.read(new Uint8Array(1), 0),
    () => disk.write(new Uint8Array(1), 0),
    () => disk.flush(),
  ];
  for (const use of uses) {
    assertEquals((await assertRejects(use, VirtualDiskError)).symbol, "ERROR_INVALID_HANDLE");
  }
  for (const use of [() => disk.readable(), () => disk.writable()]) {
    assertEquals(assertThrows(use, VirtualDiskError).symbol, "ERROR_INVALID_HANDLE");
  }
});

Deno.test("readable() is a stream of bytes: a reader's own buffer is filled", async () => {
  using dir = new TempDir();
  const [disk, data] = await filledDisk(dir);
  using _disk = disk;
  const reader = disk.readable({ offset: 1000, length: 2 * MIB }).getReader({ mode: "byob" });
  let buffer = new ArrayBuffer(300_000);
  let position = 1000;
  while (true) {
    const { done, value } = await reader.read(new Uint8Array(buffer));
    assertBytesEqual(value!, data.subarray(position, position + value!.length));
    assertEquals(value!.buffer.byteLength, 300_000, "it is the reader's buffer");
    position += value!.length;
    buffer = value!.buffer;
    if (done) break;
  }
  assertEquals(position, 1000 + 2 * MIB);

  const large = disk.readable().getReader({ mode: "byob" });
  const { value } = await large.read(new Uint8Array(SIZE));
  assertEquals(value?.length, MIB, "at most a MiB to a turn");
  await large.cancel();
});

Deno.test("readable() reads nothing before it is asked for", async () => {
  using dir = new TempDir();
  const [disk] = await filledDisk(dir);
  using _disk = disk;
  const reader = disk.readable().getReader();
  const first = await reader.read();
  assertEquals(first.value?.length, MIB);
  // What is written now is read: the stream has not run ahead.
  await new Promise((resolve) => setTimeout(resolve, 5));
  disk.writeSync(new Uint8Array(MIB).fill(9), MIB);
  assertEquals((await reader.read()).value?.[0], 9);
  await reader.cancel();
});

Deno.test("readable() can be cancelled while a read goes on", async () => {
  using dir = new TempDir();
  const [disk] = await filledDisk(dir);
  using _disk = disk;
  for (const mode of [undefined, "byob"] as const) {
    const stream = disk.readable();
    const reader = mode === undefined ? stream.getReader() : stream.getReader({ mode });
    const pending = reader.read(new Uint8Array(10) as never);
    await reader.cancel();
    assertEquals((await pending).done, true);
  }
});

Deno.test("writable() writes chunk after chunk from an offset on, and flushes at its end", async () => {
  using dir = new TempDir();
  const disk = await createImage(dir.file("a.vhdx"), { size: SIZE });
  const data = pattern(3 * MIB, 5);
  const chunks = [data.subarray(0, 1), data.subarray(1, 1000), data.subarray(1000)];
  await ReadableStream.from(chunks).pipeTo(disk.writable({ offset: 777 }));
  // A copy of the file as it is now: the disk is still open.
  Deno.copyFileSync(disk.path, dir.file("b.vhdx"));
  disk.close();
  for (const path of [disk.path, dir.file("b.vhdx")]) {
    using again = await openVirtualDisk(path, { backend: "portable" });
    const expected = new Uint8Array(SIZE);
    expected.set(data, 777);
    assertBytesEqual(await bytesOf(again.readable()), expected);
  }
});

Deno.test("writable() fails as write() does, with the signal's reason, and of chunks that are none", async () => {
  using dir = new TempDir();
  const [disk] = await filledDisk(dir);
  {
    using _disk = disk;
    const beyond = disk.writable({ offset: SIZE - 1 }).getWriter();
    const error = await assertRejects(() => beyond.write(new Uint8Array(2)), VirtualDiskError);
    assertEquals(error.symbol, "ERROR_SECTOR_NOT_FOUND");

    const controller = new AbortController();
    const aborted = disk.writable({ signal: controller.signal }).getWriter();
    await aborted.write(Uint8Array.of(42));
    controller.abort(new RangeError("enough"));
    await assertRejects(() => aborted.write(Uint8Array.of(43)), RangeError, "enough");
    const buffer = new Uint8Array(1);
    disk.readSync(buffer, 0);
    assertEquals(buffer[0], 42, "what was written stays");

    const text = disk.writable().getWriter();
    await assertRejects(() => text.write("text" as never), TypeError, "chunk must be");
    assertThrows(() => disk.writable({ offset: -1 }), RangeError);
    assertThrows(() => disk.writable({ ofset: 1 } as object), TypeError);
  }
  using reader = await openVirtualDisk(disk.path, { backend: "portable" });
  const denied = assertThrows(() => reader.writable(), VirtualDiskError);
  assertEquals([denied.symbol, denied.operation], ["ERROR_ACCESS_DENIED", "WriteFile"]);
});

Deno.test("a disk is copied from stream to stream", async () => {
  using dir = new TempDir();
  const [from, data] = await filledDisk(dir);
  using _from = from;
  using to = await createImage(dir.file("b.vhd"), { size: SIZE });
  await from.readable().pipeTo(to.writable());
  assertBytesEqual(await bytesOf(to.readable()), data);
});

Deno.test("write() ends its pieces between two sectors, wherever it begins", async () => {
  const pieces: [offset: number, length: number][] = [];
  const writeSync = (bytes: Uint8Array, offset: number) => {
    pieces.push([offset, bytes.length]);
    return bytes.length;
  };
  const disk = { writeSync, flushSync() {} };
  const written = await writeInPieces(disk, new Uint8Array(2 * MIB + 5), MIB - 3, () => {});
  assertEquals(written, 2 * MIB + 5);
  assertEquals(pieces, [[MIB - 3, 3], [MIB, MIB], [2 * MIB, MIB], [3 * MIB, 2]]);
});
