/** Whoever reads much in many places reads by places, the same bytes of the same file, until it is closed. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { readFile } from "../../../src/portable/image/extents.ts";
import { ImageFile } from "../../../src/portable/file/image_file.ts";
import { ImageError } from "../../../src/portable/file/image_error.ts";
import { onlyOn, TempDir, testWith } from "../../support.ts";

const GIB = 2 ** 30;
const STRIDE = 4099;
const LENGTH = 1 << 20;
/** More than after which all that comes is read by places. */
const MANY = 17_000;

const linux = [onlyOn("linux")];

function makeFile(path: string, seed: number): void {
  const bytes = new Uint8Array(LENGTH);
  for (let i = 0; i < LENGTH; i++) bytes[i] = byteAt(i, seed);
  Deno.writeFileSync(path, bytes);
}

function byteAt(offset: number, seed: number): number {
  return Math.imul(offset + seed, 0x9e3779b1) >>> 24;
}

/** How often this process has a file open. */
function openings(path: string): number {
  let count = 0;
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    try {
      if (Deno.readLinkSync(`/proc/self/fd/${name}`).startsWith(path)) count++;
    } catch {
      // The folder that is read is open, too, but not any more.
    }
  }
  return count;
}

/** Reads in many places, and compares each. */
function readInPlaces(file: ImageFile, seed: number, reads = MANY): void {
  const buffer = new Uint8Array(16);
  for (let i = 0; i < reads; i++) {
    const offset = (i * STRIDE) % (LENGTH - buffer.length);
    readFile(file, buffer, offset);
    if (buffer.every((byte, at) => byte === byteAt(offset + at, seed))) continue;
    throw new Error(`other bytes at ${offset} than were written there`);
  }
}

testWith(linux, "reads in many places open the file once more, and close it again", () => {
  using dir = new TempDir();
  const path = dir.file("a.img");
  makeFile(path, 1);
  {
    using file = ImageFile.open(path);
    assertEquals(openings(path), 1);
    readInPlaces(file, 1);
    assertEquals(openings(path), 2);
    readInPlaces(file, 1, 100);
  }
  assertEquals(openings(path), 0);
});

testWith(linux, "a file that is written is not opened once more", () => {
  using dir = new TempDir();
  const path = dir.file("a.img");
  makeFile(path, 1);
  using file = ImageFile.open(path, { write: true });
  readInPlaces(file, 1);
  assertEquals(openings(path), 1);
});

testWith(linux, "what has got the name of a file meanwhile is not read in its place", () => {
  using dir = new TempDir();
  for (const [i, replace] of [replaceByFile, replaceByPipe, Deno.removeSync].entries()) {
    const path = dir.file(`${i}.img`);
    makeFile(path, 1);
    using file = ImageFile.open(path);
    const former = dir.file(`${i}-former.img`);
    Deno.linkSync(path, former);
    replace(path);
    readInPlaces(file, 1);
    assertEquals(openings(path) + openings(former), 1, replace.name);
  }
});

function replaceByFile(path: string): void {
  makeFile(`${path}.new`, 2);
  Deno.renameSync(`${path}.new`, path);
}

function replaceByPipe(path: string): void {
  Deno.removeSync(path);
  assert(new Deno.Command("mkfifo", { args: [path] }).outputSync().success);
}

testWith(linux, "reads by places: beyond 4 GiB, up to the end of the file, and behind it", () => {
  using dir = new TempDir();
  const path = dir.file("a.img");
  makeFile(path, 1);
  const end = 5 * GIB;
  {
    using written = ImageFile.open(path, { write: true });
    written.writeAt(new Uint8Array([1, 2, 3, 4]), end - 4);
  }
  using file = ImageFile.open(path);
  readInPlaces(file, 1);
  assertEquals(openings(path), 2);
  const buffer = new Uint8Array(8);
  assertEquals(file.readAt(buffer, end - 4), 4);
  assertEquals([...buffer], [1, 2, 3, 4, 0, 0, 0, 0]);
  assertEquals(file.readAt(buffer, end), 0);
  assertEquals(file.readAt(buffer, end + GIB), 0);
  assertEquals(file.readAt(new Uint8Array(), 0), 0);
});

testWith(linux, "a read by places that fails is worded as any other", () => {
  using dir = new TempDir();
  const path = dir.file("a.img");
  makeFile(path, 1);
  using file = ImageFile.open(path);
  readInPlaces(file, 1);
  const files = process.getBuiltinModule("node:fs");
  const original = files.readSync;
  Object.assign(files, {
    readSync: () => {
      throw Object.assign(new Error("injected"), { code: "EIO" });
    },
  });
  try {
    const error = assertThrows(() => file.readAt(new Uint8Array(8), 0), ImageError);
    assertEquals([error.symbol, error.options.path], ["ERROR_IO_DEVICE", path]);
  } finally {
    Object.assign(files, { readSync: original });
  }
  readInPlaces(file, 1, 100);
});
