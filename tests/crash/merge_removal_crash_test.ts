/**
 * A crash while a merge removes what it has merged: at each moment the disk opens by the name of its leaf and
 * reads as before, or the leaf is gone and the target reads so. Merging what is left ends right.
 */
import { Buffer } from "node:buffer";
import { assert, assertEquals, assertGreater } from "@std/assert";
import {
  type MergeOptions,
  openVirtualDisk,
  type PortableVirtualDisk,
  VirtualDiskError,
} from "@virtdisk/virtdisk";
import type { ImageSpec, ParentSpec } from "../../src/portable/image_spec.ts";
import { Random } from "../fuzz/random.ts";
import { vhdSpec } from "../portable/vhd/vhd_builder.ts";
import { MIB, vhdxSpec } from "../portable/vhdx/vhdx_builder.ts";
import { assertBytesEqual } from "../support.ts";
import { folderStates } from "./folder_states.ts";
import { createVhdIn, createVhdxIn, newImage } from "./formats.ts";
import { type Format, randomSteps, runSteps } from "./scenario.ts";
import { type Files, SimulatedFolder } from "./simulated_folder.ts";
import type { SparseFile } from "./sparse_file.ts";
import { SECTOR } from "./stamp.ts";
import { VHD } from "./vhd_scenarios.ts";
import { VHDX } from "./vhdx_scenarios.ts";

const SEED = 53;
const K4 = 4096;

interface Kind {
  readonly type: "vhd" | "vhdx";
  readonly format: Format;
  readonly virtualSize: number;
  readonly blockSize: number;
  readonly create: (spec: Partial<ImageSpec>) => SparseFile;
  readonly samples: number;
}

const KINDS: readonly Kind[] = [
  {
    type: "vhd",
    format: VHD,
    virtualSize: 10 * K4,
    blockSize: K4,
    create: (spec) => newImage(createVhdIn, vhdSpec(spec)),
    samples: 3,
  },
  {
    type: "vhdx",
    format: VHDX,
    virtualSize: 2 * MIB,
    blockSize: MIB,
    create: (spec) => newImage(createVhdxIn, vhdxSpec(spec)),
    samples: 1,
  },
];

/** The chain's length, and what is merged of it. */
const MERGES: readonly (readonly [length: number, MergeOptions, what: string])[] = [
  [2, {}, "a child into its base"],
  [4, { depth: 2 }, "a child and its parent into another child"],
  [4, { sourceDepth: 2 }, "a disk in the middle of a chain"],
  [4, { sourceDepth: 2, targetDepth: 4 }, "two disks in the middle of a chain"],
];

/** By number, the leaf last. */
function chain({ type, format, virtualSize, blockSize, create }: Kind, length: number): Files {
  const files = new Map<string, SparseFile>();
  let parent: ParentSpec | undefined;
  for (let depth = 0; depth < length; depth++) {
    const identifier = `aaaaaaaa-0000-0000-0000-00000000000${depth}`;
    const subtype = parent === undefined ? "dynamic" : "differencing";
    const file = create({ subtype, parent, virtualSize, blockSize, identifier });
    const steps = randomSteps(new Random(SEED + depth), 8, {
      sectors: virtualSize / SECTOR,
      blockSectors: blockSize / SECTOR,
    }).filter(([kind]) => kind !== "reopen");
    runSteps(format, file, steps, 100 + 1000 * depth, {});
    files.set(`${depth}.${type}`, file);
    parent = {
      identifier: format.open(file).identifier!,
      relativePath: `.\\${depth}.${type}`,
      absolutePath: undefined,
    };
  }
  return files;
}

for (const kind of KINDS) {
  for (const [length, options, what] of MERGES) {
    Deno.test(`merging and removing ${what} (${kind.type}) loses nothing, whenever it crashes`, async () => {
      const files = chain(kind, length);
      const leaf = `${length - 1}.${kind.type}`;
      using folder = new SimulatedFolder(files);
      const disk = await contents(folder, leaf);
      const { path, merged } = await mergeAndRemove(folder, leaf, options);
      const target = nameIn(folder, path);
      const removed = merged.map((each) => nameIn(folder, each));
      const expected = new Map([[target, await contents(folder, target)]]);
      if (folder.files().has(leaf)) expected.set(leaf, disk);
      else assertBytesEqual(expected.get(target)!, disk, target);
      assertEquals(namesIn(folder), [...files.keys()].filter((name) => !removed.includes(name)));
      let states = 0;
      for (const state of folderStates(folder, new Random(SEED), kind.samples)) {
        states++;
        try {
          await checkState(state.files, { leaf, target, removed, disk, expected });
        } catch (error) {
          const reason = error instanceof Error ? error.message : String(error);
          const where = `step ${state.point} of ${folder.steps.length}`;
          throw new Error(`${where}: ${reason}\n${state.description()}`, { cause: error });
        }
      }
      console.log(`merging and removing ${what} (${kind.type}): ${states} states`);
      assertGreater(states, folder.steps.length);
    });
  }
}

interface Merge {
  readonly leaf: string;
  readonly target: string;
  readonly removed: readonly string[];
  /** What the leaf held before. */
  readonly disk: Uint8Array;
  /** What disks hold in the end. */
  readonly expected: ReadonlyMap<string, Uint8Array>;
}

async function checkState(
  files: Files,
  { leaf, target, removed, disk, expected }: Merge,
): Promise<void> {
  using folder = new SimulatedFolder(files);
  const name = files.has(leaf) ? leaf : target;
  assertBytesEqual(await contents(folder, name), disk, name);
  await assertNothingStale(folder, removed, [disk, ...expected.values()]);
  if (files.has(leaf)) await finish(folder, leaf, target, removed.includes(leaf));
  for (const [each, bytes] of expected) {
    assertBytesEqual(await contents(folder, each), bytes, `merged again, ${each}`);
  }
  // Nothing refers any more to what a crash has left behind of the others.
  const kept = namesIn(folder).filter((each) => !removed.includes(each));
  assertEquals(kept, [...files.keys()].filter((each) => !removed.includes(each)));
}

/** Once one of the merged files is gone, no other is left that opens, but holds what no disk ever held. */
async function assertNothingStale(
  folder: SimulatedFolder,
  removed: readonly string[],
  disks: readonly Uint8Array[],
): Promise<void> {
  const left = namesIn(folder).filter((name) => removed.includes(name));
  if (left.length === removed.length) return;
  for (const name of left) {
    const bytes = await contents(folder, name).catch((error) => {
      assert(error instanceof VirtualDiskError, String(error));
      assertEquals(error.symbol, "ERROR_VHD_PARENT_VHD_NOT_FOUND");
    });
    const isKnown = bytes === undefined || disks.some((disk) => equal(disk, bytes));
    assert(isKnown, `${name} is left, and reads as no disk did`);
  }
}

/** What a user does who looks at the chain that is there. */
async function finish(
  folder: SimulatedFolder,
  leaf: string,
  target: string,
  takesLeaf: boolean,
): Promise<void> {
  const sourceDepth = takesLeaf ? 1 : 2;
  const targetDepth = 2 + (await parentsOf(folder, leaf)).indexOf(target);
  assert(targetDepth >= 2, "the target is no longer in the chain");
  if (targetDepth > sourceDepth) await mergeAndRemove(folder, leaf, { sourceDepth, targetDepth });
}

async function mergeAndRemove(folder: SimulatedFolder, leaf: string, options: MergeOptions) {
  using disk = await open(folder, leaf, false);
  return await disk.merge({ ...options, removeChild: true });
}

async function parentsOf(folder: SimulatedFolder, name: string): Promise<string[]> {
  using disk = await open(folder, name, true);
  return disk.parents.map((path) => nameIn(folder, path));
}

async function contents(folder: SimulatedFolder, name: string): Promise<Uint8Array> {
  using disk = await open(folder, name, true);
  const bytes = new Uint8Array(disk.getInformation("size").virtualSize);
  disk.readSync(bytes, 0);
  return bytes;
}

function open(
  folder: SimulatedFolder,
  name: string,
  readOnly: boolean,
): Promise<PortableVirtualDisk> {
  return openVirtualDisk(folder.file(name), { readOnly, backend: "portable" });
}

function equal(first: Uint8Array, second: Uint8Array): boolean {
  return Buffer.compare(first, second) === 0;
}

function namesIn(folder: SimulatedFolder): string[] {
  return [...folder.files().keys()];
}

function nameIn(folder: SimulatedFolder, path: string): string {
  return path.slice(folder.path.length + 1);
}
