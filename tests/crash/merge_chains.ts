/** Chains that are merged while they crash: of different blocks and sizes, into a base or into a child. */
import type { ImageSpec, ParentSpec } from "../../src/portable/image/image.ts";
import { Random } from "../fuzz/random.ts";
import { MIB } from "../portable/vhdx/vhdx_builder.ts";
import { addItems } from "./disk_items.ts";
import { type Format, randomSteps, runSteps, type Step } from "./scenario.ts";
import type { SparseFile } from "./sparse_file.ts";
import { SECTOR } from "./stamp.ts";

const SEED = 31;

/** Files of a chain, the leaf first; the last is the target. */
export type Files = SparseFile[];

/** The sizes of the disks and blocks of a chain, the base first. */
export interface Shape {
  /** Of the base. */
  readonly subtype: "fixed" | "dynamic";
  /** Whether the base is not the target, but its parent. */
  readonly isDeeper?: boolean;
  readonly disks: readonly { readonly virtualSize: number; readonly blockSize: number }[];
}

const K4 = 4096;
export const VHD_SHAPES: readonly Shape[] = [
  { subtype: "dynamic", disks: both(10 * K4, K4, K4) },
  { subtype: "dynamic", disks: both(10 * K4 + 2048, 2 * K4, K4, 2 * K4) },
  { subtype: "fixed", disks: both(10 * K4, 0, K4) },
  { subtype: "dynamic", isDeeper: true, disks: both(10 * K4, 2 * K4, K4, 2 * K4) },
  { subtype: "fixed", isDeeper: true, disks: both(10 * K4 + 2048, 0, 2 * K4, K4, 2 * K4) },
];
export const VHDX_SHAPES: readonly Shape[] = [
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
  { subtype: "dynamic", isDeeper: true, disks: both(4 * MIB, 2 * MIB, MIB, 2 * MIB) },
  { subtype: "fixed", isDeeper: true, disks: both(4 * MIB, MIB, 2 * MIB, MIB, 2 * MIB) },
  // What the larger child shows behind the target's end is not in the base, though that has it.
  {
    subtype: "dynamic",
    isDeeper: true,
    disks: [
      { virtualSize: 6 * MIB, blockSize: 2 * MIB },
      { virtualSize: 3 * MIB, blockSize: MIB },
      { virtualSize: 5 * MIB, blockSize: MIB },
    ],
  },
];

function both(virtualSize: number, ...blockSizes: number[]): Shape["disks"] {
  return blockSizes.map((blockSize) => ({ virtualSize, blockSize }));
}

/** How large the disk below the target is, where there is one. */
export function baseSizeOf({ isDeeper = false, disks }: Shape): number | undefined {
  return isDeeper ? disks[0]!.virtualSize : undefined;
}

/** For titles. */
export function describeShape({ subtype, isDeeper = false, disks }: Shape): string {
  const sizes = disks.map(({ virtualSize, blockSize }) => `${virtualSize}/${blockSize}`);
  return `${subtype}, ${sizes.join(" <- ")}${isDeeper ? ", the second is the target" : ""}`;
}

/** A chain with random contents, the leaf first; where the base is not the target, it is there too. */
export function chainOf(
  format: Format,
  { subtype, isDeeper = false, disks }: Shape,
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
    // Whatever of it shows where it should not is noticed.
    const everywhere: Step[] = isDeeper && depth === 0 ? [["write", 0, virtualSize / SECTOR]] : [];
    runSteps(format, file, [...everywhere, ...steps], 100 + 1000 * depth, {});
    addItems(format, file, depth);
    files.unshift(file);
  }
  return files;
}
