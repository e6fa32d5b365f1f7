/**
 * Damaged VHD images: whatever their bytes, they open or are refused with an ImageError; what opens
 * gives extents that are whole, in order and within the file; and little is read for it.
 */
import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import { type DiskImage, imageExtents } from "../../src/portable/image.ts";
import { ImageError } from "../../src/portable/image_error.ts";
import { isVhd, openVhd } from "../../src/portable/vhd/vhd_image.ts";
import { MemorySource } from "../portable/memory_source.ts";
import {
  DIFFERENCING_TABLE,
  DYNAMIC_TABLE,
  HEADER,
  newVhd,
  sealFooter,
  sealHeader,
  viewAt,
  withBlock,
} from "../portable/vhd/vhd_builder.ts";
import { pattern } from "../support.ts";
import { Random } from "./random.ts";

const ROUNDS = 20_000;
/** Footers, header, eight paths of 64 KiB. */
const OPENING_BUDGET = 4 * 512 + 1024 + 8 * 65536;
/** A page of the table and one of a bitmap for each extent asked for, and what absent blocks add. */
const READING_BUDGET = 2 ** 20;

const fixed = newVhd({ subtype: "fixed", virtualSize: 8192 });
const dynamic = blocks(newVhd(), DYNAMIC_TABLE);
const differencing = blocks(newVhd({ subtype: "differencing" }), DIFFERENCING_TABLE);

const SAMPLES: readonly Uint8Array<ArrayBuffer>[] = [
  fixed,
  dynamic,
  differencing,
  newVhd({ virtualSize: 2 ** 26, blockSize: 2 ** 19 }),
  fixed.slice(0, -1),
  dynamic.slice(0, -512),
];

function blocks(image: Uint8Array<ArrayBuffer>, table: number): Uint8Array<ArrayBuffer> {
  const first = withBlock(image, table, 7, [0b1100_0101], pattern(4096));
  return withBlock(first, table, 2, [0b0000_1111], pattern(4096, 1));
}

/** Numbers at which checks and sums go wrong. */
const NUMBERS = [0, 1, 3, 511, 512, 513, 1023, 1024, 1536, 4095, 4096, 8192, 0x200000, 0x7fffffff];
const LARGE_NUMBERS = [0x80000000, 0xfffffe00, 0xfffffffe, 0xffffffff];

function mutate(random: Random): Uint8Array<ArrayBuffer> {
  let bytes = random.pick(SAMPLES).slice();
  const changes = 1 + random.below(4);
  for (let i = 0; i < changes; i++) bytes = mutateOnce(bytes, random);
  if (random.chance(85)) reseal(bytes);
  return bytes;
}

function mutateOnce(bytes: Uint8Array<ArrayBuffer>, random: Random): Uint8Array<ArrayBuffer> {
  if (random.chance(5)) return bytes.slice(0, random.below(bytes.length + 1));
  if (random.chance(5)) {
    const longer = new Uint8Array(bytes.length + random.below(2048));
    longer.set(bytes);
    return longer;
  }
  if (bytes.length < 8) return bytes;
  const offset = Math.min(interestingOffset(bytes, random), bytes.length - 8) & ~3;
  const view = viewAt(bytes);
  const value = random.pick([...NUMBERS, ...LARGE_NUMBERS, random.uint32(), bytes.length]);
  if (random.chance(30)) bytes[offset + random.below(4)]! ^= 1 << random.below(8);
  else if (random.chance(60)) view.setUint32(offset, value, false);
  else view.setBigUint64(offset, BigInt(value) << BigInt(random.pick([0, 0, 9, 32])), false);
  return bytes;
}

/** Mostly where fields are: of the footers, the header, its locators, the table. */
function interestingOffset(bytes: Uint8Array, random: Random): number {
  return random.pick([
    random.below(88),
    Math.max(0, bytes.length - 512) + random.below(88),
    HEADER + random.below(64),
    HEADER + random.below(64),
    HEADER + 576 + random.below(72),
    DYNAMIC_TABLE + random.below(48),
    DIFFERENCING_TABLE + random.below(48),
    random.below(bytes.length),
  ]);
}

/** Without right checksums no other check would be reached. */
function reseal(bytes: Uint8Array<ArrayBuffer>): void {
  if (bytes.length < 2048) return;
  sealFooter(bytes, 0);
  sealFooter(bytes, bytes.length - 512);
  sealHeader(bytes);
}

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
  const source = new MemorySource(mutate(random));
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
