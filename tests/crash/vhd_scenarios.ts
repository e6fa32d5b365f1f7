/** What is done to VHD images while they crash. Blocks of 4 KiB (8 sectors) keep the files small. */
import type { ImageSpec } from "../../src/portable/image/image.ts";
import type { ByteSource } from "../../src/portable/file/byte_source.ts";
import { DISK_TYPE, footerFault } from "../../src/portable/vhd/footer.ts";
import { findFooter } from "../../src/portable/vhd/footer_search.ts";
import { openVhd, openWritableVhd } from "../../src/portable/vhd/open.ts";
import { Random } from "../fuzz/random.ts";
import { HEADER, vhdSpec } from "../portable/vhd/vhd_builder.ts";
import { assertBytesEqual } from "../support.ts";
import { createVhdIn, newImage } from "./formats.ts";
import { type Format, randomSteps, runSteps, type Scenario, type Step } from "./scenario.ts";
import type { SparseFile } from "./sparse_file.ts";

export const VHD: Format = {
  changesIdentifier: false,
  open: openVhd,
  openWritable: openWritableVhd,
  checkLeft: checkCopy,
  checkClosed: checkFooters,
};

const NEW_ID = "89abcdef-0123-4567-89ab-cdef01234567";
const NEWER_ID = "99abcdef-0123-4567-89ab-cdef01234567";
const FOOTER_LENGTH = 512;
/** Of the data in earlier lives, apart from those that the scenarios write. */
const EARLIER = 900_000;
/** Small images are soon checked. */
const AGAIN = 25;
/** 10 blocks and half a block. */
const ODD_SIZE = 10 * 4096 + 2048;

const STEPS: readonly Step[] = [
  ["write", 3, 2],
  ["flush"],
  ["write", 4, 1],
  ["write", 15, 20],
  ["write", 4, 2],
  ["flush"],
  ["write", 0, 1],
  ["write", 7, 2],
  ["uniqueId", NEW_ID],
  ["write", 48, 3],
  ["flush"],
  ["trim", 8, 16],
  ["write", 16, 1],
  ["uniqueId", NEWER_ID],
  ["reopen"],
  ["write", 70, 9],
  ["abandon"],
  ["write", 24, 2],
  ["trim", 0, 80],
  ["flush"],
  ["write", 10, 30],
];

/** Scenarios of VHD images. */
export const VHD_SCENARIOS: readonly Scenario[] = [
  scenario("fixed", { subtype: "fixed" }),
  scenario("dynamic", { subtype: "dynamic" }),
  scenario("differencing", { subtype: "differencing" }),
  random("fixed", 0, { subtype: "fixed" }),
  ...[1, 2, 3].map((seed) => random("dynamic", seed, { subtype: "dynamic" })),
  random("dynamic", 4, { subtype: "dynamic", virtualSize: ODD_SIZE }),
  ...[5, 6, 7].map((seed) => random("differencing", seed, { subtype: "differencing" })),
  random("differencing", 8, { subtype: "differencing", virtualSize: ODD_SIZE }),
  {
    title: "a dynamic VHD whose blocks come and go",
    format: VHD,
    base: () => used({ subtype: "dynamic" }),
    steps: Array.from({ length: 8 }, (_, i): Step[] => [
      ["trim", i % 2 * 40, 40],
      ["flush"],
      ["write", (i + 1) % 2 * 40 + i, 30],
      ["flush"],
    ]).flat(),
    again: 60,
  },
  {
    title: "a dynamic VHD with blocks of 2 MiB",
    format: VHD,
    base: () => create({ virtualSize: 3 * 2 ** 20, blockSize: 2 ** 21 }),
    steps: [["write", 100, 3], ["flush"], ["write", 4095, 2], ["write", 101, 5], ["trim", 0, 4096]],
  },
  ...(["fixed", "dynamic", "differencing"] as const).map((subtype): Scenario => ({
    title: `zeros in a ${subtype} VHD`,
    format: VHD,
    base: () => used({ subtype }),
    steps: [
      ["zero", 3, 1],
      ["flush"],
      ["write", 4, 5],
      ["zero", 6, 30],
      ["write", 12, 2],
      ["flush"],
      ["zero", 0, 60],
      ["abandon"],
      ["write", 20, 3],
    ],
    again: AGAIN,
    qemuLacks: qemuLacks({ subtype }),
  })),
  ...damagedEnds(),
];

/** Some programs look at nothing but the copy of the footer (QEMU). */
function checkCopy(source: ByteSource): void {
  const { footer } = findFooter(source);
  if (footer.diskType === DISK_TYPE.fixed) return;
  const copy = new Uint8Array(FOOTER_LENGTH);
  source.readAt(copy, 0);
  if (footerFault(copy) !== undefined) throw new Error("the copy of the footer is not valid");
}

/** After a close the file ends with the footer, and begins with the same. */
function checkFooters(source: ByteSource): void {
  const { footer, bytes, structure } = findFooter(source);
  if (structure !== "footer") throw new Error("the file does not end with a good footer");
  if (footer.diskType === DISK_TYPE.fixed) return;
  const copy = new Uint8Array(FOOTER_LENGTH);
  source.readAt(copy, 0);
  assertBytesEqual(copy, bytes, "the copy of the footer");
}

/** Images as other programs leave them in a crash, which a writer must repair first. */
function damagedEnds(): Scenario[] {
  const steps: readonly Step[] = [["write", 3, 2], ["flush"], ["write", 32, 9]];
  const end = (file: SparseFile) => file.size - FOOTER_LENGTH;
  const damages: Record<string, (file: SparseFile) => void> = {
    "whose end lacks the footer": (file) => file.truncate(end(file)),
    "whose footer is overwritten": (file) => file.writeAt(new Uint8Array(1024).fill(7), end(file)),
    "whose footer copy is damaged": (file) => file.writeAt(new Uint8Array(8), 40),
    "whose footer copy is another": (file) => copyFooterOf(NEW_ID, file),
    "with a footer of 511 bytes": (file) => file.truncate(file.size - 1),
  };
  return Object.entries(damages).flatMap(([what, damage]) =>
    (["dynamic", "differencing"] as const).map((subtype): Scenario => ({
      title: `a ${subtype} VHD ${what}`,
      format: { ...VHD, checkLeft: () => {} },
      base: () => {
        const file = used({ subtype });
        damage(file);
        return file;
      },
      steps,
      qemuLacks: "the sense to look for another footer",
    }))
  );
}

function copyFooterOf(identifier: string, file: SparseFile): void {
  const footer = new Uint8Array(HEADER);
  create({ identifier }).readAt(footer, 0);
  file.writeAt(footer, 0);
}

function scenario(name: string, spec: Partial<ImageSpec>): Scenario {
  return {
    title: `a ${name} VHD`,
    format: VHD,
    base: () => create(spec),
    steps: STEPS,
    again: AGAIN,
    qemuLacks: qemuLacks(spec),
  };
}

function random(name: string, seed: number, spec: Partial<ImageSpec>): Scenario {
  const sectors = (spec.virtualSize ?? 10 * 4096) / 512;
  return {
    title: `a ${name} VHD and random operations (${seed})`,
    format: VHD,
    base: () => used(spec),
    steps: randomSteps(new Random(seed), 40, { sectors, blockSectors: 8 }),
    again: AGAIN,
    qemuLacks: qemuLacks(spec),
  };
}

function qemuLacks({ subtype }: Partial<ImageSpec>): string | undefined {
  return subtype === "differencing" ? "parents" : undefined;
}

function create(spec: Partial<ImageSpec>): SparseFile {
  const blockSize = spec.subtype === "fixed" ? 0 : 4096;
  return newImage(createVhdIn, vhdSpec({ blockSize, ...spec }));
}

/** An image that has data already. */
function used(spec: Partial<ImageSpec>): SparseFile {
  const file = create(spec);
  runSteps(VHD, file, [["write", 2, 3], ["write", 20, 30]], EARLIER, {});
  return file;
}
