/** A crash while a disk is given another size leaves the old size or the new one, and all of its data. */
import { assertEquals, assertGreater } from "@std/assert";
import { checkFile } from "../../src/portable/operations/check.ts";
import type { WritableSource } from "../../src/portable/file/byte_source.ts";
import type { DiskImage, ImageSpec } from "../../src/portable/image/image.ts";
import { findFooter } from "../../src/portable/vhd/footer_search.ts";
import { resizeVhd } from "../../src/portable/vhd/resize.ts";
import { resizeVhdx } from "../../src/portable/vhdx/resize.ts";
import { Random } from "../fuzz/random.ts";
import { vhdSpec } from "../portable/vhd/vhd_builder.ts";
import { MIB, vhdxSpec } from "../portable/vhdx/vhdx_builder.ts";
import { assertBytesEqual, testWith } from "../support.ts";
import { everySo, explored, sampled, sampledBound } from "../sampling.ts";
import { type CrashState, crashStates } from "./crash_states.ts";
import { createVhdIn, createVhdxIn, newImage } from "./formats.ts";
import { type Observation, observe } from "./observation.ts";
import { RecordingSource } from "./recording_source.ts";
import { type Format, runSteps, type Step } from "./scenario.ts";
import type { SparseFile } from "./sparse_file.ts";
import { PARENT, SECTOR, stamped, ZEROS } from "./stamp.ts";
import { VHD } from "./vhd_scenarios.ts";
import { VHDX } from "./vhdx_scenarios.ts";

const SEED = 23;
const SAMPLES = 12;
const FIRST_VERSION = 700;
const PROBE_VERSION = 9_000;

interface Resizing {
  readonly title: string;
  readonly format: Format;
  readonly base: () => SparseFile;
  readonly size: number;
  /** Of the parent, which is stamped throughout. */
  readonly parentSize?: number;
  /** What it is resized to, where that is more than a test can look at. */
  readonly target?: number;
  /** Whether the file too ends the same: where it has no order in which it came about. */
  readonly hasSameFile?: boolean;
}

const RESIZINGS: readonly Resizing[] = [
  vhd("fixed", 8 * 4096, 100 * 4096),
  vhd("fixed", 8 * 4096, 8 * 4096 + 512),
  vhd("fixed", 10 * 4096 + 1536, 77 * 512 + 10 * 4096),
  vhd("dynamic", 10 * 4096, 12 * 4096),
  vhd("dynamic", 10 * 4096 + 2048, 11 * 4096 + 512),
  // The table outgrows the sectors that it has, and blocks move.
  vhd("dynamic", 10 * 4096 + 2048, 900 * 4096),
  {
    title: "growing an empty dynamic VHD",
    format: VHD,
    base: () => newImage(createVhdIn, vhdSpec({ blockSize: 4096, virtualSize: 4096 })),
    size: 700 * 4096,
  },
  vhdx("dynamic", 8 * MIB, 11 * MIB + 4096),
  vhdx("dynamic", 7 * MIB + 8192, 9 * MIB),
  // Needs a longer table: the region moves.
  {
    ...vhdx("dynamic", 8 * MIB, 9 * MIB),
    title: "growing a dynamic VHDX beyond its block allocation table",
    format: {
      ...VHDX,
      open: (file) => limited(VHDX.open(file), 9 * MIB),
      openWritable: (file) => limited(VHDX.openWritable(file), 9 * MIB),
    },
    target: 150_000 * MIB,
  },
  vhdx("dynamic", 8 * MIB, 5 * MIB + 4096),
  vhdx("dynamic", 8 * MIB, 4096),
  vhdx("fixed", 6 * MIB, 8 * MIB + 512),
  vhdx("fixed", 6 * MIB, 2 * MIB + 512),
  vhdx("differencing", 8 * MIB, 10 * MIB),
  vhdx("differencing", 6 * MIB + 4096, 9 * MIB, { parentSize: 8 * MIB }),
  vhdx("differencing", 8 * MIB, 3 * MIB + 512),
  ...(["dynamic", "fixed", "differencing"] as const).map((subtype): Resizing => {
    const shrunk = vhdx(subtype, 8 * MIB, 5 * MIB + 4096, { parentSize: 8 * MIB });
    return {
      ...shrunk,
      title: `growing a ${subtype} VHDX that was larger before`,
      base: () => {
        const file = shrunk.base();
        resize(shrunk, file);
        return file;
      },
      size: 8 * MIB,
    };
  }),
];

for (const [i, resizing] of RESIZINGS.entries()) {
  testWith(
    everySo(2, i),
    `${resizing.title} leaves the old size or the new one, whenever it crashes`,
    async () => {
      const { format, size } = resizing;
      const base = resizing.base();
      const before = observe(format.open(base));
      const recording = new RecordingSource<never>(base);
      resize(resizing, recording);
      format.checkClosed?.(recording);
      const after = observe(format.open(recording));
      assertEquals(after.versions.length, size / SECTOR);
      checkData(resizing, before, after);
      let states = 0;
      const random = new Random(SEED);
      for (const state of sampled(crashStates(base, recording.changes, random, SAMPLES))) {
        states++;
        try {
          await checkState(resizing, before, { disk: after, file: recording }, state, random);
        } catch (error) {
          const reason = error instanceof Error ? error.message : String(error);
          throw new Error(
            `seed ${SEED}, change ${state.point} of ${recording.changes.length}: ${reason}\n` +
              state.description(),
            { cause: error },
          );
        }
      }
      explored(`${resizing.title}`, { "crash states": states });
      assertGreater(states, sampledBound(recording.changes.length));
    },
  );
}

/** It opens; holds what it held; can be written to, and is sound then; and comes to the new size when asked again. */
async function checkState(
  resizing: Resizing,
  before: Observation,
  whole: { readonly disk: Observation; readonly file: RecordingSource<never> },
  { file }: CrashState,
  random: Random,
): Promise<void> {
  const { format } = resizing;
  checkData(resizing, before, observe(format.open(file)));
  format.checkLeft?.(file);
  const written = file.fork();
  const image = format.openWritable(written);
  const sectors = image.virtualSize / SECTOR;
  const unit = image.logicalSectorSize / SECTOR;
  const probe = random.below(sectors / unit) * unit;
  const expected = observe(image).versions.slice();
  image.write(stamped(probe, unit, PROBE_VERSION), probe * SECTOR);
  image.finish();
  expected.fill(PROBE_VERSION, probe, probe + unit);
  assertEquals(observe(format.open(written)).versions, expected);
  format.checkClosed?.(written);
  const { sound, findings } = await checkFile(written, undefined, {}, () => {});
  assertEquals(sound, true, JSON.stringify(findings));
  const resumed = file.fork();
  format.openWritable(resumed).finish();
  resize(resizing, resumed);
  format.checkClosed?.(resumed);
  const seen = observe(format.open(resumed));
  assertEquals(seen.versions, whole.disk.versions);
  if (resizing.hasSameFile) assertBytesEqual(resumed.bytes(), whole.file.contents().bytes());
}

/** What was there before is there; everything else is zeros. */
function checkData(
  { size, parentSize = 0 }: Resizing,
  before: Observation,
  { versions }: Observation,
): void {
  const old = before.versions.length;
  if (versions.length !== old && versions.length !== size / SECTOR) {
    throw new Error(`the disk has ${versions.length} sectors`);
  }
  for (let i = 0; i < versions.length; i++) {
    const beyondParent = i * SECTOR >= parentSize && versions[i] === PARENT;
    const expected = i < old ? before.versions[i] : ZEROS;
    if (versions[i] === expected || i >= old && beyondParent) continue;
    throw new Error(`sector ${i} is version ${versions[i]}, expected ${expected}`);
  }
}

function resize(
  { format, size, target = size, parentSize = 0 }: Resizing,
  file: WritableSource,
): void {
  if (format === VHD) return resizeVhd(file, target);
  return resizeVhdx(file, { virtualSize: target, parentSize });
}

/** The first bytes of a disk that is too large to look at. */
function limited<T extends DiskImage>(image: T, size: number): T {
  return new Proxy(image, {
    get(target, key) {
      if (key === "virtualSize") return Math.min(target.virtualSize, size);
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

function vhd(subtype: "fixed" | "dynamic", from: number, to: number): Resizing {
  const blockSize = subtype === "fixed" ? 0 : 4096;
  return {
    title: `growing a ${subtype} VHD from ${from} to ${to} bytes`,
    format: VHD,
    base: () => {
      const file = newImage(createVhdIn, vhdSpec({ subtype, blockSize, virtualSize: from }));
      fill(VHD, file, from);
      return file;
    },
    size: to,
    hasSameFile: subtype === "fixed",
  };
}

function vhdx(
  subtype: ImageSpec["subtype"],
  from: number,
  to: number,
  options: Pick<Resizing, "parentSize"> = {},
): Resizing {
  return {
    title: `resizing a ${subtype} VHDX from ${from} to ${to} bytes`,
    format: VHDX,
    base: () => {
      const file = newImage(createVhdxIn, vhdxSpec({ subtype, virtualSize: from }));
      fill(VHDX, file, from);
      return file;
    },
    size: to,
    ...options,
  };
}

/** Data at the start, in the middle, and up to the last sector. */
function fill(format: Format, file: SparseFile, size: number): void {
  const sectors = size / SECTOR;
  const steps: Step[] = [
    ["write", 0, 9],
    ["write", Math.floor(sectors / 2), 3],
    ["write", sectors - 2, 2],
  ];
  runSteps(format, file, steps, FIRST_VERSION, {});
}

Deno.test("a fixed VHD that grew without its footer is found, and repaired by the next writer", () => {
  const file = newImage(
    createVhdIn,
    vhdSpec({ subtype: "fixed", blockSize: 0, virtualSize: 4096 }),
  );
  file.truncate(file.size + 2048);
  const found = findFooter(file);
  assertEquals([found.structure, found.offset], ["footer", 4096]);
  VHD.openWritable(file).finish();
  assertEquals(findFooter(file).offset, file.size - SECTOR);
});
