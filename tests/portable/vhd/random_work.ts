/** Random writes, trims, flushes and reopens of an image, beside a plain array of the disk's bytes. */
import type { DiskImage, WritableImage } from "../../../src/portable/image/image.ts";
import type { Random } from "../../fuzz/random.ts";
import { assertBytesEqual } from "../../support.ts";
import { readImage } from "../image/read_image.ts";

const SECTOR = 512;
const LONG_WRITE = 3 * 2 ** 20;

/** What is worked on. */
export interface Work {
  readonly operations: number;
  /** Opens the image again, after it was finished. */
  readonly reopen: () => WritableImage;
  /** Of a differencing image. */
  readonly parents?: readonly DiskImage[];
  /** Writes end at a multiple of so many sectors, or with the disk. Default: 1. */
  readonly endUnit?: number;
}

/**
 * Works on an image that was just opened, and finishes it. Every read back is compared.
 *
 * @param disk What the disk holds; changed as the disk is.
 */
export function randomWork(
  image: WritableImage,
  disk: Uint8Array<ArrayBuffer>,
  random: Random,
  { operations, reopen, parents = [], endUnit = 1 }: Work,
): void {
  const compare = (offset: number, length: number) => {
    const expected = disk.subarray(offset, offset + length);
    assertBytesEqual(readImage([image, ...parents], offset, length), expected, `from ${offset}`);
  };
  for (let i = 0; i < operations; i++) {
    const [offset, length] = range(random, image, endUnit);
    const kind = random.below(100);
    if (kind < 60) {
      const bytes = contents(random, length);
      image.write(bytes, offset);
      disk.set(bytes, offset);
    } else if (kind < 70) {
      image.trim(offset, length);
      trim(image, disk, offset, length);
    } else if (kind < 82) {
      image.flush();
    } else if (kind < 85) {
      image.finish();
      image = reopen();
    } else {
      compare(offset, length);
    }
  }
  compare(0, disk.length);
  image.finish();
}

function range(
  random: Random,
  { virtualSize, blockSize }: DiskImage,
  endUnit: number,
): [number, number] {
  const sectors = virtualSize / SECTOR;
  const longest = random.pick([1, 1, 8, 64, Math.min(LONG_WRITE, 2 * blockSize || 65536) / SECTOR]);
  const first = random.below(sectors);
  const end = Math.ceil((first + 1 + random.below(longest)) / endUnit) * endUnit;
  return [first * SECTOR, (Math.min(sectors, end) - first) * SECTOR];
}

/** Mostly a pattern that tells sectors apart; sometimes zeros, or zeros but for the last byte. */
function contents(random: Random, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  const kind = random.below(10);
  if (kind === 0) return bytes;
  if (kind > 1) {
    const words = new Uint32Array(bytes.buffer);
    const seed = random.uint32();
    for (let i = 0; i < words.length; i++) words[i] = Math.imul(seed + i, 0x9e3779b1);
  }
  bytes[length - 1] = 1 + random.below(255);
  return bytes;
}

/** Zeros where the image has a state for that: the whole blocks of a dynamic one. */
function trim(
  { subtype, blockSize }: DiskImage,
  disk: Uint8Array,
  offset: number,
  length: number,
): void {
  if (subtype !== "dynamic") return;
  const end = offset + length === disk.length
    ? disk.length
    : Math.floor((offset + length) / blockSize) * blockSize;
  const start = Math.ceil(offset / blockSize) * blockSize;
  if (start < end) disk.fill(0, start, end);
}
