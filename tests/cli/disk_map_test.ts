import { assert, assertEquals } from "@std/assert";
import { DiskMap, FileOrder, type MapOptions } from "../../src/cli/disk_map.ts";
import type { ImageDetails } from "../../portable.ts";
import { pureTest } from "../pure.ts";

const KIB = 1024;
const MIB = 2 ** 20;

function image(path: string, blockSize = MIB): ImageDetails {
  return {
    path,
    format: "vhdx",
    subtype: "dynamic",
    virtualSize: 64 * MIB,
    blockSize,
    fileSize: 0,
    dirtyLog: false,
  };
}

function mapOf(options: Partial<MapOptions> = {}): DiskMap {
  return new DiskMap({
    offset: 0,
    end: 64 * MIB,
    images: [image("/child"), image("/base")],
    columns: 64,
    rows: 16,
    ...options,
  });
}

pureTest("FileOrder finds no jump in blocks that lie in the order of the disk", () => {
  const order = new FileOrder(MIB);
  order.add(0, 3 * MIB, 4 * MIB);
  // With something of less than a block between them, as bitmaps of sectors are; and a part of a block.
  order.add(3 * MIB, MIB, 7 * MIB + 512);
  order.add(9 * MIB + 512, 512, 9 * MIB + 512 + 512);
  order.add(9 * MIB + 4 * KIB, 512, 9 * MIB + 512 + 4 * KIB);
  assertEquals(order.result, { pieces: 4, blocks: 5, fragmentation: 0 });
});

pureTest(
  "FileOrder counts every block that lies before the one that precedes it, or far behind",
  () => {
    const reversed = new FileOrder(MIB);
    for (let i = 0; i < 5; i++) reversed.add(i * MIB, MIB, (10 - i) * MIB);
    assertEquals(reversed.result, { pieces: 5, blocks: 5, fragmentation: 1 });
    const halved = new FileOrder(MIB);
    for (const [i, place] of [0, 1, 9, 10, 3].entries()) halved.add(i * MIB, MIB, place * MIB);
    assertEquals(halved.result, { pieces: 3, blocks: 5, fragmentation: 0.5 });
  },
);

pureTest("FileOrder says nothing of blocks where there are none", () => {
  const order = new FileOrder(0);
  order.add(0, 64 * MIB, 0);
  assertEquals(order.result, { pieces: 1 });
  assertEquals(new FileOrder(MIB).result, { pieces: 0, blocks: 0, fragmentation: 0 });
});

pureTest("DiskMap shows what most of what is stored in a cell is, and how much", () => {
  const map = mapOf({ rows: 1, columns: 8 });
  assertEquals(map.cellSize, 8 * MIB / 2);
  map.add({ kind: "file", offset: 0, length: MIB, path: "/child", fileOffset: 0 });
  map.add({ kind: "parent", offset: MIB, length: 2 * MIB, path: "/base", fileOffset: MIB });
  map.add({ kind: "zero", offset: 3 * MIB, length: 2 * MIB, reason: "zero" });
  map.add({ kind: "file", offset: 5 * MIB, length: MIB, path: "/child", fileOffset: MIB });
  map.add({ kind: "zero", offset: 6 * MIB, length: 3 * MIB, reason: "trimmed" });
  map.add({ kind: "zero", offset: 9 * MIB, length: 4 * MIB });
  map.add({ kind: "parent", offset: 13 * MIB, length: 3 * MIB });
  map.add({
    kind: "file",
    offset: 16 * MIB,
    length: MIB,
    path: "/child",
    fileOffset: 2 * MIB,
    free: true,
  });
  map.add({ kind: "zero", offset: 17 * MIB, length: 47 * MIB, free: true } as never);
  const [section] = map.sections;
  assertEquals(map.cells(section!).slice(0, 6), [
    { kind: 1, isPart: false },
    { kind: 0, isPart: true },
    { kind: "unallocated", isPart: false },
    { kind: "absent", isPart: false },
    { kind: "free", isPart: false },
    { kind: "unallocated", isPart: false },
  ]);
  const { files, ...totals } = map.totals;
  assertEquals(totals, {
    offset: 0,
    length: 64 * MIB,
    storedBytes: 5 * MIB,
    zeroBytes: 2 * MIB,
    trimmedBytes: 3 * MIB,
    unallocatedBytes: 51 * MIB,
    absentBytes: 3 * MIB,
    lostBytes: 0,
    lostBytesByReason: {},
  });
  assertEquals(files.map(({ bytes, freeBytes }) => [bytes, freeBytes]), [[3 * MIB, MIB], [
    2 * MIB,
    0,
  ]]);
});

pureTest("DiskMap shows a cell as lost if anything of it is, and adds up the reasons", () => {
  const partition = { number: 1, offset: 8 * MIB, length: 16 * MIB, type: "0x83" };
  const map = mapOf({
    rows: 1,
    columns: 16,
    partitionTable: { kind: "mbr", isBackup: false, partitions: [partition] },
  });
  assertEquals(map.cellSize, 4 * MIB / 2);
  map.add({ kind: "file", offset: 0, length: 7 * MIB, path: "/child", fileOffset: 0 });
  map.add({ kind: "lost", offset: 7 * MIB, length: MIB + 512, reason: "overlap" });
  const fileOffset = 8 * MIB + 512;
  map.add({
    kind: "file",
    offset: 8 * MIB + 512,
    length: 8 * MIB - 512,
    path: "/child",
    fileOffset,
  });
  map.add({ kind: "lost", offset: 16 * MIB, length: 2 * MIB, reason: "overlap" });
  map.add({ kind: "lost", offset: 18 * MIB, length: MIB, reason: "cut-off" });
  map.add({ kind: "zero", offset: 19 * MIB, length: 45 * MIB });
  const [before, inside] = map.sections;
  assertEquals(map.cells(before!), [
    ...Array.from({ length: 3 }, () => ({ kind: 0, isPart: false })),
    { kind: "lost", isPart: false },
  ]);
  assertEquals(map.cells(inside!).slice(0, 6), [
    { kind: "lost", isPart: true },
    ...Array.from({ length: 3 }, () => ({ kind: 0, isPart: false })),
    { kind: "lost", isPart: false },
    { kind: "lost", isPart: false },
  ]);
  assertEquals(map.sections.map((each) => map.lostBytes(each)), [MIB, 3 * MIB + 512, 0]);
  const { lostBytes, lostBytesByReason } = map.totals;
  assertEquals(lostBytes, 4 * MIB + 512);
  assertEquals(lostBytesByReason, { "overlap": 3 * MIB + 512, "cut-off": MIB });
});

pureTest("DiskMap makes a section of each partition and of what lies between, in the range", () => {
  const partition = (number: number, offset: number, length: number) => ({
    number,
    offset: offset * MIB,
    length: length * MIB,
    type: "0x83",
  });
  const table = (...partitions: ReturnType<typeof partition>[]) => ({
    partitionTable: { kind: "mbr" as const, isBackup: false, partitions },
  });
  const places = (map: DiskMap) =>
    map.sections.map(({ offset, end, partition }) => [offset / MIB, end / MIB, partition?.number]);
  const two = table(partition(2, 32, 8), partition(1, 1, 31));
  assertEquals(places(mapOf(two)), [[0, 1, undefined], [1, 32, 1], [32, 40, 2], [
    40,
    64,
    undefined,
  ]]);
  const range = { ...two, offset: 10 * MIB, end: 35 * MIB };
  assertEquals(places(mapOf(range)), [[10, 32, 1], [32, 35, 2]]);
  // Overlapping ones, and one that goes beyond the end.
  assertEquals(places(mapOf(table(partition(1, 1, 31), partition(2, 5, 1)))), [[0, 64, undefined]]);
  assertEquals(places(mapOf(table(partition(1, 60, 31)))), [[0, 60, undefined], [60, 64, 1]]);
});

pureTest("DiskMap has cells for any size of disk and of terminal", () => {
  for (const end of [0, 512, MIB + 512, 64 * 2 ** 40]) {
    for (const columns of [1, 7, 100, 1000]) {
      const map = mapOf({ end, columns });
      if (end > 0) map.add({ kind: "zero", offset: 0, length: end });
      const cells = map.sections.flatMap((section) => map.cells(section));
      assert(cells.length <= 17 * columns, `${end} ${columns}`);
      assert(cells.every(({ kind }) => kind === "unallocated"));
      assertEquals(map.totals.unallocatedBytes, end);
    }
  }
});
