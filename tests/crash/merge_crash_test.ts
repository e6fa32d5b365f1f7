/**
 * A crash while a child is merged into its parent leaves a chain that reads as before; merging again makes
 * the parent what the chain was.
 */
import { assert, assertEquals, assertGreater } from "@std/assert";
import { readChain } from "../../src/portable/image/extents.ts";
import type { DiskImage } from "../../src/portable/image/image.ts";
import type { Merging } from "../../src/portable/image/format.ts";
import { Pace } from "../../src/portable/image/pace.ts";
import { mergeVhd } from "../../src/portable/vhd/merge.ts";
import { mergeVhdx } from "../../src/portable/vhdx/merge.ts";
import { Random } from "../fuzz/random.ts";
import { vhdSpec } from "../portable/vhd/vhd_builder.ts";
import { MIB, vhdxSpec } from "../portable/vhdx/vhdx_builder.ts";
import { assertBytesEqual, testWith } from "../support.ts";
import { everySo, explored, Sample, sampledBound } from "../sampling.ts";
import { CrashPoints } from "./crash_states.ts";
import { createVhdIn, createVhdxIn, newImage } from "./formats.ts";
import { itemsOf } from "./disk_items.ts";
import {
  baseSizeOf,
  chainOf,
  describeShape,
  type Files,
  VHD_SHAPES,
  VHDX_SHAPES,
} from "./merge_chains.ts";
import { NotingSource, type RecordingSource } from "./recording_source.ts";
import type { Format } from "./scenario.ts";
import type { SparseFile } from "./sparse_file.ts";
import { readStamps, SECTOR } from "./stamp.ts";
import { VHD } from "./vhd_scenarios.ts";
import { VHDX } from "./vhdx_scenarios.ts";

const SEED = 31;

interface Case {
  readonly title: string;
  readonly format: Format;
  readonly merge: (merging: Merging) => Promise<void>;
  readonly files: () => Files;
  /** Below the target, which is a child itself: how large its disk is. */
  readonly baseSize: number | undefined;
  /** Random subsets of the unflushed changes for each crash point. */
  readonly samples: number;
  /** Of a hundred states: how many are merged again. */
  readonly resumed: number;
  /** Whether the target's file is the same after a crash as without it: where no block has a bitmap. */
  readonly hasSameFile: boolean;
}

const CASES: readonly Case[] = [
  ...VHD_SHAPES.map((shape): Case => ({
    title: `merging VHDs (${describeShape(shape)})`,
    format: VHD,
    merge: mergeVhd,
    files: () => chainOf(VHD, shape, (spec) => newImage(createVhdIn, vhdSpec(spec))),
    baseSize: baseSizeOf(shape),
    samples: 6,
    resumed: 100,
    hasSameFile: shape.isDeeper !== true,
  })),
  ...VHDX_SHAPES.map((shape): Case => ({
    title: `merging VHDX images (${describeShape(shape)})`,
    format: VHDX,
    merge: mergeVhdx,
    files: () => chainOf(VHDX, shape, (spec) => newImage(createVhdxIn, vhdxSpec(spec))),
    baseSize: baseSizeOf(shape),
    samples: 2,
    resumed: 20,
    hasSameFile: false,
  })),
];

function merging(
  { baseSize = 0 }: Case,
  files: Files,
  recorded: { child: Recorded; target: Recorded },
): Merging {
  return {
    above: files.slice(0, -2),
    ...recorded,
    targetParentSize: baseSize,
    dryRun: false,
    pace: new Pace({}),
  };
}

type Recorded = SparseFile | RecordingSource<never>;

for (const [i, each] of CASES.entries()) {
  testWith(
    everySo(2, i),
    `${each.title} keeps what the chain holds, whenever it crashes`,
    async () => {
      const { format, merge, samples } = each;
      const chain = each.files();
      const files = each.baseSize === undefined ? chain : chain.slice(0, -1);
      const [childBase, targetBase] = files.slice(-2) as [SparseFile, SparseFile];
      const expected = whatIsIn(
        files.map(format.open),
        chain.slice(files.length).map(format.open),
      );
      // One order of all changes: which file, and how many of its changes there were then.
      const order: { readonly file: 0 | 1; readonly count: number }[] = [];
      const recorded = {
        child: new NotingSource(childBase, (count) => order.push({ file: 0, count })),
        target: new NotingSource(targetBase, (count) => order.push({ file: 1, count })),
      };
      await merge(merging(each, files, recorded));
      checkMerged(each, recorded.target, expected);
      expected.target = recorded.target.contents();
      const random = new Random(SEED);
      const points = [recorded.child, recorded.target].map((source) => new CrashPoints(source));
      const counts = [0, 0];
      const sample = new Sample();
      let states = 0;
      for (const { file, count } of order) {
        counts[file] = count;
        const stand = [...points[1 - file]!.statesAt(counts[1 - file]!, random, 1)];
        for (const state of points[file]!.statesAt(count, random, samples)) {
          if (!sample.takes()) continue;
          const other = random.pick(stand);
          const pair = (file === 0 ? [state, other] : [other, state]).map(({ file }) => file);
          states++;
          await checkState(each, files, pair as [SparseFile, SparseFile], expected, {
            resumes: random.chance(each.resumed),
          });
        }
      }
      explored(`${each.title}`, { "crash states": states });
      assertGreater(states, sampledBound(order.length));
    },
  );
}

/** The chain belongs together and reads as before; merging again ends right. */
async function checkState(
  each: Case,
  files: Files,
  [child, target]: [SparseFile, SparseFile],
  expected: Expected,
  { resumes }: { readonly resumes: boolean },
): Promise<void> {
  const { format, merge } = each;
  const left = [...files.slice(0, -2), child, target];
  const images = left.map(format.open);
  const [parent, link] = [images.at(-1)!, images.at(-2)!.parent!];
  assert(
    link.identifiers.includes(parent.identifier!),
    `the child expects ${link.identifiers}, the parent is ${parent.identifier}`,
  );
  assertEquals(versionsOf([...images, ...expected.base]), expected.versions);
  for (const image of images.slice(0, -1)) {
    assertEquals(itemsOf(image, true), expected.diskItems[images.indexOf(image)]);
  }
  assertEquals(itemsOf(parent, false), expected.fileItems.at(-1));
  // All at once: what it had, or what it shall have.
  const ofParent = JSON.stringify(itemsOf(parent, true));
  const atRest = [expected.diskItems.at(-1), expected.diskItems[0]].map((each) =>
    JSON.stringify(each)
  );
  assert(atRest.includes(ofParent), ofParent);
  if (!resumes) return;
  const again = { child: child.fork(), target: target.fork() };
  await merge(merging(each, files, again));
  checkMerged(each, again.target, expected);
  if (each.hasSameFile) assertBytesEqual(again.target.bytes(), expected.target!.bytes());
  const merged = [...files.slice(0, -2), again.child, again.target].map(format.open);
  assert(merged.at(-2)!.parent!.identifiers.includes(merged.at(-1)!.identifier!));
  assertEquals(versionsOf([...merged, ...expected.base]), expected.versions);
}

function checkMerged({ format }: Case, target: Recorded, expected: Expected): void {
  format.checkClosed?.(target);
  const image = format.open(target);
  assertEquals(versionsOf([image, ...expected.base]), expected.versions);
  assertEquals(itemsOf(image, true), expected.diskItems[0]);
  assertEquals(itemsOf(image, false), expected.fileItems.at(-1));
}

/** What a chain reads as, and the items of each of its files. */
interface Expected {
  readonly versions: Uint32Array;
  readonly diskItems: readonly string[][];
  readonly fileItems: readonly string[][];
  /** Below the target. */
  readonly base: readonly DiskImage[];
  /** The file that a merge without a crash leaves. */
  target?: SparseFile;
}

function whatIsIn(images: readonly DiskImage[], base: readonly DiskImage[]): Expected {
  return {
    versions: versionsOf([...images, ...base]),
    base,
    diskItems: images.map((image) => itemsOf(image, true)),
    fileItems: images.map((image) => itemsOf(image, false)),
  };
}

function versionsOf(images: readonly DiskImage[]): Uint32Array {
  const { virtualSize } = images[0]!;
  const versions = new Uint32Array(virtualSize / SECTOR);
  const buffer = new Uint8Array(MIB);
  for (let offset = 0; offset < virtualSize; offset += MIB) {
    const piece = buffer.subarray(0, Math.min(MIB, virtualSize - offset));
    readChain(images, piece, offset);
    readStamps(piece, offset / SECTOR, versions);
  }
  return versions;
}
