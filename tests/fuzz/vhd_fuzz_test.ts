/**
 * Damaged VHD images: whatever their bytes, they open or are refused with an ImageError; what opens
 * gives extents that are whole, in order and within the file; and little is read for it.
 */
import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import type { DiskImage } from "../../src/portable/image/image.ts";
import { isVhd, openVhd } from "../../src/portable/vhd/open.ts";
import { MemorySource } from "../portable/file/memory_source.ts";
import { sampledRounds } from "../sampling.ts";
import { assertExtents, countGood, orRefused, rangeNear } from "./damaged_image.ts";
import { Random } from "./random.ts";
import { mutatedVhd } from "./vhd_mutations.ts";

const ROUNDS = sampledRounds(20_000);
/** Footers, header, eight paths of 64 KiB. */
const OPENING_BUDGET = 4 * 512 + 1024 + 8 * 65536;
/** A page of the table and one of a bitmap for each extent asked for, and what absent blocks add. */
const READING_BUDGET = 2 ** 20;

/** Ranges at the ends, over block boundaries, within sectors, and all of a small disk. */
function ranges(image: DiskImage, random: Random): [start: number, end: number][] {
  const { virtualSize, blockSize } = image;
  return [
    [0, Math.min(virtualSize, 65536)],
    rangeNear(image, virtualSize - 1000, random),
    rangeNear(image, blockSize - 300, random),
    rangeNear(image, Math.floor(virtualSize * (random.uint32() / 2 ** 32)), random),
  ];
}

/** Whether the damaged image still opens. */
function fuzz(seed: number): boolean {
  const random = new Random(seed);
  const source = new MemorySource(mutatedVhd(random));
  const marked = isVhd(source);
  source.bytesRead = 0;
  const image = orRefused(() => openVhd(source));
  assertLessOrEqual(source.bytesRead, OPENING_BUDGET, "opening reads too much");
  if (image === undefined) return false;
  assertEquals(marked, true, "isVhd() denies what openVhd() opens");
  source.bytesRead = 0;
  for (const range of ranges(image, random)) orRefused(() => assertExtents(image, range));
  orRefused(() => image.extent(0, image.virtualSize));
  assertLessOrEqual(source.bytesRead, READING_BUDGET, "reading reads too much");
  orRefused(() => image.is4kAligned());
  return true;
}

Deno.test("damaged VHD images open or are refused, and read within the file", () => {
  const opened = countGood(ROUNDS, fuzz);
  // Neither all nor none: else the changes are too weak or too strong to find anything.
  assert(opened > ROUNDS / 10 && opened < ROUNDS * 9 / 10, `${opened} of ${ROUNDS} opened`);
});

Deno.test("bytes without any structure are no VHD, or refused", () => {
  for (let seed = 0; seed < 500; seed++) {
    const random = new Random(seed);
    const bytes = new Uint8Array(random.below(3000)).map(() => random.below(256));
    if (random.chance(50)) {
      bytes.set(new TextEncoder().encode("conectix").subarray(0, bytes.length));
    }
    const source = new MemorySource(bytes);
    isVhd(source);
    assertEquals(orRefused(() => openVhd(source)), undefined, `seed ${seed}`);
  }
});
