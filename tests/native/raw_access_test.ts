import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { VirtualDiskError } from "../../src/errors/error.ts";
import { assertBytesEqual, onlyOn, pattern, TempDir, testWith } from "../support.ts";
import { type DoubleContext, IMAGE, testWithDouble } from "./with_double.ts";

const KIB = 1024;
const SECTOR = 4 * KIB;
const SECTORS = 16;
const SIZE = SECTORS * SECTOR;

/** A disk whose handle is that of a file, as with a disk without a local host. */
function openRaw({ double, open, openWritable }: DoubleContext, path: string, readOnly = false) {
  double.setSize({ virtualSize: SIZE, physicalSize: 1, blockSize: 1, sectorSize: SECTOR });
  double.answers.backWithFile(path);
  return readOnly ? open(IMAGE) : openWritable();
}

testWithDouble("sectors are read where they are", (context) => {
  using dir = new TempDir();
  const contents = pattern(SIZE);
  Deno.writeFileSync(dir.file("raw"), contents);
  using disk = openRaw(context, dir.file("raw"), true);
  for (const [offset, length] of [[0, SIZE], [SECTOR, SECTOR], [SIZE - SECTOR, SECTOR]] as const) {
    const buffer = new Uint8Array(length);
    assertEquals(disk.readSync(buffer, offset), length);
    assertBytesEqual(buffer, contents.subarray(offset, offset + length));
  }
});

testWithDouble("reading ends with the disk", (context) => {
  using dir = new TempDir();
  Deno.writeFileSync(dir.file("raw"), pattern(SIZE));
  using disk = openRaw(context, dir.file("raw"), true);
  const buffer = new Uint8Array(2 * SECTOR);
  assertEquals(disk.readSync(buffer, SIZE - SECTOR), SECTOR);
  assertBytesEqual(buffer.subarray(0, SECTOR), pattern(SIZE).subarray(SIZE - SECTOR));
  assertEquals(disk.readSync(buffer, SIZE), 0);
  assertEquals(disk.readSync(buffer, SIZE + SECTOR), 0);
  assertEquals(disk.readSync(new Uint8Array(0), 0), 0);
});

testWithDouble("sectors are written where they belong, and nowhere else", (context) => {
  using dir = new TempDir();
  const expected = pattern(SIZE);
  Deno.writeFileSync(dir.file("raw"), expected);
  using disk = openRaw(context, dir.file("raw"));
  const written = pattern(2 * SECTOR, 100);
  // A part of a larger buffer, as scripts have them.
  const part = new Uint8Array(3 * SECTOR).subarray(SECTOR);
  part.set(written);
  assertEquals(disk.writeSync(part, 5 * SECTOR), 2 * SECTOR);
  expected.set(written, 5 * SECTOR);
  assertBytesEqual(Deno.readFileSync(dir.file("raw")), expected);
});

testWithDouble("a range of many megabytes takes several calls, and is one", (context) => {
  using dir = new TempDir();
  const size = 40 * KIB * KIB;
  const contents = pattern(size);
  Deno.writeFileSync(dir.file("raw"), contents);
  using disk = openRaw(context, dir.file("raw"));
  context.double.setSize({ virtualSize: size, physicalSize: 1, blockSize: 1, sectorSize: SECTOR });
  const buffer = new Uint8Array(size - SECTOR);
  assertEquals(disk.readSync(buffer, SECTOR), buffer.length);
  assertBytesEqual(buffer, contents.subarray(SECTOR));
  disk.writeSync(buffer, 0);
  assertBytesEqual(Deno.readFileSync(dir.file("raw")).subarray(0, buffer.length), buffer);
});

testWithDouble("what are no whole sectors is refused before the call", (context) => {
  using dir = new TempDir();
  Deno.writeFileSync(dir.file("raw"), pattern(SIZE));
  using disk = openRaw(context, dir.file("raw"));
  for (const [length, offset] of [[SECTOR, 512], [512, 0], [SECTOR + 1, SECTOR]] as const) {
    for (const transfer of ["readSync", "writeSync"] as const) {
      const error = assertThrows(
        () => disk[transfer](new Uint8Array(length), offset),
        VirtualDiskError,
        "whole sectors",
      );
      assertEquals(error.symbol, "ERROR_INVALID_PARAMETER");
    }
  }
  assertBytesEqual(Deno.readFileSync(dir.file("raw")), pattern(SIZE));
});

testWithDouble("writing beyond the disk is refused before the call", (context) => {
  using dir = new TempDir();
  Deno.writeFileSync(dir.file("raw"), pattern(SIZE));
  using disk = openRaw(context, dir.file("raw"));
  const error = assertThrows(
    () => disk.writeSync(new Uint8Array(2 * SECTOR), SIZE - SECTOR),
    VirtualDiskError,
  );
  assertEquals([error.symbol, error.operation], ["ERROR_SECTOR_NOT_FOUND", "WriteFile"]);
  assertEquals(Deno.statSync(dir.file("raw")).size, SIZE);
});

testWithDouble("what Windows refuses is an error with its code", (context) => {
  using dir = new TempDir();
  Deno.writeFileSync(dir.file("raw"), pattern(SIZE));
  using disk = openRaw(context, dir.file("raw"), true);
  const error = assertThrows(() => disk.writeSync(new Uint8Array(SECTOR), 0), VirtualDiskError);
  assertEquals([error.symbol, error.operation], ["ERROR_ACCESS_DENIED", "WriteFile"]);
});

testWithDouble("a disk whose file is shorter than it says is an error", (context) => {
  using dir = new TempDir();
  Deno.writeFileSync(dir.file("raw"), pattern(3 * SECTOR));
  using disk = openRaw(context, dir.file("raw"), true);
  for (const offset of [2 * SECTOR, 4 * SECTOR]) {
    const error = assertThrows(
      () => disk.readSync(new Uint8Array(2 * SECTOR), offset),
      VirtualDiskError,
    );
    assertEquals(error.symbol, "ERROR_HANDLE_EOF");
  }
});

testWithDouble(
  "wrong arguments are TypeErrors and RangeErrors, after close invalid handles",
  (context) => {
    using dir = new TempDir();
    Deno.writeFileSync(dir.file("raw"), pattern(SIZE));
    const disk = openRaw(context, dir.file("raw"));
    for (const offset of [-SECTOR, 0.5, NaN, 2 ** 53]) {
      assertThrows(() => disk.readSync(new Uint8Array(SECTOR), offset), RangeError);
      assertThrows(() => disk.writeSync(new Uint8Array(SECTOR), offset), RangeError);
    }
    const text = "text" as unknown as Uint8Array;
    assertThrows(() => disk.readSync(text, 0), TypeError);
    assertThrows(() => disk.writeSync(text, 0), TypeError);
    disk.close();
    for (const transfer of ["readSync", "writeSync"] as const) {
      const error = assertThrows(
        () => disk[transfer](new Uint8Array(SECTOR), 0),
        VirtualDiskError,
      );
      assertEquals(error.symbol, "ERROR_INVALID_HANDLE");
    }
  },
);

testWithDouble("what was written is flushed, and a disk opened for reading is not", (context) => {
  using dir = new TempDir();
  Deno.writeFileSync(dir.file("raw"), pattern(SIZE));
  {
    using disk = openRaw(context, dir.file("raw"));
    disk.writeSync(new Uint8Array(SECTOR), 0);
    disk.flushSync();
  }
  const disk = openRaw(context, dir.file("raw"), true);
  const error = assertThrows(() => disk.flushSync(), VirtualDiskError);
  assertEquals([error.symbol, error.operation], ["ERROR_ACCESS_DENIED", "FlushFileBuffers"]);
  disk.close();
  const closed = assertThrows(() => disk.flushSync(), VirtualDiskError);
  assertEquals(closed.symbol, "ERROR_INVALID_HANDLE");
});

testWithDouble("read(), write() and flush() do the same later", async (context) => {
  using dir = new TempDir();
  const size = 3 * KIB * KIB;
  const contents = pattern(size);
  Deno.writeFileSync(dir.file("raw"), new Uint8Array(size));
  using disk = openRaw(context, dir.file("raw"));
  context.double.setSize({ virtualSize: size, physicalSize: 1, blockSize: 1, sectorSize: SECTOR });
  assertEquals(await disk.write(contents, 0), size);
  await disk.flush();
  assertBytesEqual(Deno.readFileSync(dir.file("raw")), contents);
  const buffer = new Uint8Array(size);
  assertEquals(await disk.read(buffer, SECTOR), size - SECTOR);
  assertBytesEqual(buffer.subarray(0, size - SECTOR), contents.subarray(SECTOR));

  const rows = [
    [new Uint8Array(2 * KIB * KIB + 1), 0, "ERROR_INVALID_PARAMETER"],
    [new Uint8Array(2 * KIB * KIB), KIB * KIB + SECTOR, "ERROR_SECTOR_NOT_FOUND"],
  ] as const;
  for (const [bytes, offset, symbol] of rows) {
    const error = await assertRejects(() => disk.write(bytes, offset), VirtualDiskError);
    assertEquals([error.symbol, error.operation], [symbol, "WriteFile"]);
  }
  assertBytesEqual(Deno.readFileSync(dir.file("raw")), contents, "nothing was written");
});

testWithDouble("streams cut at any byte, and the calls are of whole sectors", async (context) => {
  using dir = new TempDir();
  const contents = pattern(SIZE);
  Deno.writeFileSync(dir.file("raw"), contents);
  using disk = openRaw(context, dir.file("raw"));
  const all = new Uint8Array(await new Response(disk.readable()).arrayBuffer());
  assertBytesEqual(all, contents);

  const reader = disk.readable({ offset: SECTOR, length: 3 * SECTOR + 100 })
    .getReader({ mode: "byob" });
  let position = SECTOR;
  for (const length of [1, 5000, SECTOR - 1, 3 * SECTOR]) {
    const { value } = await reader.read(new Uint8Array(length));
    assert(value!.length > 0 && value!.length <= length);
    assertBytesEqual(value!, contents.subarray(position, position + value!.length));
    position += value!.length;
  }
  while (true) {
    const { value, done } = await reader.read(new Uint8Array(1000));
    assertBytesEqual(value!, contents.subarray(position, position + value!.length));
    position += value!.length;
    if (done) break;
  }
  assertEquals(position, 4 * SECTOR + 100);

  const written = pattern(2 * SECTOR, 100);
  const chunks = [written.subarray(0, 1), written.subarray(1, 5000), written.subarray(5000)];
  await ReadableStream.from(chunks).pipeTo(disk.writable({ offset: 5 * SECTOR }));
  contents.set(written, 5 * SECTOR);
  assertBytesEqual(Deno.readFileSync(dir.file("raw")), contents);

  const part = disk.writable().getWriter();
  await part.write(new Uint8Array(SECTOR + 1));
  const error = await assertRejects(() => part.close(), VirtualDiskError);
  assertEquals(error.symbol, "ERROR_INVALID_PARAMETER");
});

/** Where kernel32.dll is the double's too. */
function testOffWindows(name: string, fn: (context: DoubleContext) => void): void {
  const need = onlyOn("linux", "darwin");
  if (need() === undefined) testWithDouble(name, fn);
  else testWith([need], name, () => {});
}

const CANCELLED = 0xc0000120;
const NOT_STARTED = 0x103;

testOffWindows("a transfer that ends as if it were cancelled is made again", (context) => {
  using dir = new TempDir();
  Deno.writeFileSync(dir.file("raw"), pattern(SIZE));
  using disk = openRaw(context, dir.file("raw"));
  const { answers } = context.double;
  for (const code of [997, 0, 8]) {
    const buffer = new Uint8Array(SECTOR);
    answers.nextTransfer(CANCELLED, code, 2);
    assertEquals(disk.readSync(buffer, SECTOR), SECTOR);
    assertBytesEqual(buffer, pattern(SIZE).subarray(SECTOR, 2 * SECTOR));
    answers.nextTransfer(CANCELLED, code);
    assertEquals(disk.writeSync(buffer, SECTOR), SECTOR);
  }
  answers.nextTransfer(CANCELLED, 997, 100);
  const error = assertThrows(() => disk.readSync(new Uint8Array(SECTOR), 0), VirtualDiskError);
  assertEquals(error.symbol, "ERROR_OPERATION_ABORTED");
  answers.nextTransfer(0, 0, 0);
});

testOffWindows(
  "a failure whose code was lost, or has no name, is told for what it is",
  (context) => {
    using dir = new TempDir();
    Deno.writeFileSync(dir.file("raw"), pattern(SIZE));
    using disk = openRaw(context, dir.file("raw"));
    const { answers } = context.double;
    const read = () => disk.readSync(new Uint8Array(SECTOR), 0);
    answers.nextTransfer(NOT_STARTED, 0);
    const lost = assertThrows(read, VirtualDiskError, "its error code was lost");
    assertEquals(lost.symbol, "ERROR_GEN_FAILURE");
    answers.nextTransfer(NOT_STARTED, 5);
    assertEquals(assertThrows(read, VirtualDiskError).code, 5);
    answers.nextTransfer(0xc0000204, 997);
    assertThrows(read, VirtualDiskError, "NTSTATUS 0xC0000204");
    answers.nextTransfer(NOT_STARTED, 0);
    const flush = assertThrows(() => disk.flushSync(), VirtualDiskError, "its error code was lost");
    assertEquals(flush.symbol, "ERROR_GEN_FAILURE");
  },
);
