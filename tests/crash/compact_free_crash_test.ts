/**
 * A crash while an image gives back what is free on its disk: what is used stays what it was at every moment, what is
 * free is as it was or zeros, never a parent's. Compacting again ends as without the crash.
 */
import { assert, assertEquals, assertGreater } from "@std/assert";
import { readExt } from "../../src/portable/filesystems/ext/ext.ts";
import type { WritableSource } from "../../src/portable/file/byte_source.ts";
import { DryRunFile } from "../../src/portable/file/dry_run_file.ts";
import { readChain } from "../../src/portable/image/extents.ts";
import type { CompactionOutcome } from "../../src/portable/image/format.ts";
import {
  type DiskRange,
  type FreeRanges,
  withoutFree,
} from "../../src/portable/image/free_ranges.ts";
import type { DiskImage } from "../../src/portable/image/image.ts";
import { Pace } from "../../src/portable/image/pace.ts";
import { FreeSpace } from "../../src/portable/operations/free_space.ts";
import { Random } from "../fuzz/random.ts";
import { e2, E2FSPROGS, fillAndEmpty, makeExt } from "../portable/filesystems/ext_images.ts";
import { ask, BytesVolume } from "../portable/filesystems/volumes.ts";
import { vhdSpec } from "../portable/vhd/vhd_builder.ts";
import { MIB, vhdxSpec } from "../portable/vhdx/vhdx_builder.ts";
import { everySo, explored, sampled, sampledBound } from "../sampling.ts";
import { assertBytesEqual, TempDir, testWith } from "../support.ts";
import { type Case, CASES, compact, versionsOf } from "./compaction_cases.ts";
import { crashStates } from "./crash_states.ts";
import { createVhdIn, createVhdxIn, newImage } from "./formats.ts";
import { RecordingSource } from "./recording_source.ts";
import { SECTOR, ZEROS } from "./stamp.ts";
import { VHD } from "./vhd_scenarios.ts";
import { VHDX } from "./vhdx_scenarios.ts";

const SEED = 47;

/** Whole blocks, parts of blocks, and what lies across several of them. */
class SomeRanges implements FreeRanges {
  readonly ranges: readonly DiskRange[];

  constructor({ virtualSize, blockSize }: DiskImage) {
    const range = (from: number, to: number) => ({
      offset: from * blockSize,
      length: Math.min(to * blockSize, virtualSize) - from * blockSize,
    });
    this.ranges = [range(0.5, 0.75), range(2, 4), range(4.5, 6.5), range(7, 40)];
  }

  following(offset: number): DiskRange | undefined {
    return this.ranges.find((range) => range.offset + range.length > offset);
  }

  has(offset: number): boolean {
    const range = this.following(offset);
    return range !== undefined && range.offset <= offset;
  }
}

function compactFree(each: Case, file: WritableSource): Promise<CompactionOutcome> {
  return compact(each, file, { hideFree: (image) => withoutFree(image, new SomeRanges(image)) });
}

function assertUsedKept(versions: Uint32Array, before: Uint32Array, free: SomeRanges): void {
  const expected = before.map((version, sector) =>
    versions[sector] === ZEROS && free.has(sector * SECTOR) ? ZEROS : version
  );
  assertEquals(versions, expected);
}

for (const each of CASES.slice(0, 5)) {
  Deno.test(`${each.title} with free space keeps what is used, whenever it crashes`, async () => {
    const { format } = each;
    const base = each.base();
    const free = new SomeRanges(format.open(base));
    const before = versionsOf(each, base);
    const plain = await compact(each, new DryRunFile(base));
    const dry = await compactFree(each, new DryRunFile(base));
    const recording = new RecordingSource<never>(base);
    const outcome = await compactFree(each, recording);
    assertEquals(outcome, dry);
    // A child whose parent holds something can give a block back only if it has a state for zeros.
    if (each.parent === undefined || format === VHDX) {
      assertGreater(outcome.releasedBlocks, plain.releasedBlocks);
    }
    assertUsedKept(versionsOf(each, recording), before, free);
    let states = 0;
    const random = new Random(SEED);
    const all = sampled(crashStates(base, recording.changes, random, each.samples));
    for (const { file, point, description } of all) {
      states++;
      try {
        assertUsedKept(versionsOf(each, file), before, free);
        format.checkLeft?.(file);
        const resumed = file.fork();
        format.openWritable(resumed).finish();
        await compactFree(each, resumed);
        format.checkClosed?.(resumed);
        assertUsedKept(versionsOf(each, resumed), before, free);
        assertEquals(resumed.size, recording.size);
        assertEquals((await compactFree(each, new DryRunFile(resumed))).releasedBlocks, 0);
      } catch (error) {
        throw new Error(`change ${point} of ${recording.changes.length}: ${description()}`, {
          cause: error,
        });
      }
    }
    explored(`${each.title} with free space`, { "crash states": states });
    assertGreater(states, sampledBound(recording.changes.length));
  });
}

/** An ext4 in an image. */
const EXT_CASES: readonly Pick<Case, "title" | "format" | "compact" | "base" | "samples">[] = [
  {
    ...CASES[0]!,
    title: "a VHD with an ext4",
    base: () => newImage(createVhdIn, vhdSpec({ virtualSize: 2 * MIB, blockSize: 4096 })),
    samples: 2,
    format: VHD,
  },
  {
    ...CASES[3]!,
    title: "a VHDX with an ext4",
    base: () => newImage(createVhdxIn, vhdxSpec({ virtualSize: 12 * MIB, blockSize: MIB })),
    samples: 2,
    format: VHDX,
  },
];

function bytesOf(image: DiskImage): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(image.virtualSize);
  readChain([image], bytes, 0);
  return bytes;
}

for (const [i, each] of EXT_CASES.entries()) {
  testWith(
    [...E2FSPROGS, ...everySo(2, i + 1)],
    `${each.title} is sound, whenever compacting it crashes`,
    async () => {
      using dir = new TempDir();
      const { format } = each;
      const base = each.base();
      const image = format.openWritable(base);
      const raw = dir.file("raw.img");
      makeExt(raw, image.virtualSize, "-t", "ext4", "-b", "1024", "-O", "^has_journal");
      const largest = image.virtualSize / 16;
      fillAndEmpty(dir, raw, { seed: 2, files: 8, largest, removed: 6 * largest });
      const before = Deno.readFileSync(raw);
      for (let at = 0; at < before.length; at += 65536) {
        image.write(before.subarray(at, at + 65536), at);
      }
      image.finish();
      const answer = ask(readExt, new BytesVolume(before));
      assert(answer?.kind === "free");

      /** Everything but the free bytes, which may be anything. */
      const used = (bytes: Uint8Array<ArrayBuffer>) => {
        for (const { offset, length } of answer.ranges) bytes.fill(0, offset, offset + length);
        return bytes;
      };
      const expected = used(before.slice());
      const reclaim = async (file: WritableSource) => {
        const space = await FreeSpace.find([format.open(file)], new Pace({}));
        assert(space.report.freeBytes > 0, JSON.stringify(space.report));
        return await compact(each, file, { hideFree: (stored) => space.hideIn([stored]) });
      };
      const recording = new RecordingSource<never>(base);
      const { releasedBlocks } = await reclaim(recording);
      assertGreater(releasedBlocks, 0);
      let states = 0;
      const random = new Random(SEED);
      for (
        const { file, point, description } of sampled(
          crashStates(base, recording.changes, random, each.samples),
        )
      ) {
        try {
          const left = bytesOf(format.open(file));
          if (states++ % 16 === 0) {
            Deno.writeFileSync(raw, left);
            e2("e2fsck", "-fn", raw);
          }
          assertBytesEqual(used(left), expected);
          const resumed = file.fork();
          format.openWritable(resumed).finish();
          await reclaim(resumed);
          assertEquals(resumed.size, recording.size);
          assertBytesEqual(used(bytesOf(format.open(resumed))), expected);
        } catch (error) {
          throw new Error(`change ${point} of ${recording.changes.length}: ${description()}`, {
            cause: error,
          });
        }
      }
      explored(`compacting ${each.title}`, { "crash states": states });
      assertGreater(states, 0);
    },
  );
}
