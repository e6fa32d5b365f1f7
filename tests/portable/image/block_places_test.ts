/** Tables whose entries are compared with each other, a piece at a time. */
import { assertEquals } from "@std/assert";
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
  // Unless entries of it have been written since.
  places[7] = [SECTOR, SECTOR];
  compared.forget(7);
  assertEquals(compared.isShared(3, SECTOR), true);
  assertEquals(reads.length, 3);
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
