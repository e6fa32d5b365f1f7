/** What new VHDX images are like. */
import { assert, assertEquals } from "@std/assert";
import { VHDX } from "../../../src/portable/vhdx/format.ts";
import { Findings } from "../../../src/portable/image/findings.ts";
import { Pace } from "../../../src/portable/image/pace.ts";
import { checkVhdx } from "../../../src/portable/vhdx/check.ts";
import { resizeVhdx } from "../../../src/portable/vhdx/resize.ts";
import { openVhdx } from "../../../src/portable/vhdx/image.ts";
import { openWritableVhdx } from "../../../src/portable/vhdx/writable_image.ts";
import { RecordingSource } from "../../crash/recording_source.ts";
import { SparseFile } from "../../crash/sparse_file.ts";
import { pureTest } from "../../pure.ts";
import { pattern } from "../../support.ts";
import { loggedCounts, PAGE } from "./log_builder.ts";
import { BAT, MIB, VhdxBuilder } from "./vhdx_builder.ts";

pureTest("VHDX: blocks of a new fixed disk are as large as its size allows", () => {
  const { fixedBlockSize } = VHDX.newImages!;
  const rows: [mib: number, blockMib: number][] = [
    [32, 32],
    [64, 32],
    [16, 16],
    [48, 16],
    [3, 1],
    [1.5, 1],
    [4097, 32],
    [4096, 32],
    [4095, 1],
  ];
  for (const [size, block] of rows) {
    assertEquals(fixedBlockSize(size * MIB), block * MIB, `${size} MiB`);
  }
});

pureTest(
  "checkVhdx(): a damaged identifier is told, and the rest is checked all the same",
  async () => {
    const builder = new VhdxBuilder();
    builder.bytes[0]! ^= 1;
    builder.bat(3, 5, 0); // A state that there is not.
    const findings = new Findings("a.vhdx");
    await checkVhdx(builder.source(), findings, new Pace({}), false);
    const structures = findings.list.map(({ structure }) => structure);
    assertEquals(structures[0], "file type identifier");
    assertEquals(structures.length > 1, true);
  },
);

pureTest("VHDX: an image is told to be of no creator if it names none", () => {
  const builder = new VhdxBuilder();
  const { creator } = VHDX.origin!(builder.source());
  assertEquals(creator?.startsWith("virtdisk"), true);
  builder.bytes.fill(0, 8, 8 + 512);
  assertEquals(VHDX.origin!(builder.source()), {});
});

/** The bytes of the first entries of the block table, after the disk has got another size. */
function tableResized(builder: VhdxBuilder, virtualSize: number, entries: number): Uint8Array {
  const file = SparseFile.of(builder.bytes);
  resizeVhdx(file, { virtualSize, parentSize: 0 });
  const table = new Uint8Array(entries * 8);
  file.readAt(table, BAT);
  return table;
}

pureTest("resizeVhdx(): entries of blocks that the disk no longer has are zeros", () => {
  const builder = new VhdxBuilder();
  for (const block of [1, 5, 7]) builder.bat(block, 6, builder.append(MIB) / MIB);
  const table = tableResized(builder, 4 * MIB, 8);
  assertEquals(table[8], 6);
  assertEquals(table.subarray(4 * 8), new Uint8Array(4 * 8));
});

pureTest(
  "resizeVhdx(): entries that another writer left behind those of the disk become no blocks of it",
  () => {
    const builder = new VhdxBuilder({ virtualSize: 8 * MIB });
    for (const block of [1, 8, 10]) builder.bat(block, 6, builder.append(MIB) / MIB);
    const table = tableResized(builder, 12 * MIB, 12);
    assertEquals(table[8], 6);
    assertEquals(table.subarray(8 * 8), new Uint8Array(4 * 8));
  },
);

pureTest("resizeVhdx(): what is hidden behind the end of a child ends with its last block", () => {
  const file = SparseFile.of(
    new VhdxBuilder({ subtype: "differencing", virtualSize: 7.5 * MIB }).bytes,
  );
  const image = openWritableVhdx(file);
  image.write(pattern(512), 7 * MIB, false);
  image.finish();
  resizeVhdx(file, { virtualSize: 10 * MIB, parentSize: 0 });
  const grown = openVhdx(file);
  assertEquals(grown.extent(7.5 * MIB, 8 * MIB).kind, "file");
  assertEquals(grown.extent(8 * MIB, 10 * MIB).kind, "parent");
});

pureTest(
  "resizeVhdx(): however many entries are cleared, an entry of the log has no more pages than readers take",
  () => {
    const builder = new VhdxBuilder();
    const pages = 200;
    builder.bytes.fill(0xff, BAT + 8 * 8, BAT + pages * PAGE);
    const file = new RecordingSource<never>(SparseFile.of(builder.bytes));
    // A page has the entries of 512 blocks.
    resizeVhdx(file, { virtualSize: pages * 512 * MIB, parentSize: 0 });
    const table = new Uint8Array(pages * PAGE);
    file.readAt(table, BAT);
    // Those of sector bitmaps are cleared too, but for that of the blocks that stay.
    const left = table.findIndex((byte, i) => byte !== 0 && Math.floor(i / 8) !== 4096);
    assertEquals(left, -1);
    const counts = loggedCounts(file.changes);
    assert(counts.length > 1 && counts.every((count) => count <= 126), counts.join(", "));
  },
);
