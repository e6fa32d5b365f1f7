/**
 * A crash while a merge removes what it has merged: at each moment the disk opens by the name of its leaf and
 * reads as before, or the leaf is gone and the target reads so. Merging what is left ends right.
 */
import { Buffer } from "node:buffer";
import { assert, assertEquals, assertGreater, assertRejects } from "@std/assert";
import { type MergeOptions, VirtualDiskError } from "@virtdisk/virtdisk";
import { Random } from "../fuzz/random.ts";
import { assertBytesEqual, testWith } from "../support.ts";
import { everySo, explored, sampled, sampledBound } from "../sampling.ts";
import { folderStates } from "./folder_states.ts";
import { type Files, SimulatedFolder } from "./simulated_folder.ts";
import { chainFiles, KINDS, openIn, readIn } from "./simulated_images.ts";

const SEED = 53;
/** Random subsets of the unflushed changes for each crash point. */
const SAMPLES = { vhd: 3, vhdx: 1 } as const;

/** The chain's length, and what is merged of it. */
const MERGES: readonly (readonly [length: number, MergeOptions, what: string])[] = [
  [2, {}, "a child into its base"],
  [4, { depth: 2 }, "a child and its parent into another child"],
  [4, { sourceDepth: 2 }, "a disk in the middle of a chain"],
  [4, { sourceDepth: 2, targetDepth: 4 }, "two disks in the middle of a chain"],
];

for (const [k, kind] of KINDS.entries()) {
  for (const [i, [length, options, what]] of MERGES.entries()) {
    testWith(
      everySo(2, i + k),
      `merging and removing ${what} (${kind.type}) loses nothing, whenever it crashes`,
      async () => {
        const files = chainFiles(kind, length);
        const leaf = `${length - 1}.${kind.type}`;
        using folder = new SimulatedFolder(files);
        const disk = await readIn(folder, leaf);
        const { path, merged } = await mergeAndRemove(folder, leaf, options);
        const target = nameIn(folder, path);
        const removed = merged.map((each) => nameIn(folder, each));
        const expected = new Map([[target, await readIn(folder, target)]]);
        if (folder.files().has(leaf)) expected.set(leaf, disk);
        else assertBytesEqual(expected.get(target)!, disk, target);
        assertEquals(namesIn(folder), [...files.keys()].filter((name) => !removed.includes(name)));
        let states = 0;
        for (const state of sampled(folderStates(folder, new Random(SEED), SAMPLES[kind.type]))) {
          states++;
          try {
            await checkState(state.files, { leaf, target, removed, disk, expected });
          } catch (error) {
            const reason = error instanceof Error ? error.message : String(error);
            const where = `step ${state.point} of ${folder.steps.length}`;
            throw new Error(`${where}: ${reason}\n${state.description()}`, { cause: error });
          }
        }
        for (const { files } of folderStates(folder, new Random(SEED), 5, folder.steps.length)) {
          states++;
          assertEquals(removed.filter((name) => files.has(name)), [], "removed, and back");
        }
        explored(`merging and removing ${what} (${kind.type})`, { "crash states": states });
        assertGreater(states, sampledBound(folder.steps.length));
      },
    );
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
  assertBytesEqual(await readIn(folder, name), disk, name);
  await assertNothingStale(folder, removed, [disk, ...expected.values()]);
  if (files.has(leaf)) await finish(folder, leaf, target, removed);
  for (const [each, bytes] of expected) {
    assertBytesEqual(await readIn(folder, each), bytes, `merged again, ${each}`);
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
    const bytes = await readIn(folder, name).catch((error) => {
      assert(error instanceof VirtualDiskError, String(error));
      assertEquals(error.symbol, "ERROR_VHD_PARENT_VHD_NOT_FOUND");
    });
    const isKnown = bytes === undefined || disks.some((disk) => equal(disk, bytes));
    assert(isKnown, `${name} is left, and reads as no disk did`);
  }
}

/** What a user does who looks at the chain that is there: removes the others of the merged, and goes on. */
async function finish(
  folder: SimulatedFolder,
  leaf: string,
  target: string,
  removed: readonly string[],
): Promise<void> {
  const sourceDepth = removed.includes(leaf) ? 1 : 2;
  const chain = [leaf, ...await parentsOf(folder, leaf)];
  const targetDepth = 1 + chain.indexOf(target);
  assert(targetDepth >= 1, "the target is no longer in the chain");
  const merge = () => mergeAndRemove(folder, leaf, { sourceDepth, targetDepth });
  const others = removed.filter((name) => namesIn(folder).includes(name) && !chain.includes(name));
  if (targetDepth <= sourceDepth) return;
  if (others.length > 0) {
    // Whoever does not look is told.
    const error = await assertRejects(merge, VirtualDiskError, others[0]);
    assertEquals(error.symbol, "ERROR_VHD_INVALID_STATE");
    for (const name of others) Deno.removeSync(folder.file(name));
  }
  await merge();
}

async function mergeAndRemove(folder: SimulatedFolder, leaf: string, options: MergeOptions) {
  using disk = await openIn(folder, leaf, false);
  return await disk.merge({ ...options, removeChild: true });
}

async function parentsOf(folder: SimulatedFolder, name: string): Promise<string[]> {
  using disk = await openIn(folder, name, true);
  return disk.parents.map((path) => nameIn(folder, path));
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
