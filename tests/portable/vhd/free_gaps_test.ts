import { assertEquals } from "@std/assert";
import { freeGaps, type Occupancy } from "../../../src/portable/vhd/space.ts";

const FOOTPRINT = 4096 + 512;

/** In a file of 100 sectors, with the first 4 taken. */
function gaps(changes: Partial<Occupancy>): [number, number][] {
  const found = freeGaps({
    blocks: new Uint32Array(),
    footprint: FOOTPRINT,
    metadata: [{ name: "head", offset: 0, length: 4 * 512 }],
    end: 100 * 512,
    ...changes,
  });
  return found.map(({ offset, end }) => [offset / 512, end / 512]);
}

Deno.test("freeGaps() finds the room between blocks, before the first and after the last", () => {
  assertEquals(gaps({ blocks: Uint32Array.of(20, 29, 60) }), [[4, 20], [38, 60], [69, 100]]);
  assertEquals(gaps({}), [[4, 100]]);
});

Deno.test("freeGaps() leaves gaps alone that are smaller than a block", () => {
  assertEquals(gaps({ blocks: Uint32Array.of(12, 30, 82) }), [[21, 30], [39, 82], [91, 100]]);
  assertEquals(gaps({ blocks: Uint32Array.of(12, 29, 83) }), [[38, 83]]);
});

Deno.test("freeGaps() keeps clear of structures, in whatever order, to whole sectors", () => {
  const metadata = [
    { name: "path", offset: 50 * 512 + 7, length: 30 },
    { name: "path", offset: 49 * 512, length: 20 },
    { name: "head", offset: 0, length: 3 * 512 + 1 },
    { name: "room that nobody has", offset: 90 * 512, length: 2 ** 40 },
  ];
  assertEquals(gaps({ metadata }), [[4, 49], [51, 90]]);
  assertEquals(gaps({ metadata, blocks: Uint32Array.of(40, 60) }), [[4, 40], [51, 60], [69, 90]]);
});

Deno.test("freeGaps() ends with the last whole sector before the footer", () => {
  assertEquals(gaps({ end: 100 * 512 + 511 }), [[4, 100]]);
});
