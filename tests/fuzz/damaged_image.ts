/** What holds of every damaged image, whatever its format. */
import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import { type DiskImage, imageExtents } from "../../src/portable/image/image.ts";
import { ImageError } from "../../src/portable/file/image_error.ts";
import type { Random } from "./random.ts";
import { explored } from "../sampling.ts";

/** What `run` gives, or `undefined` where it is refused as damage should be: with its place. */
export function orRefused<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    const { detail } = error.options;
    assert(detail !== undefined, "a refusal without the place of the fault");
    assert(Number.isSafeInteger(detail.offset) && detail.offset >= 0, "a place that is none");
    return undefined;
  }
}

/** A range of the disk that begins near `offset`. */
export function rangeNear(
  { virtualSize }: DiskImage,
  offset: number,
  random: Random,
): [start: number, end: number] {
  const start = Math.max(0, Math.min(offset, virtualSize - 1));
  return [start, Math.min(virtualSize, start + 1 + random.below(20_000))];
}

/** The extents of a range are whole, in order and within the file; `assertData` says more of those there. */
export function assertExtents(
  image: DiskImage,
  [start, end]: readonly [start: number, end: number],
  assertData: (fileOffset: number, length: number) => void = () => {},
): void {
  let position = start;
  for (const extent of imageExtents(image, start, end)) {
    assertEquals(extent.offset, position, "extents leave a gap");
    assert(extent.length > 0 && Number.isSafeInteger(extent.length), "an extent of no length");
    position += extent.length;
    assertLessOrEqual(position, end, "an extent beyond the range");
    if (extent.kind === "parent") assertEquals(image.subtype, "differencing");
    if (extent.kind !== "file") continue;
    const { fileOffset, length } = extent;
    assert(fileOffset >= 0 && Number.isSafeInteger(fileOffset), "no file offset");
    assertLessOrEqual(fileOffset + length, image.source.size, "beyond the file");
    assertData(fileOffset, length);
  }
  assertEquals(position, end, "extents end early");
}

/** Runs `fuzz` with each seed below `rounds`; gives how often it said that the image was good enough. */
export function countGood(rounds: number, fuzz: (seed: number) => boolean): number {
  let good = 0;
  for (let seed = 0; seed < rounds; seed++) {
    try {
      if (fuzz(seed)) good++;
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
  }
  explored(`damaged images, ${good} of them good enough`, { "damaged files": rounds });
  return good;
}
