/** What becomes of a VHD file whose disk gets another size, and what is refused. */
import { assertEquals, assertGreater, assertThrows } from "@std/assert";
import type { ErrorSymbol } from "../../../src/errors/codes.ts";
import { ImageError } from "../../../src/portable/file/image_error.ts";
import { resizeVhd } from "../../../src/portable/vhd/resize.ts";
import { openVhd } from "../../../src/portable/vhd/open.ts";
import { RecordingSource } from "../../crash/recording_source.ts";
import { SparseFile } from "../../crash/sparse_file.ts";
import { assertBytesEqual, pattern } from "../../support.ts";
import { readImage } from "../image/read_image.ts";
import { entry, recorded, writes } from "./recorded_vhd.ts";
import { DYNAMIC_TABLE, newVhd, sealFooter, sealHeader, viewAt, withBlock } from "./vhd_builder.ts";
import { pureTest } from "../../pure.ts";

const BLOCK = 4096;
const SIZE = 10 * BLOCK;
/** With so many entries the table reaches into the first block. */
const LARGE = 600 * BLOCK;

/** The first bytes of the disk. */
function contents(file: SparseFile, length: number): Uint8Array<ArrayBuffer> {
  return readImage([openVhd(file)], 0, length);
}

/** The disk of `image`, resized, must read as before, with zeros behind. */
function assertGrows(image: Uint8Array, size: number): void {
  const file = SparseFile.of(image);
  const { virtualSize } = openVhd(file);
  const expected = new Uint8Array(size);
  expected.set(contents(file, virtualSize));
  resizeVhd(file, size);
  assertEquals(openVhd(file).virtualSize, size);
  assertBytesEqual(contents(file, size), expected);
}

/** Resizing is refused before anything has been written. */
function assertRefused(file: SparseFile, size: number, code: ErrorSymbol): void {
  const source = new RecordingSource<never>(file);
  const error = assertThrows(() => resizeVhd(source, size), ImageError);
  assertEquals([error.symbol, error.options.path], [code, source.path]);
  // Opening may make durable what it has read.
  assertEquals(source.changes.filter(({ kind }) => kind !== "flush"), []);
}

function twoBlocks(): Uint8Array<ArrayBuffer> {
  const first = withBlock(newVhd(), DYNAMIC_TABLE, 7, [0xff], pattern(BLOCK));
  return withBlock(first, DYNAMIC_TABLE, 2, [0xff], pattern(BLOCK, 1));
}

for (const [name, size] of [["stays", SIZE + BLOCK], ["needs more room", LARGE]] as const) {
  pureTest(`resizeVhd(): a dynamic disk keeps its blocks where its table ${name}`, () => {
    assertGrows(twoBlocks(), size);
  });

  pureTest(`resizeVhd(): an empty dynamic disk grows where its table ${name}`, () => {
    assertGrows(newVhd(), size);
  });
}

pureTest(
  "resizeVhd(): a block that moves keeps all of its data, of which each MiB is copied by itself",
  () => {
    const blockSize = 2 ** 22;
    const data = pattern(blockSize);
    const made = newVhd({ virtualSize: 128 * blockSize, blockSize });
    const bitmap = new Array<number>(blockSize / 512 / 8).fill(0xff);
    const file = SparseFile.of(withBlock(made, DYNAMIC_TABLE, 127, bitmap, data));
    const tableSize = 128 * 4;
    const place = () => {
      const entry = new Uint8Array(4);
      file.readAt(entry, DYNAMIC_TABLE + 127 * 4);
      return viewAt(entry).getUint32(0, false) * 512;
    };
    // The table of the larger disk ends behind the first sector of the block.
    const size = 128 * blockSize + (place() - DYNAMIC_TABLE - tableSize + 512) / 4 * blockSize;
    const before = place();
    resizeVhd(file, size);
    assertGreater(place(), before);
    assertBytesEqual(readImage([openVhd(file)], 127 * blockSize, blockSize), data);
  },
);

pureTest("resizeVhd(): a fixed disk is durably larger when that returns", () => {
  const image = newVhd({ subtype: "fixed", virtualSize: 2 * BLOCK });
  const source = new RecordingSource<never>(SparseFile.of(image));
  resizeVhd(source, 5 * BLOCK);
  assertEquals(source.changes.slice(-2).map(({ kind }) => kind), ["truncate", "flush"]);
});

pureTest("resizeVhd(): each step of a dynamic disk's growth is durable before the next", () => {
  const source = recorded(twoBlocks());
  const from = entry(source, 7) * 512;
  resizeVhd(source, LARGE);
  const to = entry(source, 7) * 512;
  const footer = source.size - 512;
  assertGreater(to, from);
  assertEquals(writes(source), [
    // Behind the place that the block of disk block 7 moves to, for the table needs the one where it was.
    [footer],
    [to],
    [DYNAMIC_TABLE + 4 * 7],
    // Until its entry is durable, the block is where the new entries go; and these are blank before anyone counts them.
    [DYNAMIC_TABLE + 4 * 10],
    [512],
    // The size of the disk.
    [footer],
    [0],
    [],
  ]);
});

pureTest("resizeVhd() lets what lies behind the end of the disk read as zeros later", async (t) => {
  for (const added of [512, 1024, BLOCK]) {
    await t.step(`${added} bytes later`, () => {
      const virtualSize = SIZE - 1024;
      const image = withBlock(newVhd({ virtualSize }), DYNAMIC_TABLE, 9, [0xff], pattern(BLOCK));
      assertGrows(image, virtualSize + added);
    });
  }
});

pureTest(
  "resizeVhd(): what lies between a fixed disk and its footer does not become part of the disk",
  () => {
    const image = newVhd({ subtype: "fixed", virtualSize: 2 * BLOCK });
    const longer = new Uint8Array(image.length + 3 * 512);
    longer.set(image.subarray(0, 2 * BLOCK));
    longer.fill(0xaa, 2 * BLOCK);
    longer.set(image.subarray(-512), longer.length - 512);
    assertGrows(longer, 3 * BLOCK);
  },
);

pureTest("resizeVhd(): a differencing VHD keeps its size, and no VHD becomes smaller", () => {
  const child = SparseFile.of(newVhd({ subtype: "differencing" }));
  assertRefused(child, 2 * SIZE, "ERROR_VHD_INVALID_TYPE");
  for (const subtype of ["fixed", "dynamic"] as const) {
    const file = SparseFile.of(newVhd({ subtype }));
    assertRefused(file, SIZE - 512, "ERROR_VHD_INVALID_TYPE");
  }
});

pureTest("resizeVhd(): a table does not grow over a structure behind it", () => {
  const image = newVhd();
  const header = image.slice(512, 1536);
  const table = image.slice(DYNAMIC_TABLE, DYNAMIC_TABLE + 512);
  image.set(table, 512);
  image.set(header, 1024);
  viewAt(image).setBigUint64(1024 + 16, 512n, false);
  sealHeader(image, 1024);
  for (const footer of [0, image.length - 512]) {
    viewAt(image).setBigUint64(footer + 16, 1024n, false);
    sealFooter(image, footer);
  }
  assertGrows(image, SIZE + BLOCK);
  assertRefused(SparseFile.of(image), LARGE, "ERROR_NOT_SUPPORTED");
});

pureTest(
  "resizeVhd(): a disk does not grow where its blocks would move beyond what an entry can say",
  () => {
    const image = twoBlocks();
    const file = SparseFile.of(image.subarray(0, -512));
    file.writeAt(image.subarray(-512), (0xffff_ffff - 7) * 512);
    assertRefused(file, LARGE, "ERROR_VHD_BLOCK_ALLOCATION_FAILURE");
  },
);

pureTest("resizeVhd(): a disk of a machine whose state is saved keeps its size", () => {
  for (const subtype of ["dynamic", "fixed"] as const) {
    const image = newVhd({ subtype });
    const footer = image.length - 512;
    for (const at of subtype === "fixed" ? [footer] : [0, footer]) {
      image[at + 84] = 1;
      sealFooter(image, at);
    }
    assertRefused(SparseFile.of(image), LARGE, "ERROR_VHD_INVALID_STATE");
  }
});
