/**
 * Damaged VHDX images: whatever their bytes, they open or are refused with an ImageError; what opens
 * gives extents that are whole, in order and within the file; and little is read for it.
 */
import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import type { ByteSource } from "../../src/portable/file/byte_source.ts";
import type { DiskImage } from "../../src/portable/image/image.ts";
import { VHDX } from "../../src/portable/vhdx/format.ts";
import { openVhdx } from "../../src/portable/vhdx/image.ts";
import { MemorySource } from "../portable/file/memory_source.ts";
import { MIB } from "../portable/vhdx/vhdx_builder.ts";
import { sampledRounds } from "../sampling.ts";
import { assertExtents, countGood, orRefused, rangeNear } from "./damaged_image.ts";
import { Random } from "./random.ts";
import { mutatedVhdx } from "./vhdx_mutations.ts";

const ROUNDS = sampledRounds(3000);
/** Headers, region tables, the metadata table and its largest item; the log, searched and replayed. */
const OPENING_BUDGET = 5 * MIB;
/**
 * Table pages of five extents and of one long one, a bitmap of 64 KiB for each, through an overlay; the piece of
 * the table that each is in.
 */
const READING_BUDGET = 6 * (65536 + 12 * 4096) * 3 + 6 * MIB;

/** Ranges at the ends, over block boundaries, within sectors. */
function ranges(image: DiskImage, random: Random): [start: number, end: number][] {
  const { virtualSize, blockSize } = image;
  return [
    rangeNear(image, 0, random),
    rangeNear(image, virtualSize - 1000, random),
    rangeNear(image, blockSize - 300, random),
    rangeNear(image, 2 * blockSize - 5000, random),
    rangeNear(image, Math.floor(virtualSize * (random.uint32() / 2 ** 32)), random),
  ];
}

function assertReadable(source: ByteSource, fileOffset: number, length: number): void {
  assert(fileOffset >= MIB, "data in the header area");
  assertEquals(source.readAt(new Uint8Array(length), fileOffset), length);
}

/** Whether the damaged image still opens. */
function fuzz(seed: number): boolean {
  const random = new Random(seed);
  const source = new MemorySource(mutatedVhdx(random));
  const marked = VHDX.matches(source);
  source.bytesRead = 0;
  const image = orRefused(() => openVhdx(source));
  assertLessOrEqual(source.bytesRead, OPENING_BUDGET, "opening reads too much");
  if (image === undefined) return false;
  assert(marked, "VHDX.matches() denies what openVhdx() opens");
  source.bytesRead = 0;
  for (const range of ranges(image, random)) {
    orRefused(() =>
      assertExtents(image, range, (...data) => assertReadable(image.source, ...data))
    );
  }
  orRefused(() => image.extent(0, image.virtualSize));
  assertLessOrEqual(source.bytesRead, READING_BUDGET, "reading reads too much");
  return true;
}

Deno.test("damaged VHDX images open or are refused, and read within the file", () => {
  const opened = countGood(ROUNDS, fuzz);
  // Neither all nor none: else the changes are too weak or too strong to find anything.
  assert(opened > ROUNDS / 10 && opened < ROUNDS * 9 / 10, `${opened} of ${ROUNDS} opened`);
});
