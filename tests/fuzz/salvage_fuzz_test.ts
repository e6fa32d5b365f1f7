/** Damage at random: what is left opens or is refused with a reason, in little time, and invents nothing. */
import { assert } from "@std/assert";
import { isAllZero } from "../../src/bytes/zeros.ts";
import { VHD } from "../../src/portable/vhd/format.ts";
import { VHDX } from "../../src/portable/vhdx/format.ts";
import { ImageError } from "../../src/portable/file/image_error.ts";
import { chainExtents, readChain } from "../../src/portable/image/extents.ts";
import type { Format } from "../../src/portable/image/format.ts";
import { Damages } from "../../src/portable/image/tolerant_image.ts";
import { pattern } from "../support.ts";
import { MemorySource } from "../portable/file/memory_source.ts";
import { DYNAMIC_TABLE, newVhd, withBlock } from "../portable/vhd/vhd_builder.ts";
import { BAT, METADATA, MIB, VhdxBuilder } from "../portable/vhdx/vhdx_builder.ts";
import { openDamaged } from "../portable/salvaging.ts";
import { explored, sampledRounds } from "../sampling.ts";
import { Random } from "./random.ts";

interface Subject {
  readonly format: Format;
  readonly file: Uint8Array<ArrayBuffer>;
  /** Where its structures are. */
  readonly structures: readonly (readonly [offset: number, length: number])[];
}

function vhdx(): Subject {
  const builder = new VhdxBuilder();
  for (const block of [4, 0, 6]) {
    const offset = builder.append(pattern(MIB, block));
    builder.bat(block, 6, offset / MIB);
  }
  const areas = [0, 0x10000, 0x20000, 0x30000, 0x40000, MIB, METADATA, METADATA + 0x10000, BAT];
  return {
    format: VHDX,
    file: builder.bytes,
    structures: areas.map((offset) => [offset, 128] as const),
  };
}

function vhd(): Subject {
  let file = newVhd();
  for (const block of [3, 0, 7]) {
    file = withBlock(file, DYNAMIC_TABLE, block, [0xff], pattern(4096, block));
  }
  const footer = file.length - 512;
  return { format: VHD, file, structures: [[0, 512], [512, 1024], [1536, 40], [footer, 512]] };
}

function damaged({ file, structures }: Subject, random: Random): Uint8Array<ArrayBuffer> {
  const bytes = random.below(3) === 0 ? file.slice(0, random.below(file.length + 1)) : file.slice();
  for (let n = random.below(4) + 1; n > 0; n--) {
    const [offset, length] = structures[random.below(structures.length)]!;
    const at = offset + random.below(length);
    const count = 1 + random.below(random.below(2) === 0 ? 8 : 600);
    if (random.below(3) === 0) bytes.fill(random.below(2) * 0xff, at, at + count);
    else for (let i = at; i < at + Math.min(8, count); i++) bytes[i] = random.below(256);
  }
  return bytes;
}

const ROUNDS = 2000;
/** Reads of one image, whatever its damaged tables make of it. */
const MOST_READS = 2000;
const ASSUMED = { size: 8 * MIB, blockSize: MIB, sectorSize: 512 };

for (const [name, subject] of [["vhdx", vhdx()], ["vhd", vhd()]] as const) {
  Deno.test(`openDamaged: ${name} with random damage opens or says why not, and reads to its end`, () => {
    const random = new Random(7);
    const buffer = new Uint8Array(MIB);
    let opened = 0;
    const rounds = sampledRounds(ROUNDS);
    for (let round = 0; round < rounds; round++) {
      const bytes = damaged(subject, random);
      const damages = new Damages(name === "vhdx" && random.below(3) === 0 ? ASSUMED : {});
      const source = new MemorySource(bytes);
      try {
        const image = openDamaged(subject.format, source, damages);
        image.loseParent();
        opened++;
        // A damaged size may be that of the largest disk: as much is looked at as it takes to see each block.
        const end = Math.min(image.virtualSize, 64 * MIB);
        for (const extent of chainExtents([image], 0, end)) {
          assert(extent.length > 0 && extent.kind !== "absent");
          const piece = buffer.subarray(0, Math.min(extent.length, MIB));
          readChain([image], piece, extent.offset);
          if (extent.kind === "lost") assert(isAllZero(piece));
        }
      } catch (error) {
        if (!(error instanceof ImageError)) throw error;
      }
      assert(source.bytesRead < 16 * bytes.length, `round ${round}: ${source.bytesRead} bytes`);
      assert(source.reads < MOST_READS, `round ${round}: ${source.reads} reads`);
    }
    assert(opened > rounds / 3, `${opened} of ${rounds}`);
    explored(`openDamaged: ${name}`, { "damaged files": rounds });
  });
}
