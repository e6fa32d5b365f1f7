import { assertEquals, assertLessOrEqual } from "@std/assert";
import { type DiskImage, imageExtents } from "../../../src/portable/image/image.ts";
import { openVhd } from "../../../src/portable/vhd/open.ts";
import { assertBytesEqual, pattern } from "../../support.ts";
import { HoleySource, MemorySource } from "../file/memory_source.ts";
import { readImage } from "../image/read_image.ts";
import {
  changed,
  DIFFERENCING_TABLE,
  DYNAMIC_TABLE,
  HEADER,
  newVhd,
  sealHeader,
  viewAt,
  withBlock,
} from "./vhd_builder.ts";
import { pureTest } from "../../pure.ts";

/** Blocks 1 and 4 of 10 are in the file; of their 8 sectors those of the bitmap 1010 0011. */
const BITMAP = 0b1010_0011;

function image(subtype: "dynamic" | "differencing"): DiskImage {
  const table = subtype === "dynamic" ? DYNAMIC_TABLE : DIFFERENCING_TABLE;
  let bytes = newVhd({ subtype });
  for (const block of [4, 1]) {
    bytes = withBlock(bytes, table, block, [BITMAP], pattern(4096, block));
  }
  return openVhd(new MemorySource(bytes));
}

/** `kind offset+length`, for file extents `@fileOffset` too, relative to the block's data. */
function pieces(disk: DiskImage, offset: number, end: number, data = 0): string[] {
  return [...imageExtents(disk, offset, end)].map((each) =>
    `${each.kind} ${each.offset}+${each.length}` +
    (each.kind === "file" ? ` @${each.fileOffset - data}` : "")
  );
}

/** Where the data of block 1 are: behind block 4, which was written first. */
function dataOfBlock1(disk: DiskImage): number {
  return disk.source.size - 512 - 4096;
}

pureTest(
  "extent() of a differencing image follows the bitmap from the most significant bit",
  () => {
    const disk = image("differencing");
    assertEquals(pieces(disk, 4096, 8192, dataOfBlock1(disk)), [
      "file 4096+512 @0",
      "parent 4608+512",
      "file 5120+512 @1024",
      "parent 5632+1536",
      "file 7168+1024 @3072",
    ]);
  },
);

pureTest("extent() of a dynamic image gives whole blocks, whatever the bitmap says", () => {
  const disk = image("dynamic");
  assertEquals(pieces(disk, 4096, 8192, dataOfBlock1(disk)), ["file 4096+4096 @0"]);
  assertEquals(pieces(disk, 4096 + 700, 9000, dataOfBlock1(disk)), [
    "file 4796+3396 @700",
    "zero 8192+808",
  ]);
});

for (const [subtype, other] of [["dynamic", "zero"], ["differencing", "parent"]] as const) {
  pureTest(`extent() of a ${subtype} image joins blocks that are not in the file`, () => {
    const disk = image(subtype);
    assertEquals(pieces(disk, 0, 4096), [`${other} 0+4096`]);
    assertEquals(pieces(disk, 8192, 16384), [`${other} 8192+8192`]);
    assertEquals(pieces(disk, 5 * 4096 + 100, disk.virtualSize), [`${other} 20580+20380`]);
    assertEquals(pieces(disk, 9000, 9001), [`${other} 9000+1`]);
  });

  pureTest(`extent() of a ${subtype} image cuts at bytes within sectors`, () => {
    const disk = image(subtype);
    const data = dataOfBlock1(disk);
    assertEquals(pieces(disk, 4100, 4101, data), ["file 4100+1 @4"]);
    const isWhole = subtype === "dynamic";
    assertEquals(
      pieces(disk, 4607, 4609, data),
      isWhole ? ["file 4607+2 @511"] : ["file 4607+1 @511", `${other} 4608+1`],
    );
    assertEquals(
      pieces(disk, 7000, 7169, data),
      isWhole ? ["file 7000+169 @2904"] : [`${other} 7000+168`, "file 7168+1 @3072"],
    );
  });
}

pureTest("a dynamic image reads what its blocks hold, where a bit is not set too", () => {
  const expected = new Uint8Array(10 * 4096);
  for (const block of [1, 4]) expected.set(pattern(4096, block), block * 4096);
  const disk = image("dynamic");
  assertBytesEqual(readImage([disk], 0, 40960), expected);
  // Reads that straddle sectors and blocks.
  assertBytesEqual(readImage([disk], 4000, 9999), expected.slice(4000, 13999));
});

pureTest("a differencing image shows its parent through, and zeros beyond its parent's end", () => {
  const parentSize = 6 * 4096 + 512;
  const parentData = pattern(parentSize, 77);
  const parentBytes = newVhd({ subtype: "fixed", virtualSize: parentSize });
  parentBytes.set(parentData);
  const parent = openVhd(new MemorySource(parentBytes));
  const expected = new Uint8Array(10 * 4096);
  expected.set(parentData);
  for (const block of [1, 4]) {
    const data = pattern(4096, block);
    for (let sector = 0; sector < 8; sector++) {
      if ((BITMAP & (0x80 >> sector)) === 0) continue;
      const offset = block * 4096 + sector * 512;
      expected.set(data.subarray(sector * 512, (sector + 1) * 512), offset);
    }
  }
  assertBytesEqual(readImage([image("differencing"), parent], 0, 40960), expected);
});

pureTest("the last block may reach beyond the end of the disk, extents do not", () => {
  const bytes = newVhd({ virtualSize: 4096 + 1536 });
  const disk = openVhd(
    new MemorySource(withBlock(bytes, DYNAMIC_TABLE, 1, [0xff], pattern(4096))),
  );
  assertEquals(pieces(disk, 0, disk.virtualSize, dataOfBlock1(disk)), [
    "zero 0+4096",
    "file 4096+1536 @0",
  ]);
});

pureTest("extent() finds the data after the bitmap, whatever the size of the blocks", async (t) => {
  const sizes = [
    ["512 KiB", 2 ** 19, 512],
    ["2 MiB", 2 ** 21, 512],
    ["4 MiB, whose bitmap has two sectors", 2 ** 22, 1024],
    ["256 MiB", 2 ** 28, 65536],
  ] as const;
  const kinds = [
    ["dynamic", DYNAMIC_TABLE],
    ["differencing", DIFFERENCING_TABLE],
  ] as const;
  for (const [i, [name, blockSize, bitmapBytes]] of [...sizes, ...sizes].entries()) {
    const [subtype, table] = kinds[Math.floor(i / sizes.length)]!;
    await t.step(`${subtype}, ${name}`, () => {
      const head = newVhd({ subtype, virtualSize: 3 * blockSize, blockSize });
      const bitmapOffset = head.length - 512;
      viewAt(head).setUint32(table + 4, bitmapOffset / 512, false);
      const bitmap = new Uint8Array(bitmapBytes);
      bitmap[blockSize / 512 / 8 - 1] = 0x01; // Only the last sector of the block has been written.
      const size = bitmapOffset + bitmapBytes + blockSize + 512;
      const disk = openVhd(
        new HoleySource(size, [
          { offset: 0, bytes: head.subarray(0, bitmapOffset) },
          { offset: bitmapOffset, bytes: bitmap },
          { offset: size - 512, bytes: head.subarray(bitmapOffset) },
        ]),
      );
      assertEquals(disk.blockSize, blockSize);
      const expected = subtype === "dynamic"
        ? [
          `zero 0+${blockSize}`,
          `file ${blockSize}+${blockSize} @${size - 512 - blockSize}`,
          `zero ${2 * blockSize}+${blockSize}`,
        ]
        : [
          `parent 0+${blockSize}`,
          `parent ${blockSize}+${blockSize - 512}`,
          `file ${2 * blockSize - 512}+512 @${size - 1024}`,
          `parent ${2 * blockSize}+${blockSize}`,
        ];
      assertEquals(pieces(disk, 0, disk.virtualSize), expected);
      assertEquals(disk.is4kAligned(), true);
    });
  }
});

pureTest("a table with more entries than the disk has blocks is read as far as needed", () => {
  const bytes = newVhd();
  viewAt(bytes).setUint32(HEADER + 28, 20, false);
  sealHeader(bytes);
  const disk = openVhd(new MemorySource(bytes));
  assertEquals(pieces(disk, 0, disk.virtualSize), ["zero 0+40960"]);
});

pureTest("opening 2040 GiB reads as little as opening 40 KiB, and extents stay bounded", () => {
  const virtualSize = 2040 * 2 ** 30;
  const blockSize = 2 ** 19;
  const tableSize = 4 * virtualSize / blockSize;
  const large = newVhd({ virtualSize, blockSize });
  assertEquals(large.length - 512 - DYNAMIC_TABLE >= tableSize, true);
  const source = new MemorySource(large);
  const disk = openVhd(source);
  assertEquals(source.bytesRead, 512 + 1024);
  let count = 0;
  let end = 0;
  for (const extent of imageExtents(disk, 0, virtualSize)) {
    assertEquals([extent.kind, extent.offset], ["zero", end]);
    end += extent.length;
    count++;
  }
  assertEquals([end, count], [virtualSize, 1020]);
  // Each page of the table was read once.
  assertLessOrEqual(source.bytesRead, 512 + 1024 + tableSize + 4096);
});

pureTest("is4kAligned() looks at where the data of the blocks are, not their bitmaps", () => {
  const aligned = withBlock(newVhd(), DYNAMIC_TABLE, 3, [0xff], pattern(4096));
  assertEquals(openVhd(new MemorySource(newVhd())).is4kAligned(), true);
  assertEquals(openVhd(new MemorySource(aligned)).is4kAligned(), true);
  // The next block follows without a gap: its bitmap is where its data should be.
  const next = withBlock(aligned, DYNAMIC_TABLE, 9, [0xff], pattern(4096));
  assertEquals(openVhd(new MemorySource(next)).is4kAligned(), false);
  // A table entry of a block that the disk does not have.
  const beyond = changed(aligned, DYNAMIC_TABLE + 40, [0, 0, 0, 99]);
  assertEquals(openVhd(new MemorySource(beyond)).is4kAligned(), true);
});
