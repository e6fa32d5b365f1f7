/**
 * ISO images with bytes changed at random: each opens or is refused with a code, and describes itself in
 * a bounded number of reads. The seed is fixed, so that a failure comes back.
 */
import { assert, assertEquals } from "@std/assert";
import { ImageError } from "../../src/portable/file/image_error.ts";
import { isIso, openIso } from "../../src/portable/iso/iso_image.ts";
import { bridgeImage, IsoBuilder, MemorySource, SECTOR } from "../portable/iso/iso_builder.ts";
import { explored, sampledRounds } from "../sampling.ts";
import { Random } from "./random.ts";

const ROUNDS = sampledRounds(1500);
/** 64 descriptors, 21 places of anchors, three anchors with two sequences of 64 sectors. */
const MAX_READS = 64 + 5 + 21 + 3 * 2 * 64 + 3;

/** Where the structures lie. */
const SECTORS = [16, 17, 18, 19, 20, 21, 32, 33, 34, 48, 49, 256];
const INTERESTING = [0, 1, 2, 8, 16, 0x7f, 0x80, 0xfe, 0xff];

function check(bytes: Uint8Array): void {
  const source = new MemorySource(bytes);
  const recognised = isIso(source);
  try {
    const image = openIso(source);
    assert(recognised);
    assertEquals(image.virtualSize, bytes.length);
    const { label, volumeSize } = image.volume;
    assert(label === undefined || (label !== "" && label.isWellFormed() && !/\p{Cc}/u.test(label)));
    assert(volumeSize === undefined || Number.isSafeInteger(volumeSize));
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    assert(!recognised);
    assertEquals(error.symbol, "ERROR_FILE_CORRUPT");
  }
  assert(source.reads.length <= MAX_READS, `${source.reads.length} reads`);
}

Deno.test("a bridge image with random bytes changed opens or is refused, and never hangs", () => {
  const random = new Random(0x1505);
  const original = bridgeImage();
  for (let round = 0; round < ROUNDS; round++) {
    const bytes = original.bytes.slice();
    for (let change = random.below(8); change >= 0; change--) {
      const offset = random.pick(SECTORS) * SECTOR + random.below(256);
      bytes[offset] = random.below(2) === 0 ? random.below(256) : random.pick(INTERESTING);
    }
    check(bytes);
  }
  explored("images with random bytes", { "damaged files": ROUNDS });
});

Deno.test("UDF descriptors with random contents under valid checksums do no harm", () => {
  const random = new Random(0xec167);
  const original = bridgeImage();
  for (let round = 0; round < ROUNDS; round++) {
    const image = new IsoBuilder(400);
    image.bytes.set(original.bytes);
    for (let change = random.below(4); change >= 0; change--) {
      const sector = random.pick([32, 33, 48, 49, 256]);
      for (let i = random.below(40); i >= 0; i--) {
        image.bytes[sector * SECTOR + 16 + random.below(240)] = random.pick(INTERESTING);
      }
      image.tag(sector, random.pick([2, 3, 5, 6, 8]));
    }
    check(image.bytes);
  }
  explored("images with random UDF descriptors", { "damaged files": ROUNDS });
});

Deno.test("an image cut off anywhere opens where its length allows, else is refused", () => {
  const random = new Random(0x2048);
  const { bytes } = bridgeImage();
  for (let round = 0; round < ROUNDS; round++) {
    const length = random.below(2) === 0 ? random.below(401) * SECTOR : random.below(bytes.length);
    check(bytes.subarray(0, length));
    assertEquals(
      isIso(new MemorySource(bytes.subarray(0, length))),
      length >= 17 * SECTOR && length % SECTOR === 0,
    );
  }
  explored("images that are cut off", { "damaged files": ROUNDS });
});
