/**
 * A crash while a partitioned disk is given another size, file and backup of its GPT together: the disk has
 * the old size or the new one, other programs find its partitions and all that is in them, and the same
 * resize ends as one that was never cut short.
 */
import { assert, assertEquals, assertGreater } from "@std/assert";
import type { ImageSpec } from "../../src/portable/image/image.ts";
import { contentsOf } from "../images.ts";
import { Random } from "../fuzz/random.ts";
import type { MemoryDisk } from "../portable/partitions/partition_builder.ts";
import { MIB } from "../portable/vhdx/vhdx_builder.ts";
import { assertBytesEqual, testWith } from "../support.ts";
import { everySo, explored, sampled, sampledBound } from "../sampling.ts";
import { crashStates } from "./crash_states.ts";
import { foundEntries, isWhole, seenBytes } from "./gpt_oracle.ts";
import { type Files, SimulatedFolder } from "./simulated_folder.ts";
import {
  type Kind,
  KINDS,
  openIn,
  partitioned,
  partitionedFile,
  PARTITIONS,
} from "./simulated_images.ts";
import { SparseFile } from "./sparse_file.ts";
import { SECTOR } from "./stamp.ts";

const SEED = 47;
const K4 = 4096;

interface Case {
  readonly title: string;
  readonly files: () => Files;
  /** The file that is resized. */
  readonly name: string;
  readonly from: number;
  readonly size: number;
  /** Random subsets of the unflushed changes for each crash point. */
  readonly samples: number;
  /** Whether the file too is the same in the end: where neither chance nor the way to it has a say in it. */
  readonly hasSameFile?: boolean;
}

const [VHD, VHDX] = KINDS as [Kind, Kind];

/** A disk with a GPT, but for the primary table. */
function damaged(size: number): MemoryDisk {
  const disk = partitioned(size);
  disk.bytes.fill(0xff, SECTOR, 34 * SECTOR);
  return disk;
}

function vhd(spec: Partial<ImageSpec>, from: number, to: number, make = partitioned): Case {
  return {
    title: `a ${spec.subtype} VHD ${stateOf(make)}from ${from} to ${to} bytes`,
    files: () => partitionedFile(VHD, spec, make(from)),
    name: "disk.vhd",
    from,
    size: to,
    samples: 4,
  };
}

function vhdx(spec: Partial<ImageSpec>, from: number, to: number, make = partitioned): Case {
  return {
    title: `a ${spec.subtype} VHDX ${stateOf(make)}from ${from} to ${to} bytes`,
    files: () => partitionedFile(VHDX, spec, make(from)),
    name: "disk.vhdx",
    from,
    size: to,
    samples: 1,
  };
}

/** All of the disk is in the parent; what the resize writes is in the child. */
function child(from: number, to: number): Case {
  const title = `a differencing VHDX from ${from} to ${to} bytes`;
  const files = () => {
    const [[, base]] = [...vhdx({ subtype: "dynamic" }, from, to).files()] as [
      [string, SparseFile],
    ];
    const { identifier } = VHDX.format.open(base);
    const parent = {
      identifier: identifier!,
      relativePath: ".\\base.vhdx",
      absolutePath: undefined,
    };
    const leaf = VHDX.create({ subtype: "differencing", parent, virtualSize: from });
    return new Map([["child.vhdx", leaf], ["base.vhdx", base]]);
  };
  return { title, files, name: "child.vhdx", from, size: to, samples: 1 };
}

function raw(from: number, to: number, make = partitioned): Case {
  return {
    title: `a raw disk ${stateOf(make)}from ${from} to ${to} bytes`,
    files: () => new Map([["disk.raw", SparseFile.of(make(from).bytes)]]),
    name: "disk.raw",
    from,
    size: to,
    samples: 10,
    hasSameFile: true,
  };
}

function stateOf(make: typeof partitioned): string {
  return make === damaged ? "with a damaged table " : "";
}

const SMALL = 400 * SECTOR;
const CASES: readonly Case[] = [
  { ...vhd({ subtype: "fixed", blockSize: 0 }, SMALL, SMALL + 77 * SECTOR), hasSameFile: true },
  // The new backup overlaps the former one.
  { ...vhd({ subtype: "fixed", blockSize: 0 }, SMALL, SMALL + 5 * SECTOR), hasSameFile: true },
  vhd({ subtype: "dynamic" }, SMALL, SMALL + 130 * SECTOR),
  vhd({ subtype: "dynamic" }, SMALL, SMALL + 5 * SECTOR),
  // The table outgrows the sectors that it has, and blocks move.
  vhd({ subtype: "dynamic" }, SMALL, 900 * K4),
  vhdx({ subtype: "dynamic" }, MIB, 2 * MIB + K4),
  vhdx({ subtype: "dynamic" }, 3 * MIB + K4, (PARTITIONS.end + 40) * SECTOR),
  vhdx({ subtype: "dynamic" }, SMALL + 5 * SECTOR, SMALL),
  vhdx({ subtype: "fixed" }, MIB, 2 * MIB + K4),
  vhdx({ subtype: "fixed" }, 2 * MIB + K4, SMALL),
  child(MIB, 2 * MIB + K4),
  child(2 * MIB + K4, SMALL),
  raw(SMALL, SMALL + 77 * SECTOR),
  raw(SMALL, SMALL + 5 * SECTOR),
  raw(SMALL + 77 * SECTOR, SMALL),
  vhd({ subtype: "dynamic" }, SMALL, SMALL + 130 * SECTOR, damaged),
  vhdx({ subtype: "dynamic" }, MIB, 2 * MIB + K4, damaged),
  vhdx({ subtype: "dynamic" }, SMALL + 5 * SECTOR, SMALL, damaged),
  raw(SMALL, SMALL, damaged),
  raw(SMALL, SMALL + 5 * SECTOR, damaged),
  raw(SMALL + 77 * SECTOR, SMALL, damaged),
];

for (const [i, each] of CASES.entries()) {
  testWith(
    everySo(2, i),
    `resizing ${each.title} keeps its partitions, whenever it crashes`,
    async () => {
      const { name, size, samples } = each;
      const files = each.files();
      const sizes = [each.from, size];
      using folder = new SimulatedFolder(files);
      const expected = await resized(each, folder);
      assertEquals(expected.length, size);
      assert(isWhole(seenBytes(expected)));
      assertPartitions(expected);
      const { base, changes } = folder.recorded(name);
      let states = 0;
      for (const state of sampled(crashStates(base, changes, new Random(SEED), samples))) {
        states++;
        try {
          await checkState(each, new Map([...files, [name, state.file]]), sizes, {
            disk: expected,
            file: folder.recorded(name).contents(),
          });
        } catch (error) {
          const reason = error instanceof Error ? error.message : String(error);
          throw new Error(
            `change ${state.point} of ${changes.length}: ${reason}\n${state.description()}`,
            { cause: error },
          );
        }
      }
      explored(`resizing ${each.title}`, { "crash states": states });
      assertGreater(states, sampledBound(changes.length));
    },
  );
}

/** What a crash left is sound; and comes to the same end. */
async function checkState(
  each: Case,
  files: Files,
  sizes: readonly number[],
  expected: { readonly disk: Uint8Array; readonly file: SparseFile },
): Promise<void> {
  using folder = new SimulatedFolder(files);
  {
    using disk = await openIn(folder, each.name, true);
    const bytes = contentsOf(disk);
    assert(sizes.includes(bytes.length), `the disk has ${bytes.length} bytes`);
    assertPartitions(bytes);
  }
  assertEquals(folder.steps.length, 0, "a reader wrote");
  assertBytesEqual(await resized(each, folder), expected.disk, "resized again, the disk");
  if (each.hasSameFile !== true) return;
  assertBytesEqual(
    folder.recorded(each.name).contents().bytes(),
    expected.file.bytes(),
    "resized again, the file",
  );
}

/** Other programs find both partitions, and what is in them. */
function assertPartitions(disk: Uint8Array): void {
  const table = partitioned((PARTITIONS.end + 40) * SECTOR);
  const entries = foundEntries(seenBytes(disk));
  assert(entries !== undefined, "no sound table where one is looked for");
  assertBytesEqual(entries, table.bytes.subarray(2 * SECTOR, 34 * SECTOR), "the table");
  const [start, end] = [PARTITIONS.first * SECTOR, PARTITIONS.end * SECTOR];
  assertBytesEqual(disk.subarray(start, end), table.bytes.subarray(start, end), "the partitions");
}

/** Resizes; gives what the disk then holds. */
async function resized(each: Case, folder: SimulatedFolder): Promise<Uint8Array> {
  using disk = await openIn(folder, each.name, false);
  await disk.resize(each.size);
  const bytes = contentsOf(disk);
  disk.close();
  using again = await openIn(folder, each.name, true);
  assertBytesEqual(contentsOf(again), bytes, "opened again, the disk");
  return bytes;
}
