/**
 * A crash while a child is merged into its parent leaves a chain that reads as before; merging again makes
 * the parent what the chain was.
 */
import { assert, assertEquals, assertGreater } from "@std/assert";
import { readChain } from "../../src/portable/chain_reader.ts";
import type { DiskImage } from "../../src/portable/image.ts";
import type { ImageSpec, ParentSpec } from "../../src/portable/image_spec.ts";
import type { Merging } from "../../src/portable/operations/merging.ts";
import { Meter } from "../../src/portable/operations/meter.ts";
import { Pace } from "../../src/portable/operations/pace.ts";
import { mergeVhd } from "../../src/portable/vhd/merge_vhd.ts";
import { mergeVhdx } from "../../src/portable/vhdx/merge_vhdx.ts";
import { Random } from "../fuzz/random.ts";
import { vhdSpec } from "../portable/vhd/vhd_builder.ts";
import { MIB, vhdxSpec } from "../portable/vhdx/vhdx_builder.ts";
import { crashStates } from "./crash_states.ts";
import { createVhdIn, createVhdxIn, newImage } from "./formats.ts";
import { addItems, itemsOf } from "./disk_items.ts";
import { type Change, RecordingSource } from "./recording_source.ts";
import { type Format, randomSteps, runSteps } from "./scenario.ts";
import type { SparseFile } from "./sparse_file.ts";
import { readStamps, SECTOR } from "./stamp.ts";
import { VHD } from "./vhd_scenarios.ts";
import { VHDX } from "./vhdx_scenarios.ts";

const SEED = 31;

/** Files of a chain, the leaf first; the last is the target. */
type Files = SparseFile[];

interface Case {
  readonly title: string;
  readonly format: Format;
  readonly merge: (merging: Merging) => Promise<void>;
  readonly files: () => Files;
  /** Random subsets of the unflushed changes for each crash point. */
  readonly samples: number;
}

/** The sizes of the disks and blocks of a chain, the target first. */
interface Shape {
  readonly subtype: "fixed" | "dynamic";
  readonly disks: readonly { readonly virtualSize: number; readonly blockSize: number }[];
}

const K4 = 4096;
const VHD_SHAPES: readonly Shape[] = [
  { subtype: "dynamic", disks: both(10 * K4, K4, K4) },
  { subtype: "dynamic", disks: both(10 * K4 + 2048, 2 * K4, K4, 2 * K4) },
  { subtype: "fixed", disks: both(10 * K4, 0, K4) },
];
const VHDX_SHAPES: readonly Shape[] = [
  { subtype: "dynamic", disks: both(6 * MIB, MIB, MIB) },
  { subtype: "dynamic", disks: both(6 * MIB, 2 * MIB, MIB, 2 * MIB) },
  { subtype: "fixed", disks: both(5 * MIB, MIB, MIB) },
  {
    subtype: "dynamic",
    disks: [{ virtualSize: 4 * MIB, blockSize: MIB }, { virtualSize: 7 * MIB, blockSize: MIB }],
  },
  {
    subtype: "dynamic",
    disks: [{ virtualSize: 7 * MIB, blockSize: MIB }, { virtualSize: 4 * MIB, blockSize: MIB }],
  },
];

function both(virtualSize: number, ...blockSizes: number[]): Shape["disks"] {
  return blockSizes.map((blockSize) => ({ virtualSize, blockSize }));
}

const CASES: readonly Case[] = [
  ...VHD_SHAPES.map((shape): Case => ({
    title: `merging VHDs (${describe(shape)})`,
    format: VHD,
    merge: mergeVhd,
    files: () => chain(VHD, shape, (spec) => newImage(createVhdIn, vhdSpec(spec))),
    samples: 6,
  })),
  ...VHDX_SHAPES.map((shape): Case => ({
    title: `merging VHDX images (${describe(shape)})`,
    format: VHDX,
    merge: mergeVhdx,
    files: () => chain(VHDX, shape, (spec) => newImage(createVhdxIn, vhdxSpec(spec))),
    samples: 2,
  })),
];

function describe({ subtype, disks }: Shape): string {
  const sizes = disks.map(({ virtualSize, blockSize }) => `${virtualSize}/${blockSize}`);
  return `${subtype}, ${sizes.join(" <- ")}`;
}

/** A chain with random contents. */
function chain(
  format: Format,
  { subtype, disks }: Shape,
  create: (spec: Partial<ImageSpec>) => SparseFile,
): Files {
  const files: Files = [];
  for (const [depth, disk] of disks.entries()) {
    const below = files[0];
    const parent: ParentSpec | undefined = below && {
      identifier: format.open(below).identifier!,
      relativePath: ".\\parent",
      absolutePath: undefined,
    };
    const file = parent === undefined
      ? create({ ...disk, subtype })
      : create({ ...disk, subtype: "differencing", parent, identifier: crypto.randomUUID() });
    const { virtualSize, blockSize } = disk;
    const steps = randomSteps(new Random(SEED + depth), 12, {
      sectors: virtualSize / SECTOR,
      blockSectors: (blockSize || K4) / SECTOR,
    }).filter(([kind]) => kind !== "reopen");
    runSteps(format, file, steps, 100 + 1000 * depth, {});
    addItems(format, file, depth);
    files.unshift(file);
  }
  return files;
}

function merging(files: Files, recorded: { child: Recorded; target: Recorded }): Merging {
  return {
    above: files.slice(0, -2),
    ...recorded,
    targetParentSize: 0,
    dryRun: false,
    meter: new Meter(new Pace({})),
  };
}

type Recorded = SparseFile | RecordingSource<never>;

for (const each of CASES) {
  Deno.test(`${each.title} keeps what the chain holds, whenever it crashes`, async () => {
    const { format, merge, samples } = each;
    const files = each.files();
    const [childBase, targetBase] = files.slice(-2) as [SparseFile, SparseFile];
    const expected = whatIsIn(files.map(format.open));
    // One order of all changes: which file, and how many of its changes there were then.
    const order: { readonly file: 0 | 1; readonly count: number }[] = [];
    const recorded = {
      child: new NotingSource(childBase, (count) => order.push({ file: 0, count })),
      target: new NotingSource(targetBase, (count) => order.push({ file: 1, count })),
    };
    await merge(merging(files, recorded));
    checkMerged(each, recorded.target, expected);
    const random = new Random(SEED);
    const sources = [recorded.child, recorded.target] as const;
    const counts = [0, 0];
    let states = 0;
    for (const { file, count } of order) {
      counts[file] = count;
      const other = sources[1 - file]!;
      const stand = [...statesAt(other, counts[1 - file]!, random, 1)];
      for (const state of statesAt(sources[file]!, count, random, samples)) {
        const otherFile = random.pick(stand);
        const pair = file === 0 ? [state, otherFile] : [otherFile, state];
        states++;
        await checkState(each, files, pair as [SparseFile, SparseFile], expected, {
          resumes: random.chance(20),
        });
      }
    }
    console.log(`${each.title}: ${states} states`);
    assertGreater(states, order.length);
  });
}

/** Tells of each change. */
class NotingSource extends RecordingSource<never> {
  readonly #note: (count: number) => void;

  constructor(base: SparseFile, note: (count: number) => void) {
    super(base);
    this.#note = note;
  }

  override writeAt(bytes: Uint8Array, offset: number): void {
    super.writeAt(bytes, offset);
    this.#note(this.changes.length);
  }

  override truncate(size: number): void {
    super.truncate(size);
    this.#note(this.changes.length);
  }
}

/** What a crash may leave of a file when so many changes had been asked for. */
function* statesAt(
  { base, changes }: { readonly base: SparseFile; readonly changes: readonly Change[] },
  count: number,
  random: Random,
  samples: number,
): Generator<SparseFile> {
  for (const { file } of crashStates(base, changes.slice(0, count), random, samples, count)) {
    yield file;
  }
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
  assertEquals(versionsOf(images), expected.versions);
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
  await merge(merging(files, again));
  checkMerged(each, again.target, expected);
  const merged = [...files.slice(0, -2), again.child, again.target].map(format.open);
  assert(merged.at(-2)!.parent!.identifiers.includes(merged.at(-1)!.identifier!));
  assertEquals(versionsOf(merged), expected.versions);
}

function checkMerged({ format }: Case, target: Recorded, expected: Expected): void {
  format.checkClosed?.(target);
  const image = format.open(target);
  assertEquals(versionsOf([image]), expected.versions);
  assertEquals(itemsOf(image, true), expected.diskItems[0]);
  assertEquals(itemsOf(image, false), expected.fileItems.at(-1));
}

/** What a chain reads as, and the items of each of its files. */
interface Expected {
  readonly versions: Uint32Array;
  readonly diskItems: readonly string[][];
  readonly fileItems: readonly string[][];
}

function whatIsIn(images: readonly DiskImage[]): Expected {
  return {
    versions: versionsOf(images),
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
