import { assertEquals } from "@std/assert";
import { writeChain, zeroChain } from "../../../src/portable/image/extents.ts";
import type { ImageExtent, WritableImage } from "../../../src/portable/image/image.ts";
import { assertBytesEqual, pattern } from "../../support.ts";
import { pureTest } from "../../pure.ts";

const SECTOR = 512;

/** A raw disk in memory that notes what is written to it. */
class MemoryImage implements WritableImage {
  readonly format = "vhd";
  readonly subtype = "fixed";
  readonly blockSize = 0;
  readonly logicalSectorSize = SECTOR;
  readonly physicalSectorSize = SECTOR;
  readonly identifier = undefined;
  readonly virtualDiskId = undefined;
  readonly parent = undefined;
  readonly virtualSize: number;
  readonly source;
  readonly writes: [offset: number, length: number][] = [];
  /** What was to be given back. */
  readonly givenBack: [offset: number, length: number][] = [];

  constructor(readonly bytes: Uint8Array) {
    this.virtualSize = bytes.length;
    this.source = {
      path: "memory",
      size: bytes.length,
      readAt: (buffer: Uint8Array, offset: number) => {
        const part = bytes.subarray(offset, offset + buffer.length);
        buffer.set(part);
        return part.length;
      },
    };
  }

  extent(offset: number, end: number): ImageExtent {
    return { kind: "file", offset, length: end - offset, fileOffset: offset };
  }
  write(bytes: Uint8Array, offset: number): void {
    assertEquals([offset % SECTOR, bytes.length % SECTOR], [0, 0], "whole sectors only");
    this.writes.push([offset, bytes.length]);
    this.bytes.set(bytes, offset);
  }
  trim(): void {}
  zeroBlocks(offset: number, length: number): void {
    this.givenBack.push([offset, length]);
  }
  flush(): void {}
  finish(): void {}
  is4kAligned(): boolean {
    return true;
  }
}

pureTest("writeChain() changes the given bytes and no others, by whole sectors", async (t) => {
  const rows: [offset: number, length: number, writes: [number, number][]][] = [
    [0, SECTOR, [[0, 512]]],
    [512, 4 * SECTOR, [[512, 2048]]],
    [3, 5, [[0, 512]]],
    [511, 2, [[0, 512], [512, 512]]],
    [100, 2000, [[0, 512], [512, 1536], [2048, 512]]],
    [512, 600, [[512, 512], [1024, 512]]],
    [8191, 1, [[7680, 512]]],
    [0, 0, []],
    [0, 8192, [[0, 8192]]],
  ];
  for (const [offset, length, writes] of rows) {
    await t.step(`${length} bytes at ${offset}`, () => {
      const image = new MemoryImage(pattern(8192));
      const expected = image.bytes.slice();
      const bytes = pattern(length, 77);
      expected.set(bytes, offset);
      writeChain(image, [image], bytes, offset);
      assertBytesEqual(image.bytes, expected);
      assertEquals(image.writes, writes);
    });
  }
});

pureTest("zeroChain() gives no space back that the zeros are to take", () => {
  for (const takesSpace of [true, false]) {
    const image = new MemoryImage(pattern(8192));
    zeroChain(image, [image], { offset: 1024, length: 2048, takesSpace });
    assertEquals(image.givenBack, takesSpace ? [] : [[1024, 2048]]);
    assertBytesEqual(image.bytes.subarray(1024, 3072), new Uint8Array(2048));
  }
});

pureTest("zeroChain() writes each sector once, however long the range is", () => {
  const image = new MemoryImage(pattern(3 << 20));
  zeroChain(image, [image], { offset: 700, length: 2_500_000, takesSpace: true });
  const sectors = image.writes.flatMap(([offset, length]) =>
    Array.from({ length: length / SECTOR }, (_, i) => offset / SECTOR + i)
  );
  // Sectors 1 to 4884 hold the bytes 700 to 2,500,699.
  assertEquals(sectors, Array.from({ length: 4884 }, (_, i) => 1 + i));
});
