import { assertEquals, assertGreater, assertRejects } from "@std/assert";
import { ImageError } from "../../../src/portable/file/image_error.ts";
import type { Compaction } from "../../../src/portable/image/format.ts";
import { Pace } from "../../../src/portable/image/pace.ts";
import { compactVhdx } from "../../../src/portable/vhdx/compact.ts";
import { openVhdx } from "../../../src/portable/vhdx/image.ts";
import { MAX_PAGES_PER_ENTRY } from "../../../src/portable/vhdx/log_writer.ts";
import { openWritableVhdx } from "../../../src/portable/vhdx/writable_image.ts";
import { createVhdxIn, newImage } from "../../crash/formats.ts";
import { RecordingSource } from "../../crash/recording_source.ts";
import { SparseFile } from "../../crash/sparse_file.ts";
import { assertBytesEqual, pattern } from "../../support.ts";
import { readImage } from "../image/read_image.ts";
import { loggedCounts } from "./log_builder.ts";
import { logOf, raise, regionPlace } from "./raised.ts";
import { FIRST_BLOCK, HEADERS, MIB, VhdxBuilder, vhdxSpec } from "./vhdx_builder.ts";
import { pureTest } from "../../pure.ts";

const JOB: Compaction = {
  parents: [],
  zeroScan: true,
  blockMoves: true,
  pace: new Pace({}),
};

/** Fails to read a whole MiB in one place, as a copy of it does. */
function withBadCopy(file: SparseFile, place: number): SparseFile {
  const readAt = file.readAt.bind(file);
  file.readAt = (buffer, offset) => {
    if (offset === place && buffer.length === MIB) throw new Error("a bad sector");
    return readAt(buffer, offset);
  };
  return file;
}

pureTest("compactVhdx() refuses a fixed disk, and leaves it as it is", async () => {
  const file = newImage(createVhdxIn, vhdxSpec({ subtype: "fixed" }));
  const before = file.bytes();
  const error = await assertRejects(() => compactVhdx(file, JOB), ImageError);
  assertEquals(error.symbol, "ERROR_VHD_INVALID_TYPE");
  assertBytesEqual(file.bytes(), before);
});

pureTest("compactVhdx() moves a log down that lies behind everything else", async () => {
  const file = newImage(createVhdxIn, vhdxSpec());
  const image = openWritableVhdx(file);
  image.write(pattern(2 * MIB, 1), 3 * MIB);
  image.finish();
  const { size } = file;
  raise(file, ["log"]);
  const raised = logOf(file, HEADERS[0]).offset;
  await compactVhdx(file, JOB);
  for (const header of HEADERS) assertGreater(raised, logOf(file, header).offset);
  assertEquals(file.size <= size, true);
  assertBytesEqual(readImage([openVhdx(file)], 3 * MIB, 2 * MIB), pattern(2 * MIB, 1));
});

pureTest("compactVhdx() keeps what it has moved to where a table was", async () => {
  const blockSize = 2 * MIB;
  const file = newImage(createVhdxIn, vhdxSpec({ virtualSize: 8 * MIB, blockSize }));
  const write = (block: number) => {
    const image = openWritableVhdx(file);
    image.write(pattern(blockSize, block), block * blockSize);
    image.finish();
  };
  // The MiB before the table is too small for a block until the table has moved away from behind it.
  write(0);
  raise(file, ["table"], MIB);
  write(1);
  const { fileSize, movedBlocks } = await compactVhdx(file, JOB);
  assertEquals([fileSize, movedBlocks], [FIRST_BLOCK + 2 * blockSize, 1]);
  for (const block of [0, 1]) {
    assertBytesEqual(
      readImage([openVhdx(file)], block * blockSize, blockSize),
      pattern(blockSize, block),
    );
  }
});

pureTest("compactVhdx() gives back bitmaps of chunks in which no block needs one", async () => {
  // With blocks of 1 MiB, the entry of a bitmap lies behind those of 4096 blocks.
  const builder = new VhdxBuilder({ subtype: "differencing", virtualSize: 2 * 4096 * MIB });
  for (const [index, state] of [[0, 6], [4096, 6], [4097, 7], [4097 + 4096, 6]] as const) {
    builder.bat(index, state, builder.append(new Uint8Array(MIB).fill(0xff)) / MIB);
  }
  const file = SparseFile.of(builder.bytes);
  const { fileSize, releasedBlocks } = await compactVhdx(file, JOB);
  assertEquals([fileSize, releasedBlocks], [FIRST_BLOCK + 3 * MIB, 0]);
  for (const offset of [0, 4096 * MIB]) {
    const { kind, length } = openVhdx(file).extent(offset, offset + MIB);
    assertEquals([kind, length], ["file", MIB]);
  }
});

pureTest("compactVhdx() leaves in its place what cannot be copied down", async (t) => {
  for (const what of ["table", "metadata"] as const) {
    await t.step(what, async () => {
      const file = newImage(createVhdxIn, vhdxSpec());
      const image = openWritableVhdx(file);
      const bytes = new Uint8Array(8 * MIB);
      bytes.set(pattern(2 * MIB, 1), 5 * MIB);
      image.write(bytes, 0);
      image.finish();
      raise(file, [what]);
      const place = regionPlace(file, what);
      await assertRejects(
        () => compactVhdx(withBadCopy(file, place), JOB),
        Error,
        "a bad sector",
      );
      assertGreater(file.size, place);
      assertBytesEqual(readImage([openVhdx(file.fork())], 0, bytes.length), bytes);
      await compactVhdx(file.fork(), JOB);
    });
  }
});

pureTest(
  "compactVhdx() logs no more pages of the table at once than an entry has room for",
  async () => {
    const count = 130;
    const builder = new VhdxBuilder({ virtualSize: count * 512 * MIB });
    // Blocks that were trimmed, each in a page of the table of its own.
    for (let i = 0; i < count; i++) builder.bat(i * 512 + 100, 3, FIRST_BLOCK / MIB + i);
    const file = SparseFile.of(builder.bytes);
    file.truncate(FIRST_BLOCK + count * MIB);
    const recording = new RecordingSource<never>(file);
    const { releasedBlocks, fileSize } = await compactVhdx(recording, JOB);
    assertEquals([releasedBlocks, fileSize], [count, FIRST_BLOCK]);
    const counts = loggedCounts(recording.changes);
    assertEquals(counts.reduce((sum, pages) => sum + pages), count);
    assertGreater(MAX_PAGES_PER_ENTRY + 1, Math.max(...counts));
  },
);
