/** What is done to VHDX images while they crash. Blocks have 1 MiB (2048 sectors), as few as can be. */
import { assertEquals } from "@std/assert";
import { NIL_GUID } from "../../src/bytes/guid.ts";
import type { ByteSource } from "../../src/portable/file/byte_source.ts";
import type { ImageSpec } from "../../src/portable/image/image.ts";
import { readCurrentHeader } from "../../src/portable/vhdx/header.ts";
import {
  descriptorsFromLast,
  type LogEntry,
  LogRing,
  readLogEntry,
} from "../../src/portable/vhdx/log_entry.ts";
import { ReplayedSource, ReplayOverlay } from "../../src/portable/vhdx/replayed_source.ts";
import { openVhdx } from "../../src/portable/vhdx/image.ts";
import { openWritableVhdx } from "../../src/portable/vhdx/writable_image.ts";
import { Random } from "../fuzz/random.ts";
import { pattern } from "../support.ts";
import { BAT, MIB, vhdxSpec } from "../portable/vhdx/vhdx_builder.ts";
import { createVhdxIn, newImage } from "./formats.ts";
import { observe } from "./observation.ts";
import { type Format, randomSteps, runSteps, type Scenario, type Step } from "./scenario.ts";
import type { SparseFile } from "./sparse_file.ts";

export const VHDX: Format = {
  changesIdentifier: true,
  open: openVhdx,
  openWritable: openWritableVhdx,
};

/** As with `atomicSectors`. */
export const ATOMIC_VHDX: Format = {
  ...VHDX,
  keepsSectorsWhole: true,
  checkLeft: checkOlderEntries,
  openWritable: (source) => {
    const image = openWritableVhdx(source);
    image.keepSectorsWhole?.();
    return image;
  },
};

const PAGE = 4096;
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

/** So often overwritten and flushed, in blocks that are there, that the log goes around. */
const OVERWRITES: readonly Step[] = Array.from({ length: 12 }, (_, i): Step[] => [
  ["write", (i % 3) * BLOCK + 8 * (i % 4), 8 * (1 + i % 5)],
  ["write", 2 * BLOCK - 80, 160],
  ...(i % 4 === 0 ? [["trim", (i % 3) * BLOCK, BLOCK]] as const : []),
  ...(i % 2 === 0 ? [["flush"]] as const : []),
  ...(i % 5 === 0 ? [["abandon"]] as const : []),
]).flat();

/** Scenarios of VHDX images with sectors of 4096 bytes. */
export const LARGE_SECTOR_SCENARIOS: readonly Scenario[] =
  (["fixed", "dynamic", "differencing"] as const).flatMap((subtype) => {
    const spec = { subtype, logicalSectorSize: 4096, virtualSize: 6 * MIB } as const;
    const common = { format: VHDX, base: () => used(spec), qemuLacks: qemuLacks(spec) };
    return [
      { ...common, title: `sectors of 4 KiB of a ${subtype} VHDX`, steps: OVERWRITES },
      {
        ...common,
        title: `sectors of 4 KiB of a ${subtype} VHDX and random operations`,
        steps: randomSteps(new Random(9), 40, { sectors: 6 * BLOCK, blockSectors: BLOCK, unit: 8 }),
      },
    ];
  });

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
  ...(["fixed", "dynamic", "differencing"] as const).map((subtype): Scenario => ({
    title: `zeros in a ${subtype} VHDX`,
    format: VHDX,
    base: () => used({ subtype, virtualSize: 6 * MIB }),
    steps: [
      ["zero", 8, 8],
      ["flush"],
      ["trim", 2 * BLOCK, BLOCK],
      ["zero", 2 * BLOCK + 8, 16],
      ["write", 16, 40],
      ["zero", BLOCK - 80, 2 * BLOCK],
      ["write", BLOCK + 8, 16],
      ["flush"],
      ["zero", 0, 4 * BLOCK],
      ["abandon"],
      ["write", 3 * BLOCK, 8],
    ],
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

/** Some readers replay entries that are no longer needed, too (QEMU, DiscUtils): the disk is the same then. */
function checkOlderEntries(source: ByteSource): void {
  const header = readCurrentHeader(source);
  if (header.logGuid === NIL_GUID) return;
  const ring = new LogRing(source, header);
  const entries: LogEntry[] = [];
  for (let position = 0; position < ring.length; position += PAGE) {
    const entry = readLogEntry(ring, position);
    if (entry !== undefined) entries.push(entry);
  }
  entries.sort((a, b) => Number(a.sequenceNumber - b.sequenceNumber));
  const overlay = new ReplayOverlay();
  for (const entry of entries.reverse()) {
    for (const descriptor of descriptorsFromLast(ring, entry)) {
      overlay.addPage(descriptor.targetOffset, descriptor);
    }
  }
  const replayed = new ReplayedSource(source, overlay, source.size);
  assertEquals(observe(openVhdx(replayed)).versions, observe(openVhdx(source)).versions);
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
