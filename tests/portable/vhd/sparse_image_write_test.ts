/** Writing dynamic and differencing images: where blocks go, and in which order. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { ImageError } from "../../../src/portable/file/image_error.ts";
import { openVhd, openWritableVhd } from "../../../src/portable/vhd/open.ts";
import { SparseFile } from "../../crash/sparse_file.ts";
import { Random } from "../../fuzz/random.ts";
import { assertBytesEqual, pattern } from "../../support.ts";
import { readImage } from "../image/read_image.ts";
import { BLOCK, bytesOf, entry, kinds, recorded, writes } from "./recorded_vhd.ts";
import { randomWork } from "./random_work.ts";
import {
  DIFFERENCING_TABLE,
  DYNAMIC_TABLE,
  newVhd,
  PARENT_IDENTIFIER,
  viewAt,
  withBlock,
} from "./vhd_builder.ts";
import { pureTest } from "../../pure.ts";

const SIZE = 10 * BLOCK;

pureTest(
  "a new block goes where the footer was, once a new footer is durable; its entry comes last",
  () => {
    const image = newVhd();
    const source = recorded(image);
    const disk = openWritableVhd(source);
    disk.write(pattern(512), 4 * BLOCK + 1024);
    disk.flush();
    const place = image.length - 512;
    assertEquals(writes(source), [
      [place + 512 + BLOCK],
      // The rest of the block has never been anything but zeros.
      [place, place + 512 + 1024],
      [DYNAMIC_TABLE + 4 * 4],
      [],
    ]);
    assertEquals(entry(source, 4), place / 512);
  },
);

pureTest("what is written shows before it is flushed, and the table has it only then", () => {
  for (const subtype of ["dynamic", "differencing"] as const) {
    const table = subtype === "dynamic" ? DYNAMIC_TABLE : DIFFERENCING_TABLE;
    const source = recorded(newVhd({ subtype }));
    const disk = openWritableVhd(source);
    disk.write(pattern(1024), BLOCK + 512);
    const expected = subtype === "dynamic"
      ? "zero 8, file 8, zero 64"
      : "parent 9, file 2, parent 69";
    assertEquals(kinds(disk), expected);
    assertBytesEqual(readImage([disk], BLOCK + 512, 1024), pattern(1024));
    assertEquals(entry(source, 1, table), 0xffffffff);
    disk.flush();
    assertEquals(kinds(disk), expected);
    assert(entry(source, 1, table) !== 0xffffffff);
  }
});

pureTest("zeros are not written where there is nothing, but where there is something", () => {
  const source = recorded(newVhd());
  const disk = openWritableVhd(source);
  disk.write(new Uint8Array(SIZE), 0);
  assertEquals(source.changes, []);
  disk.write(pattern(512), BLOCK);
  disk.write(new Uint8Array(SIZE), 0);
  disk.finish();
  assertEquals(kinds(disk), "zero 8, file 8, zero 64");
  assertBytesEqual(readImage([openVhd(source)], 0, SIZE), new Uint8Array(SIZE));
});

pureTest("zeros over a parent are written", () => {
  const source = recorded(newVhd({ subtype: "differencing" }));
  const disk = openWritableVhd(source);
  disk.write(new Uint8Array(512), BLOCK);
  disk.finish();
  assertEquals(kinds(disk), "parent 8, file 1, parent 71");
});

pureTest("in a differencing image a bit follows its sector, a flush between them", () => {
  const image = withBlock(
    newVhd({ subtype: "differencing" }),
    DIFFERENCING_TABLE,
    3,
    [0b1000_0000],
    pattern(BLOCK),
  );
  const bitmap = image.length - 512 - BLOCK - 512;
  const source = recorded(image);
  const disk = openWritableVhd(source);
  disk.write(pattern(1024, 1), 3 * BLOCK + 2048);
  disk.write(pattern(512, 2), 3 * BLOCK + 7 * 512);
  assertEquals(kinds(disk), "parent 24, file 1, parent 3, file 2, parent 1, file 1, parent 48");
  assertEquals(bytesOf(source)[bitmap], 0b1000_0000);
  disk.flush();
  assertEquals(writes(source), [[bitmap + 512 + 2048, bitmap + 512 + 7 * 512], [bitmap], []]);
  assertEquals(bytesOf(source)[bitmap], 0b1000_1101);
  // Known sectors need no bit: one flush is enough.
  disk.write(pattern(512), 3 * BLOCK + 2048);
  disk.flush();
  assertEquals(writes(source).length, 4);
});

pureTest("a new block of a dynamic image has all its bits, and zeros in its other sectors", () => {
  const source = recorded(newVhd());
  const disk = openWritableVhd(source);
  disk.write(pattern(512), 5 * BLOCK + 512);
  disk.finish();
  const bitmap = entry(source, 5) * 512;
  const bytes = bytesOf(source);
  assertEquals(bytes.subarray(bitmap, bitmap + 512).every((byte) => byte === 0xff), true);
  const data = new Uint8Array(BLOCK);
  data.set(pattern(512), 512);
  assertBytesEqual(bytes.slice(bitmap + 512, bitmap + 512 + BLOCK), data);
});

pureTest("the data of new blocks are aligned, after blocks that are not", () => {
  const image = withBlock(newVhd(), DYNAMIC_TABLE, 0, [0xff], pattern(BLOCK));
  const shifted = new Uint8Array(image.length + 512);
  shifted.set(image.subarray(0, -512));
  shifted.set(image.subarray(-512), image.length);
  const source = recorded(shifted);
  const disk = openWritableVhd(source);
  disk.write(pattern(6 * BLOCK), 2 * BLOCK);
  disk.finish();
  for (let block = 2; block < 8; block++) {
    assertEquals((entry(source, block) * 512 + 512) % 4096, 0, `block ${block}`);
  }
});

pureTest(
  "the file grows by more blocks each time, and gives back at the end what it did not need",
  () => {
    const source = recorded(newVhd({ virtualSize: 100 * BLOCK }));
    const disk = openWritableVhd(source);
    disk.write(pattern(40 * BLOCK), 0);
    const footers = source.changes.filter((change) =>
      change.kind === "write" && change.bytes[0] === 0x63 && change.bytes.length === 512
    );
    assertEquals(footers.length, 4); // 1 + 4 + 16 + 64
    disk.finish();
    assertEquals(source.size, entry(source, 39) * 512 + 512 + BLOCK + 512);
    assertBytesEqual(readImage([openVhd(source)], 0, 40 * BLOCK), pattern(40 * BLOCK));
  },
);

pureTest("nothing changes for the reader where a write fails", () => {
  const source = SparseFile.of(newVhd());
  const disk = openWritableVhd(source);
  disk.write(pattern(BLOCK), 0);
  const failure = new ImageError("ERROR_DISK_FULL", { path: source.path });
  source.writeAt = () => {
    throw failure;
  };
  assertThrows(() => disk.write(pattern(512), BLOCK), ImageError);
  assertThrows(() => disk.write(pattern(512), 9 * BLOCK), ImageError);
  assertThrows(() => disk.flush(), ImageError);
  assertEquals(kinds(disk), "file 8, zero 72");
  assertBytesEqual(readImage([disk], 0, BLOCK), pattern(BLOCK));
});

pureTest("write() lets no more than a MiB of bitmaps wait in memory", () => {
  const blocks = 2 ** 20 / 512;
  const virtualSize = blocks * BLOCK;
  const file = SparseFile.of(newVhd({ subtype: "differencing", virtualSize }));
  const disk = openWritableVhd(file);
  const table = () => {
    const bytes = new Uint8Array(4 * blocks);
    file.readAt(bytes, DIFFERENCING_TABLE);
    return bytes;
  };
  const last = blocks - 1;
  for (let block = 0; block < last; block++) disk.write(pattern(512), block * BLOCK);
  assertBytesEqual(table(), new Uint8Array(4 * blocks).fill(0xff));
  disk.write(pattern(512), last * BLOCK);
  const entries = viewAt(table());
  for (let block = 0; block < blocks; block++) {
    assert(entries.getUint32(4 * block, false) !== 0xffffffff, `block ${block}`);
  }
});

for (const blockSize of [4096, 16384]) {
  pureTest(`random work on small images, blocks of ${blockSize}`, () => {
    const virtualSize = 150 * 512;
    const parentDisk = pattern(virtualSize, 5);
    const parentFile = SparseFile.of(
      newVhd({ subtype: "fixed", virtualSize, identifier: PARENT_IDENTIFIER }),
    );
    parentFile.writeAt(parentDisk, 0);
    for (let seed = 0; seed < 60; seed++) {
      const differencing = seed % 2 === 1;
      const subtype = differencing ? "differencing" : "dynamic";
      const file = SparseFile.of(newVhd({ subtype, virtualSize, blockSize }));
      const disk = differencing ? parentDisk.slice() : new Uint8Array(virtualSize);
      const parents = differencing ? [openVhd(parentFile)] : [];
      const reopen = () => openWritableVhd(file);
      try {
        randomWork(reopen(), disk, new Random(seed), { operations: 200, reopen, parents });
        assertBytesEqual(readImage([openVhd(file), ...parents], 0, virtualSize), disk);
      } catch (error) {
        throw new Error(`seed ${seed}`, { cause: error });
      }
    }
  });
}

pureTest("is4kAligned() of an image that is written goes by the entries that wait", () => {
  const bitmap = new Array<number>(512).fill(0xff);
  const first = withBlock(newVhd(), DYNAMIC_TABLE, 2, bitmap, pattern(BLOCK));
  const source = recorded(withBlock(first, DYNAMIC_TABLE, 3, bitmap, pattern(BLOCK)));
  const place = entry(source, 3);
  // Right behind the first, so not at a multiple of 4096, where the data of new blocks go.
  assert((place * 512 + 512) % 4096 !== 0);
  const disk = openWritableVhd(source);
  disk.write(pattern(512), 0);
  assertEquals(disk.is4kAligned(), false);
  disk.trim(3 * BLOCK, BLOCK);
  assertEquals([entry(source, 3), disk.is4kAligned()], [place, true]);
  disk.flush();
  assertEquals([entry(source, 3), disk.is4kAligned()], [0xffffffff, true]);
});
