import { assertEquals } from "@std/assert";
import { OccupiedRanges, SpaceMap } from "../../../src/portable/vhdx/space.ts";
import { RangeUnion } from "../../../src/portable/vhdx/replayed_source.ts";
import { Random } from "../../fuzz/random.ts";
import { pureTest } from "../../pure.ts";

pureTest("RangeUnion knows the bytes that were added, as an array of bytes does", () => {
  for (let seed = 1; seed <= 50; seed++) {
    const random = new Random(seed);
    const union = new RangeUnion();
    const bytes = new Uint8Array(80);
    for (let step = 0; step < 20; step++) {
      const start = random.below(64);
      const end = start + (random.below(64) >> 3);
      union.add(start, end);
      bytes.fill(1, start, end);
      const has = Uint8Array.from(bytes, (_, i) => union.has(i) ? 1 : 0);
      assertEquals(has, bytes, `seed ${seed}, step ${step}`);
      const runs = bytes.filter((byte, i) => byte === 1 && bytes[i - 1] !== 1).length;
      assertEquals(union.count, runs, `seed ${seed}, step ${step}`);
    }
  }
});

pureTest("OccupiedRanges find what a range shares bytes with", () => {
  for (let seed = 1; seed <= 50; seed++) {
    const random = new Random(seed);
    const occupied = new OccupiedRanges();
    const owners = new Array<string | undefined>(80);
    for (let step = 0; step < 20; step++) {
      const offset = random.below(64);
      const length = 1 + (random.below(64) >> 3);
      const expected = new Set(owners.slice(offset, offset + length));
      expected.delete(undefined);
      const found = occupied.overlapping(offset, length)?.name;
      assertEquals(expected.has(found), found !== undefined, `seed ${seed}, step ${step}`);
      if (expected.size > 0) continue;
      assertEquals(found, undefined);
      occupied.add({ name: `range ${step}`, offset, length });
      owners.fill(`range ${step}`, offset, offset + length);
    }
  }
});

pureTest("SpaceMap.findFree() gives the first run that is free, as an array of flags does", () => {
  for (let seed = 1; seed <= 50; seed++) {
    const random = new Random(seed);
    const map = new SpaceMap();
    const isUsed = new Array<boolean>(300).fill(false);
    for (let step = 0; step < 40; step++) {
      const first = random.below(100);
      const count = 1 + random.below(24);
      if (random.chance(40)) {
        map.release(first, count);
        isUsed.fill(false, first, first + count);
      } else if (map.take(first, count)) isUsed.fill(true, first, first + count);
      const start = random.below(100);
      const wanted = 1 + random.below(12);
      const expected = isUsed.findIndex((_, i) =>
        i >= start && !isUsed.slice(i, i + wanted).includes(true)
      );
      assertEquals(map.findFree(start, wanted), expected, `seed ${seed}, step ${step}`);
    }
  }
});

pureTest(
  "SpaceMap: the end lies behind the last MiB in use, also after that was given back",
  () => {
    const map = new SpaceMap();
    assertEquals(map.end, 0);
    for (const [first, count] of [[0, 1], [7, 1], [9, 3], [600, 1]] as const) {
      assertEquals(map.take(first, count), true);
      assertEquals(map.end, first + count);
    }
    map.release(600, 1);
    assertEquals(map.end, 12);
    for (const first of [9, 7, 0]) map.release(first, first === 9 ? 3 : 1);
    assertEquals(map.end, 0);
  },
);
