/**
 * Damaged VHD images: whatever their bytes, they open or are refused with an ImageError; what opens
 * gives extents that are whole, in order and within the file; and little is read for it.
 */
import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import { type DiskImage, imageExtents } from "../../src/portable/image.ts";
import { ImageError } from "../../src/portable/image_error.ts";
import { isVhd, openVhd } from "../../src/portable/vhd/vhd_image.ts";
import { MemorySource } from "../portable/memory_source.ts";
import { Random } from "./random.ts";
import { mutatedVhd } from "./vhd_mutations.ts";

const ROUNDS = 20_000;
/** Footers, header, eight paths of 64 KiB. */
const OPENING_BUDGET = 4 * 512 + 1024 + 8 * 65536;
/** A page of the table and one of a bitmap for each extent asked for, and what absent blocks add. */
const READING_BUDGET = 2 ** 20;

/** The image, or `undefined` where it is refused as it should be. */
function openOrRefuse(source: MemorySource): DiskImage | undefined {
  try {
    return openVhd(source);
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    assertDetailed(error);
    return undefined;
  }
}

function assertDetailed({ options: { detail } }: ImageError): void {
  assert(detail !== undefined, "a refusal without the place of the fault");
  assert(Number.isSafeInteger(detail.offset) && detail.offset >= 0, "a place that is none");
}

/** Ranges at the ends, over block boundaries, within sectors, and all of the disk. */
function ranges({ virtualSize, blockSize }: DiskImage, random: Random): [number, number][] {
  const near = (offset: number): [number, number] => {
    const start = Math.max(0, Math.min(offset, virtualSize - 1));
    return [start, Math.min(virtualSize, start + 1 + random.below(20_000))];
  };
  return [
    [0, Math.min(virtualSize, 65536)],
    near(virtualSize - 1000),
    near(blockSize - 300),
    near(Math.floor(virtualSize * (random.uint32() / 2 ** 32))),
  ];
}

function checkRange(image: DiskImage, start: number, end: number): void {
  let position = start;
  for (const extent of imageExtents(image, start, end)) {
    assertEquals(extent.offset, position, "extents leave a gap");
    assert(extent.length > 0 && Number.isSafeInteger(extent.length), "an extent of no length");
    position += extent.length;
    assertLessOrEqual(position, end, "an extent beyond the range");
    if (extent.kind === "parent") assertEquals(image.subtype, "differencing");
    if (extent.kind !== "file") continue;
    assert(extent.fileOffset >= 0 && Number.isSafeInteger(extent.fileOffset), "no file offset");
    assertLessOrEqual(extent.fileOffset + extent.length, image.source.size, "beyond the file");
  }
  assertEquals(position, end, "extents end early");
}

function readOrRefuse(run: () => unknown): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    assertDetailed(error);
  }
}

/** Whether the damaged image still opens. */
function fuzz(seed: number): boolean {
  const random = new Random(seed);
  const source = new MemorySource(mutatedVhd(random));
  const marked = isVhd(source);
  source.bytesRead = 0;
  const image = openOrRefuse(source);
  assertLessOrEqual(source.bytesRead, OPENING_BUDGET, "opening reads too much");
  if (image === undefined) return false;
  assertEquals(marked, true, "isVhd() denies what openVhd() opens");
  source.bytesRead = 0;
  for (const [start, end] of ranges(image, random)) {
    readOrRefuse(() => checkRange(image, start, end));
  }
  readOrRefuse(() => image.extent(0, image.virtualSize));
  assertLessOrEqual(source.bytesRead, READING_BUDGET, "reading reads too much");
  readOrRefuse(() => image.is4kAligned());
  return true;
}

Deno.test("damaged VHD images open or are refused, and read within the file", () => {
  let opened = 0;
  for (let seed = 0; seed < ROUNDS; seed++) {
    try {
      if (fuzz(seed)) opened++;
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
  }
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
    assertEquals(openOrRefuse(source), undefined, `seed ${seed}`);
  }
});
