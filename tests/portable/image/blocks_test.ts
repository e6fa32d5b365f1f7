import { assertEquals, assertRejects } from "@std/assert";
import { ImageError } from "../../../src/portable/file/image_error.ts";
import {
  applyImages,
  blockContents,
  copyRange,
  dataRuns,
} from "../../../src/portable/image/blocks.ts";
import { Pace } from "../../../src/portable/image/pace.ts";
import { openVhdx } from "../../../src/portable/vhdx/image.ts";
import { openWritableVhdx } from "../../../src/portable/vhdx/writable_image.ts";
import { SparseFile } from "../../crash/sparse_file.ts";
import { pureTest } from "../../pure.ts";
import { assertBytesEqual, pattern } from "../../support.ts";
import { MIB, VhdxBuilder } from "../vhdx/vhdx_builder.ts";
import { CellImage } from "./cell_image.ts";
import { CountingPace } from "./counting_pace.ts";
import { readImage } from "./read_image.ts";

const KIB = 1024;
const GRAIN = 64 * KIB;

function withByteAt(length: number, ...offsets: number[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (const offset of offsets) bytes[offset] = 1;
  return bytes;
}

pureTest("dataRuns() gives grains that hold something, neighbours joined", () => {
  const rows: [bytes: Uint8Array, expected: [start: number, end: number][]][] = [
    [new Uint8Array(0), []],
    [new Uint8Array(3 * GRAIN), []],
    [withByteAt(100, 99), [[0, 100]]],
    [withByteAt(3 * GRAIN, GRAIN), [[GRAIN, 2 * GRAIN]]],
    [withByteAt(4 * GRAIN, GRAIN - 1, GRAIN, 3 * GRAIN), [[0, 2 * GRAIN], [3 * GRAIN, 4 * GRAIN]]],
    [withByteAt(2 * GRAIN + 5, 2 * GRAIN + 4), [[2 * GRAIN, 2 * GRAIN + 5]]],
  ];
  for (const [bytes, expected] of rows) {
    assertEquals([...dataRuns(bytes)].map(({ start, end }) => [start, end]), expected);
  }
});

pureTest("applyImages() writes what a child has, and not a byte behind it", async () => {
  for (const length of [512, MIB + 512, 1.5 * MIB, 2 * MIB]) {
    const base = SparseFile.of(new VhdxBuilder({ blockSize: 4 * MIB }).bytes);
    const target = openWritableVhdx(base);
    const expected = pattern(8 * MIB, 1);
    target.write(expected, 0);
    const spec = { subtype: "differencing", blockSize: 4 * MIB } as const;
    const file = SparseFile.of(new VhdxBuilder(spec).bytes);
    const child = openWritableVhdx(file);
    child.write(pattern(length, 2), MIB);
    child.finish();
    await applyImages([openVhdx(file)], target, new Pace({}));
    target.finish();
    expected.set(pattern(length, 2), MIB);
    assertBytesEqual(readImage([openVhdx(base)], 0, 8 * MIB), expected, `${length}`);
  }
});

pureTest(
  "blockContents(): zeros of a child are its parent's if that holds zeros there too",
  async () => {
    const ZERO = 2;
    const PRESENT = 6;
    const builder = new VhdxBuilder({ subtype: "differencing" });
    const image = openVhdx(builder.bat(0, ZERO, 0).source());
    const empty = openVhdx(new VhdxBuilder().source());
    const full = new VhdxBuilder();
    full.bat(0, PRESENT, full.append(pattern(MIB)) / MIB);
    for (
      const [parents, isParents] of [[[empty], true], [[openVhdx(full.source())], false]] as const
    ) {
      const question = { image, parents, offset: 0, end: MIB, readsData: true };
      assertEquals(await blockContents(question, new Pace({})), { isZero: true, isParents });
    }
  },
);

/** Its file has lost its last byte since it was opened. */
function shortened(): CellImage {
  const image = new CellImage(new Uint8Array(MIB), ["file"], MIB);
  const readAt = (buffer: Uint8Array) => buffer.length - 1;
  return Object.assign(Object.create(image), { source: { ...image.source, readAt } });
}

pureTest("blockContents(): what a file has lost is not taken for zeros", async () => {
  const question = { image: shortened(), parents: [], offset: 0, end: MIB, readsData: true };
  const error = await assertRejects(() => blockContents(question, new Pace({})), ImageError);
  assertEquals(error.symbol, "ERROR_HANDLE_EOF");
});

pureTest("applyImages() writes nothing for what a file has lost", async () => {
  const target = openWritableVhdx(SparseFile.of(new VhdxBuilder().bytes));
  const error = await assertRejects(
    () => applyImages([shortened()], target, new Pace({})),
    ImageError,
  );
  assertEquals(error.symbol, "ERROR_HANDLE_EOF");
  assertEquals(target.extent(0, MIB).kind, "zero");
});

pureTest("blockContents(): what is read of a block counts for the speed alone", async () => {
  const builder = new VhdxBuilder({ blockSize: 2 * MIB });
  builder.bat(0, 6, builder.append(2 * MIB) / MIB);
  const pace = new CountingPace({});
  const image = openVhdx(builder.source());
  const question = { image, parents: [], offset: 0, end: 2 * MIB, readsData: true };
  assertEquals(await blockContents(question, pace), { isZero: true, isParents: false });
  assertEquals([pace.completed, pace.moved], [0, 2 * MIB]);
  // Zeros of a child, which are compared with what its parent holds.
  const child = openVhdx(new VhdxBuilder({ subtype: "differencing" }).bat(0, 2, 0).source());
  await blockContents({ ...question, image: child, parents: [image], end: MIB }, pace);
  assertEquals([pace.completed, pace.moved], [0, 3 * MIB]);
});

pureTest("applyImages() has done the whole disk at the end, and no more than that", async () => {
  const ZERO = 2;
  // Zeros over what a child holds of a block that is its parent's too are written to it.
  const target = openWritableVhdx(
    SparseFile.of(new VhdxBuilder({ subtype: "differencing", blockSize: 2 * MIB }).bytes),
  );
  target.write(pattern(MIB), MIB);
  const child = new VhdxBuilder({ subtype: "differencing", blockSize: MIB });
  child.bat(1, ZERO, 0).bat(5, 6, child.append(pattern(MIB)) / MIB);
  const pace = new CountingPace({});
  await applyImages([openVhdx(child.source())], target, pace);
  assertEquals(target.extent(MIB, 2 * MIB).kind, "file");
  // A MiB of zeros is written; one of data is read and written.
  assertEquals([pace.completed, pace.moved], [8 * MIB, 2 * MIB]);
});

pureTest("copyRange(): what the file copies within itself is not worked through", async () => {
  const file = SparseFile.of(pattern(MIB));
  const copyWithin = (from: number, to: number, length: number) =>
    file.writeAt(file.bytes().subarray(from, from + length), to);
  const pace = new CountingPace({});
  await copyRange(Object.assign(file, { copyWithin }), { from: 0, to: MIB, length: MIB }, pace);
  assertBytesEqual(file.bytes().subarray(MIB), pattern(MIB));
  assertEquals([pace.completed, pace.moved], [MIB, 0]);
});
