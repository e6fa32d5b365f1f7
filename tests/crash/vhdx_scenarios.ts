/** What is done to VHDX images while they crash. Blocks have 1 MiB (2048 sectors), as few as can be. */
import type { ImageSpec } from "../../src/portable/image_spec.ts";
import { openVhdx } from "../../src/portable/vhdx/vhdx_image.ts";
import { openWritableVhdx } from "../../src/portable/vhdx/writable_vhdx.ts";
import { Random } from "../fuzz/random.ts";
import { pattern } from "../support.ts";
import { BAT, MIB, vhdxSpec } from "../portable/vhdx/vhdx_builder.ts";
import { createVhdxIn, newImage } from "./formats.ts";
import { type Format, randomSteps, runSteps, type Scenario, type Step } from "./scenario.ts";
import type { SparseFile } from "./sparse_file.ts";

export const VHDX: Format = {
  changesIdentifier: true,
  open: openVhdx,
  openWritable: openWritableVhdx,
};

const BLOCK = MIB / 512;
const NEW_ID = "89abcdef-0123-4567-89ab-cdef01234567";
const ITEMS = [
  "aaaaaaaa-0000-0000-0000-000000000001",
  "aaaaaaaa-0000-0000-0000-000000000002",
] as const;
/** Of the data in earlier lives, apart from those that the scenarios write. */
const EARLIER = 900_000;
/** More than fits into one entry of the log. */
const LARGE_ITEM = MIB;

const STEPS: readonly Step[] = [
  ["write", 8, 16],
  ["flush"],
  ["write", 16, 8],
  ["write", BLOCK - 8, 24],
  ["flush"],
  ["trim", 0, BLOCK],
  ["write", 3 * BLOCK, 8],
  ["flush"],
  ["write", 5 * BLOCK + 80, 40],
  ["reopen"],
  ["write", 6 * BLOCK + 80, 40],
  ["write", 160, 8],
  ["abandon"],
  ["write", 168, 8],
  ["flush"],
  ["abandon"],
  ["trim", BLOCK, BLOCK],
  ["write", BLOCK + 160, 8],
  ["flush"],
  ["write", 0, BLOCK],
];

const METADATA_STEPS: readonly Step[] = [
  ["setItem", ITEMS[0], pattern(100)],
  ["virtualDiskId", NEW_ID],
  ["setItem", ITEMS[1], new Uint8Array()],
  ["flush"],
  ["setItem", ITEMS[0], pattern(5000, 1)],
  ["physicalSectorSize", 512],
  ["deleteItem", ITEMS[1]],
  ["reopen"],
  ["setItem", ITEMS[1], pattern(20, 2)],
  ["write", 8, 8],
  ["deleteItem", ITEMS[0]],
  ["flush"],
  ["setItem", ITEMS[0], pattern(70_000, 3)],
];

/** So many small changes that the log goes around. */
const LONG_STEPS: readonly Step[] = Array.from({ length: 60 }, (_, i): Step[] => [
  ["write", (i % 8) * BLOCK + 8 * (i % 11), 8],
  ["flush"],
  ["trim", ((i + 5) % 8) * BLOCK, BLOCK],
  ["flush"],
]).flat();

/** Scenarios of VHDX images. */
export const VHDX_SCENARIOS: readonly Scenario[] = [
  scenario("fixed", { subtype: "fixed", virtualSize: 6 * MIB }),
  scenario("dynamic", { subtype: "dynamic" }),
  scenario("dynamic, 4 KiB sectors,", { subtype: "dynamic", logicalSectorSize: 4096 }),
  scenario("differencing", { subtype: "differencing" }),
  random("dynamic", 1, { subtype: "dynamic" }),
  random("differencing", 2, { subtype: "differencing" }),
  random("differencing, 4 KiB sectors,", 3, { subtype: "differencing", logicalSectorSize: 4096 }),
  ...(["dynamic", "differencing"] as const).map((subtype): Scenario => ({
    title: `the metadata of a ${subtype} VHDX`,
    format: VHDX,
    base: () => used({ subtype }),
    steps: METADATA_STEPS,
    qemuLacks: qemuLacks({ subtype }),
  })),
  {
    title: "a VHDX with bits of blocks that it no longer has",
    format: VHDX,
    base: withStaleBits,
    qemuLacks: "parents",
    steps: [["write", 3 * BLOCK - 3, 1], ["flush"], ["write", 30, 1], ["write", 3 * BLOCK + 3, 9]],
  },
  {
    title: "a large metadata item of a VHDX",
    format: VHDX,
    base: () => create({}),
    steps: [
      ["setItem", ITEMS[0], pattern(LARGE_ITEM)],
      ["flush"],
      ["setItem", ITEMS[1], pattern(LARGE_ITEM / 2)],
      ["deleteItem", ITEMS[0]],
    ],
    percent: 2,
  },
  ...(["dynamic", "differencing"] as const).map((subtype): Scenario => ({
    title: `the log of a ${subtype} VHDX going around`,
    format: VHDX,
    base: () => create({ subtype }),
    steps: LONG_STEPS,
    percent: 8,
    qemuLacks: qemuLacks({ subtype }),
  })),
];

function scenario(name: string, spec: Partial<ImageSpec>): Scenario {
  return {
    title: `a ${name} VHDX`,
    format: VHDX,
    base: () => create(spec),
    steps: STEPS,
    qemuLacks: qemuLacks(spec),
  };
}

function random(name: string, seed: number, spec: Partial<ImageSpec>): Scenario {
  const unit = (spec.logicalSectorSize ?? 512) / 512;
  return {
    title: `a ${name} VHDX and random operations (${seed})`,
    format: VHDX,
    base: () => used(spec),
    steps: randomSteps(new Random(seed), 40, { sectors: 8 * BLOCK, blockSectors: BLOCK, unit }),
    qemuLacks: qemuLacks(spec),
  };
}

function qemuLacks({ subtype, logicalSectorSize }: Partial<ImageSpec>): string | undefined {
  if (logicalSectorSize === 4096) return "sectors of 4 KiB";
  return subtype === "differencing" ? "parents" : undefined;
}

function create(spec: Partial<ImageSpec>): SparseFile {
  return newImage(createVhdxIn, vhdxSpec(spec));
}

/** An image that has data already. */
function used(spec: Partial<ImageSpec>): SparseFile {
  const file = create(spec);
  runSteps(VHDX, file, [["write", 16, 24], ["write", 3 * BLOCK - 8, 16]], EARLIER, {});
  return file;
}

/** Blocks 0, 2 and 3 are the parent's again, but their bits in the bitmap are still set. */
function withStaleBits(): SparseFile {
  const file = used({ subtype: "differencing" });
  for (const block of [0, 2, 3]) file.writeAt(new Uint8Array(8), BAT + 8 * block);
  return file;
}
