/**
 * Fields of an ext file system set to what nobody expects, with checksums that hold: whoever reads it says why it is
 * not believed, reads a bounded number of bytes, and takes nothing for free that the file system itself uses.
 */
import { assert } from "@std/assert";
import { readExt } from "../../src/portable/filesystems/ext/ext.ts";
import { ExtEditor } from "../portable/filesystems/ext_edits.ts";
import { E2FSPROGS, fillAndEmpty, makeExt } from "../portable/filesystems/ext_images.ts";
import { ask, BytesVolume } from "../portable/filesystems/volumes.ts";
import { everySo, sampledRounds } from "../sampling.ts";
import { TempDir, testWith } from "../support.ts";
import { Random } from "./random.ts";

const MiB = 2 ** 20;
const SIZE = 12 * MiB;
const ROUNDS = 1500;
const MADE = [
  "-t ext4 -b 1024 -g 2048 -J size=1",
  "-t ext4 -b 1024 -g 2048 -J size=1 -O meta_bg,^resize_inode",
  "-t ext4 -b 1024 -O bigalloc -C 4096 -g 8192 -J size=4",
  "-t ext4 -b 1024 -g 2048 -J size=1 -O ^metadata_csum,^uninit_bg",
  "-t ext3 -b 1024 -g 2048 -J size=1",
] as const;
const WIDTHS = [1, 2, 4, 8] as const;

/** Where a mutation goes: a structure of the file system. */
function placeOf(random: Random, made: ExtEditor): number {
  switch (random.below(6)) {
    case 0:
    case 1:
      return 1024 + random.below(0x290);
    case 2:
      return made.descriptor(0) + random.below(3 * 64);
    case 3:
      return made.inode(8) + random.below(160);
    case 4:
      return made.journal + random.below(64);
    default:
      return made.bitmap(random.below(3)) + random.below(1024);
  }
}

function mutate(random: Random, ext: ExtEditor, made: ExtEditor): void {
  const at = placeOf(random, made);
  const width = random.pick(WIDTHS);
  if (!(at + width <= ext.bytes.length)) return;
  const top = 2n ** BigInt(width * 8 - 1);
  const old = ext.view.getBigUint64(Math.min(at, ext.bytes.length - 8), true);
  const values = [0n, 1n, top - 1n, top, 2n * top - 1n, old + 1n, old - 1n, old ^ top, old * 2n];
  const value = BigInt.asUintN(width * 8, random.pick(values));
  for (let i = 0; i < width; i++) {
    ext.bytes[at + i] = Number(BigInt.asUintN(8, value >> BigInt(8 * i)));
  }
}

for (const [i, args] of MADE.entries()) {
  testWith(
    [...E2FSPROGS, ...everySo(2, i)],
    `whatever is changed in mke2fs ${args}, reading it ends well`,
    () => {
      using dir = new TempDir();
      const path = dir.file("volume.img");
      makeExt(path, SIZE, ...args.split(" "));
      fillAndEmpty(dir, path, { seed: 5, files: 4, largest: 65536 });
      const made = Deno.readFileSync(path);
      const original = new ExtEditor(made);
      const { journal } = original;
      const counts = { free: 0, refused: 0, none: 0 };
      for (let round = 0; round < sampledRounds(ROUNDS); round++) {
        const random = new Random(round);
        const ext = new ExtEditor(made);
        for (let n = random.below(3); n >= 0; n--) mutate(random, ext, original);
        if (random.chance(90)) ext.seal();
        const volume = new BytesVolume(ext.bytes);
        const answer = ask(readExt, volume);
        counts[answer?.kind ?? "none"]++;
        assert(
          volume.bytesRead <= 8 * made.length,
          `round ${round}: ${volume.bytesRead} bytes read`,
        );
        if (answer?.kind !== "free") continue;
        for (const { offset, length } of answer.ranges) {
          const uses = (at: number) => at >= offset && at < offset + length;
          assert(!uses(1024) && !uses(journal), `round ${round}: it frees what it uses`);
        }
      }
      // Much of what is changed matters, and not all of it.
      assert(counts.refused > counts.free / 5 && counts.free > 0, JSON.stringify(counts));
    },
  );
}
