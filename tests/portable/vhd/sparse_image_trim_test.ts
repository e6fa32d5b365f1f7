/** Trimming dynamic and differencing images, and what becomes of the room. */
import { assert, assertEquals } from "@std/assert";
import { openWritableVhd } from "../../../src/portable/vhd/open.ts";
import { SparseFile } from "../../crash/sparse_file.ts";
import { assertBytesEqual, pattern } from "../../support.ts";
import { readImage } from "../image/read_image.ts";
import { BLOCK, entry, kinds, recorded } from "./recorded_vhd.ts";
import { DYNAMIC_TABLE, newVhd, viewAt } from "./vhd_builder.ts";
import { pureTest } from "../../pure.ts";

const SIZE = 10 * BLOCK;

pureTest("trim() takes whole blocks out, the last one even where it is short", () => {
  const virtualSize = 3 * BLOCK + 512;
  const source = recorded(newVhd({ virtualSize }));
  const disk = openWritableVhd(source);
  disk.write(pattern(virtualSize), 0);
  disk.trim(512, 2 * BLOCK);
  assertEquals(kinds(disk), "file 8, zero 8, file 9");
  disk.trim(2 * BLOCK + 512, BLOCK - 512);
  assertEquals(kinds(disk), "file 8, zero 8, file 9");
  disk.trim(3 * BLOCK, 512);
  assertEquals(kinds(disk), "file 8, zero 8, file 8, zero 1");
  disk.finish();
  assertEquals([0, 1, 2, 3].map((i) => entry(source, i) === 0xffffffff), [
    false,
    true,
    false,
    true,
  ]);
});

pureTest("trim() keeps the contents of a differencing image", () => {
  const source = recorded(newVhd({ subtype: "differencing" }));
  const disk = openWritableVhd(source);
  disk.write(pattern(BLOCK), BLOCK);
  disk.trim(0, SIZE);
  assertEquals(kinds(disk), "parent 8, file 8, parent 64");
});

pureTest("the room of a trimmed block is used again once the table without it is durable", () => {
  const source = recorded(newVhd());
  const disk = openWritableVhd(source);
  disk.write(pattern(3 * BLOCK), 0);
  disk.flush();
  const freed = entry(source, 1);
  disk.trim(BLOCK, BLOCK);
  disk.write(pattern(512), 5 * BLOCK);
  disk.flush();
  assert(entry(source, 5) !== freed);
  disk.write(pattern(512), 6 * BLOCK);
  disk.flush();
  assertEquals(entry(source, 6), freed);
  // What was there before does not show.
  const expected = new Uint8Array(BLOCK);
  expected.set(pattern(512));
  assertBytesEqual(readImage([disk], 6 * BLOCK, BLOCK), expected);
});

pureTest("blocks written and trimmed again and again do not make the file grow without end", () => {
  const source = SparseFile.of(newVhd());
  const disk = openWritableVhd(source);
  const bytes = pattern(512);
  for (let i = 0; i < 40_000; i++) {
    disk.write(bytes, 0);
    disk.trim(0, BLOCK);
  }
  disk.finish();
  assert(source.size < 40_000 * BLOCK, `${source.size}`);
});

pureTest("the room that a session left free is used by the next, but no smaller gaps", () => {
  const source = recorded(newVhd());
  const first = openWritableVhd(source);
  first.write(pattern(4 * BLOCK), 0);
  first.trim(BLOCK, BLOCK);
  first.finish();
  const size = source.size;
  const second = openWritableVhd(source);
  second.write(pattern(BLOCK, 9), 7 * BLOCK);
  second.finish();
  assertEquals(source.size, size);
  assert(entry(source, 7) < entry(source, 2));
  assertBytesEqual(readImage([second], 7 * BLOCK, BLOCK), pattern(BLOCK, 9));
});

pureTest(
  "the table is made durable before the next session uses the room of a trimmed block",
  () => {
    const source = recorded(newVhd());
    const first = openWritableVhd(source);
    first.write(pattern(4 * BLOCK), 0);
    first.trim(BLOCK, BLOCK);
    first.finish();
    const before = source.changes.length;
    openWritableVhd(source).write(pattern(512), 0);
    assertEquals(source.changes.slice(before).map(({ kind }) => kind), ["flush", "write"]);
  },
);

pureTest("trim() lets no more than 16384 entries of the table wait in memory", () => {
  const blocks = 16384;
  const image = newVhd({ virtualSize: blocks * BLOCK });
  const head = image.subarray(0, -512);
  // The blocks follow the table, without room between them.
  const first = head.length;
  for (let i = 0; i < blocks; i++) {
    viewAt(head).setUint32(DYNAMIC_TABLE + 4 * i, first / 512 + i * 9, false);
  }
  const file = SparseFile.of(head);
  file.writeAt(image.subarray(-512), first + blocks * 9 * 512);
  const disk = openWritableVhd(file);
  const table = () => {
    const bytes = new Uint8Array(4 * blocks);
    file.readAt(bytes, DYNAMIC_TABLE);
    return bytes;
  };
  const before = table();
  disk.trim(0, (blocks - 1) * BLOCK);
  assertBytesEqual(table(), before);
  disk.trim((blocks - 1) * BLOCK, BLOCK);
  assertBytesEqual(table(), new Uint8Array(4 * blocks).fill(0xff));
});
