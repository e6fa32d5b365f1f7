/**
 * Damaged images: where a file should end is told or not, but never by an error that has no name, and little
 * is read for it.
 */
import { assert, assertLessOrEqual } from "@std/assert";
import type { ByteSource } from "../../src/portable/file/byte_source.ts";
import { promisedIsoEnd } from "../../src/portable/iso/promised_end.ts";
import { rawDiskIn } from "../../src/portable/partitions/raw_disk.ts";
import type { PromisedEnd } from "../../src/portable/file/promised_end.ts";
import { promisedVhdEnd } from "../../src/portable/vhd/promised_end.ts";
import { promisedVhdxEnd } from "../../src/portable/vhdx/promised_end.ts";
import { udfImage } from "../portable/iso/iso_builder.ts";
import { MemorySource } from "../portable/file/memory_source.ts";
import { explored, sampledRounds } from "../sampling.ts";
import { Random } from "./random.ts";
import { mutatedVhd } from "./vhd_mutations.ts";
import { mutatedVhdx } from "./vhdx_mutations.ts";

const ROUNDS = sampledRounds(500);
const MIB = 1 << 20;

/** The image, or what is left of it. */
function cut(bytes: Uint8Array<ArrayBuffer>, random: Random): Uint8Array<ArrayBuffer> {
  const isCut = random.uint32() % 2 === 0;
  return isCut ? bytes.slice(0, random.uint32() % bytes.length) : bytes;
}

function mutatedIso(random: Random): Uint8Array<ArrayBuffer> {
  const { bytes } = udfImage();
  for (let i = random.uint32() % 8; i >= 0; i--) {
    bytes[random.uint32() % bytes.length] = random.uint32() & 0xff;
  }
  return bytes;
}

const KINDS: [
  name: string,
  make: (random: Random) => Uint8Array<ArrayBuffer>,
  end: (source: ByteSource) => PromisedEnd | undefined,
][] = [
  ["VHD", mutatedVhd, promisedVhdEnd],
  ["VHDX", mutatedVhdx, promisedVhdxEnd],
  ["ISO", mutatedIso, promisedIsoEnd],
  ["raw disk", mutatedIso, (source) => {
    const disk = rawDiskIn(source);
    return disk && { end: disk.end, isExact: false };
  }],
];

for (const [name, make, endOf] of KINDS) {
  Deno.test(`the end of a damaged ${name} is told or not, for little reading`, () => {
    let told = 0;
    for (let seed = 0; seed < ROUNDS; seed++) {
      const random = new Random(seed);
      const source = new MemorySource(cut(make(random), random));
      const promised = endOf(source);
      assertLessOrEqual(source.bytesRead, 8 * MIB + 4 * source.size, `seed ${seed}`);
      if (promised === undefined) continue;
      told++;
      assert(
        promised.end > 0 && promised.end <= 2 ** 47,
        `seed ${seed}: ${promised.end}`,
      );
    }
    explored(`promised ends, ${told} told`, { "damaged files": ROUNDS });
    if (name !== "raw disk" && name !== "VHD") assert(told > ROUNDS / 10, `${told} of ${ROUNDS}`);
  });
}
