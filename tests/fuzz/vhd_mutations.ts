/** VHD images with damage where fields are. */
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
import type { Random } from "./random.ts";

const fixed = newVhd({ subtype: "fixed", virtualSize: 8192 });
const dynamic = blocks(newVhd(), DYNAMIC_TABLE);
const differencing = blocks(newVhd({ subtype: "differencing" }), DIFFERENCING_TABLE);

/** Sound images. */
export const VHD_SAMPLES: readonly Uint8Array<ArrayBuffer>[] = [
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

/** A sound image with a few bytes changed, its checksums mostly made right again. */
export function mutatedVhd(random: Random): Uint8Array<ArrayBuffer> {
  let bytes = random.pick(VHD_SAMPLES).slice();
  const changes = 1 + random.below(4);
  for (let i = 0; i < changes; i++) bytes = mutateOnce(bytes, random);
  if (random.chance(85)) sealVhd(bytes);
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
  const other = Math.min(interestingOffset(bytes, random), bytes.length - 4) & ~3;
  // What another field holds: two blocks at one place, or nearly.
  const copied = view.getUint32(other, false) + random.below(3);
  const values = [...NUMBERS, ...LARGE_NUMBERS, random.uint32(), bytes.length, copied, copied];
  const value = random.pick(values) >>> 0;
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

/** Makes checksums right again: without them no other check would be reached. */
export function sealVhd(bytes: Uint8Array<ArrayBuffer>): void {
  if (bytes.length < 2048) return;
  sealFooter(bytes, 0);
  sealFooter(bytes, bytes.length - 512);
  sealHeader(bytes);
}
