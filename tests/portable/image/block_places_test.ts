/** Tables whose entries are compared with each other, a piece at a time. */
import { assertEquals, assertThrows } from "@std/assert";
import { BlockPlaces, ENTRIES_PER_PIECE } from "../../../src/portable/image/block_places.ts";
import { Random } from "../../fuzz/random.ts";
import { pureTest } from "../../pure.ts";

const SECTOR = 512;
type Place = readonly [offset: number, length: number];

/** The entries of a table; which of them have been read. */
function table(places: readonly (Place | undefined)[], unused: readonly Place[] = []) {
  const reads: [number, number][] = [];
  const compared = new BlockPlaces(places.length, (first, end, collector) => {
    reads.push([first, end]);
    for (const place of places.slice(first, end)) if (place !== undefined) collector.add(...place);
    for (const place of unused) collector.addUnused(...place);
  });
  return { reads, compared };
}

pureTest("BlockPlaces: entries share bytes as each compared with each other says", () => {
  for (let seed = 0; seed < 300; seed++) {
    const random = new Random(seed);
    const places = Array.from({ length: 1 + random.below(20) }, (): Place => [
      random.below(seed % 2 === 0 ? 40 : 400) * SECTOR,
      random.pick([3, 8]) * SECTOR,
    ]);
    const { compared } = table(places);
    const meets = ([a, length]: Place, [b, other]: Place) => a < b + other && b < a + length;
    for (const [i, place] of places.entries()) {
      const expected = places.some((other, j) => i !== j && meets(place, other));
      assertEquals(compared.isShared(i, place[0]), expected, `seed ${seed}, entry ${i}`);
    }
  }
});

pureTest("BlockPlaces: a piece of a table is read once, when one of its blocks is", () => {
  const places: (Place | undefined)[] = new Array(ENTRIES_PER_PIECE + 10);
  places[3] = [SECTOR, SECTOR];
  places[ENTRIES_PER_PIECE + 1] = [9 * SECTOR, SECTOR];
  places[ENTRIES_PER_PIECE + 5] = [9 * SECTOR, SECTOR];
  const { reads, compared } = table(places);
  assertEquals(compared.isShared(ENTRIES_PER_PIECE + 1, 9 * SECTOR), true);
  assertEquals(compared.isShared(ENTRIES_PER_PIECE + 5, 9 * SECTOR), true);
  assertEquals(reads, [[ENTRIES_PER_PIECE, ENTRIES_PER_PIECE + 10]]);
  assertEquals(compared.isShared(3, SECTOR), false);
  assertEquals(compared.isShared(7, 5 * SECTOR), false);
  assertEquals(reads.length, 2);
});

pureTest(
  "BlockPlaces: of too many faults none is kept: all blocks of the piece are refused",
  () => {
    const places = Array.from({ length: 20_000 }, (_, i): Place => [i * SECTOR, 2 * SECTOR]);
    const { compared } = table([...places, [1e9 * SECTOR, 2 * SECTOR]]);
    assertEquals(compared.isShared(20_000, 1e9 * SECTOR), true);
  },
);

pureTest(
  "BlockPlaces: unused places are unclaimed if no block is there, until they are dismissed",
  () => {
    const { compared } = table([[8 * SECTOR, 4 * SECTOR]], [
      [4 * SECTOR, 4 * SECTOR],
      [11 * SECTOR, 4 * SECTOR],
      [12 * SECTOR, 4 * SECTOR],
    ]);
    const unclaimed = () => [4, 11, 12].map((at) => compared.isUnclaimed(0, at * SECTOR));
    assertEquals(unclaimed(), [true, false, true]);
    compared.dismiss(0, 4 * SECTOR);
    assertEquals(unclaimed(), [false, false, true]);
  },
);

pureTest("BlockPlaces: beside blocks that share bytes no place is unclaimed", () => {
  // It may be that of one of the two, whose entry names the other's.
  const shared: Place = [8 * SECTOR, 4 * SECTOR];
  const { compared } = table([shared, shared], [[20 * SECTOR, 4 * SECTOR]]);
  assertEquals(compared.isShared(0, 8 * SECTOR), true);
  assertEquals(compared.isUnclaimed(0, 20 * SECTOR), false);
});

pureTest("BlockPlaces.isNobodys(): a place may be that of a block in any piece", () => {
  const places: (Place | undefined)[] = new Array(40);
  // Not in the order of the disk.
  places[21] = [30 * SECTOR, 3 * SECTOR];
  places[23] = [40 * SECTOR, 3 * SECTOR];
  places[25] = [9 * SECTOR, 3 * SECTOR];
  places[39] = [15 * SECTOR, 3 * SECTOR];
  const reads: number[] = [];
  // Pieces of ten entries; what is not used is named in the second of the four.
  const compared = new BlockPlaces(places.length, (first, end, collector) => {
    reads.push(first);
    for (const place of places.slice(first, end)) if (place !== undefined) collector.add(...place);
    if (first !== 10) return;
    for (const at of [4, 7, 17, 18, 27]) collector.addUnused(at * SECTOR, 3 * SECTOR);
  }, 10);
  const nobodys = () => [4, 7, 17, 18, 27].map((at) => compared.isNobodys(13, at * SECTOR));
  assertEquals(compared.isUnclaimed(13, 7 * SECTOR), true);
  assertEquals(nobodys(), [true, false, false, true, true]);
  assertEquals(nobodys(), [true, false, false, true, true]);
  // The whole table is read once.
  assertEquals(reads, [10, 0, 20, 30]);
  // What no entry names is not asked for.
  assertEquals(compared.isNobodys(13, 5 * SECTOR), false);
  assertEquals([compared.isNobodys(3, 4 * SECTOR), compared.isUnclaimed(3, 4 * SECTOR)], [
    false,
    false,
  ]);
});

pureTest("BlockPlaces.isNobodys() goes on where it could not read the table before", () => {
  let failures = 3;
  const reads: number[] = [];
  const compared = new BlockPlaces(50, (first, _end, collector) => {
    reads.push(first);
    if (first === 30 && failures-- > 0) throw new Error("to be fetched");
    if (first === 0) collector.addUnused(4 * SECTOR, SECTOR);
    if (first === 40) collector.add(4 * SECTOR, SECTOR);
  }, 10);
  for (let i = 0; i < 3; i++) {
    assertThrows(() => compared.isNobodys(0, 4 * SECTOR), Error, "to be fetched");
  }
  assertEquals(compared.isNobodys(0, 4 * SECTOR), false);
  assertEquals(reads, [0, 10, 20, 30, 30, 30, 30, 40]);
});
