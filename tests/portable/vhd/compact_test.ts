/** How the blocks of a VHD move down. */
import { assertEquals } from "@std/assert";
import { Pace } from "../../../src/portable/image/pace.ts";
import { compactVhd } from "../../../src/portable/vhd/compact.ts";
import { openVhd, openWritableVhd } from "../../../src/portable/vhd/open.ts";
import { createVhdIn, newImage } from "../../crash/formats.ts";
import { SparseFile } from "../../crash/sparse_file.ts";
import { pureTest } from "../../pure.ts";
import { assertBytesEqual, pattern } from "../../support.ts";
import { CountingPace } from "../image/counting_pace.ts";
import { readImage } from "../image/read_image.ts";
import { DYNAMIC_TABLE, vhdSpec } from "./vhd_builder.ts";

const SECTOR = 512;
const BLOCK = 2 ** 24;

/** On a volume that copies holes as holes; notes the order of what is done. */
class CopyingFile extends SparseFile {
  readonly order: ("copy" | "write" | "flush")[] = [];

  copyWithin(from: number, to: number, length: number): void {
    this.order.push("copy");
    const sector = new Uint8Array(SECTOR);
    for (let done = 0; done < length; done += SECTOR) {
      const isData = this.isAllocated(from + done, SECTOR);
      if (!isData && !this.isAllocated(to + done, SECTOR)) continue;
      this.readAt(sector, from + done);
      super.writeAt(sector, to + done);
    }
  }

  override writeAt(bytes: Uint8Array, offset: number): void {
    this.order.push("write");
    super.writeAt(bytes, offset);
  }

  override flush(): void {
    this.order.push("flush");
  }
}

pureTest(
  "compactVhd(): what has been moved is durable after 64 MiB, before more is moved",
  async () => {
    const made = newImage(createVhdIn, vhdSpec({ virtualSize: 10 * BLOCK, blockSize: BLOCK }));
    const image = openWritableVhd(made);
    for (let i = 0; i < 10; i++) image.write(pattern(SECTOR, i), i * BLOCK, false);
    image.finish();
    // The lower half of the file becomes free.
    made.writeAt(new Uint8Array(5 * 4).fill(0xff), DYNAMIC_TABLE);
    const file = made.forkAs(CopyingFile);
    const job = { parents: [], zeroScan: false, blockMoves: true, pace: new Pace({}) };
    assertEquals((await compactVhd(file, job)).movedBlocks, 5);
    const first = file.order.indexOf("copy");
    assertEquals(file.order.slice(first, first + 11), [
      ...["copy", "copy", "copy", "copy", "flush", "write", "flush"],
      ...["copy", "flush", "write", "flush"],
    ]);
    for (let i = 5; i < 10; i++) {
      assertBytesEqual(readImage([openVhd(file)], i * BLOCK, SECTOR), pattern(SECTOR, i));
    }
  },
);

pureTest("compactVhd() moves blocks to aligned places where a gap has room for that", async () => {
  const size = 4096;
  const file = newImage(createVhdIn, vhdSpec({ virtualSize: 10 * size, blockSize: size }));
  const image = openWritableVhd(file);
  image.write(pattern(10 * size), 0);
  image.trim(0, 4 * size);
  image.finish();
  const job = { parents: [], zeroScan: false, blockMoves: true, pace: new Pace({}) };
  assertEquals((await compactVhd(file, job)).movedBlocks, 4);
  assertEquals(openVhd(file).is4kAligned!(), true);
});

pureTest("compactVhd() has worked through what it has read, and through no more", async () => {
  const size = 4096;
  const made = newImage(createVhdIn, vhdSpec({ virtualSize: 10 * size, blockSize: size }));
  const image = openWritableVhd(made);
  image.write(pattern(4 * size), 0);
  image.write(new Uint8Array(size), size);
  image.finish();
  const footprint = SECTOR + size;
  for (
    const [zeroScan, blockMoves, read, copied] of [
      [false, false, 0, 0],
      // The block of zeros goes, and the last one takes its place.
      [true, false, 4 * size, 0],
      [true, true, 4 * size, footprint],
    ] as const
  ) {
    const pace = new CountingPace({});
    await compactVhd(made.fork(), { parents: [], zeroScan, blockMoves, pace });
    assertEquals(pace.moved, read + copied);
    assertEquals(pace.completed, 4 * size + copied);
  }
});
