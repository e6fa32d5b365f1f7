/** A child is given other parents, and crashes at every write: it names the old parent or the new one. */
import { assertEquals, assertGreater } from "@std/assert";
import type { ParentSpec } from "../../src/portable/image/image.ts";
import { findFooter } from "../../src/portable/vhd/footer_search.ts";
import { openVhd } from "../../src/portable/vhd/open.ts";
import { openVhdx } from "../../src/portable/vhdx/image.ts";
import { Random } from "../fuzz/random.ts";
import { HEADER, vhdSpec } from "../portable/vhd/vhd_builder.ts";
import { vhdxSpec } from "../portable/vhdx/vhdx_builder.ts";
import { explored, sampledBound } from "../sampling.ts";
import { crashStates } from "./crash_states.ts";
import { explore } from "./exploration.ts";
import { createVhdIn, createVhdxIn, newImage } from "./formats.ts";
import { observe } from "./observation.ts";
import { RecordingSource } from "./recording_source.ts";
import { type Format, runSteps, type Step } from "./scenario.ts";
import type { SparseFile } from "./sparse_file.ts";
import { VHD } from "./vhd_scenarios.ts";
import { VHDX } from "./vhdx_scenarios.ts";

const EARLIER = 900_000;
const BLOCK = 2048;

const NEAR: ParentSpec = {
  identifier: "aaaaaaaa-0000-0000-0000-000000000001",
  relativePath: ".\\near.vhd",
  absolutePath: undefined,
};
/** The name does not end before the second sector of a VHD's header. */
const LONG: ParentSpec = {
  identifier: "aaaaaaaa-0000-0000-0000-000000000002",
  relativePath: `..\\${"way\\".repeat(40)}base.vhd`,
  absolutePath: `C:\\${"way\\".repeat(58)}base.vhd`,
};
/** Longer than the room that a VHD leaves for it. */
const HUGE: ParentSpec = {
  identifier: "aaaaaaaa-0000-0000-0000-000000000003",
  relativePath: ".\\huge.vhd",
  absolutePath: `C:\\${"folder\\".repeat(400)}base.vhd`,
};

type ParentStep = Extract<Step, readonly ["parent", ParentSpec, string]>;

/** What a new image with that parent says of it. */
function vhdParent(parent: ParentSpec): ParentStep {
  const image = openVhd(newImage(createVhdIn, vhdSpec({ subtype: "differencing", parent })));
  return ["parent", parent, JSON.stringify(image.parent)];
}

function vhdxParent(parent: ParentSpec): ParentStep {
  const image = openVhdx(newImage(createVhdxIn, vhdxSpec({ subtype: "differencing", parent })));
  return ["parent", parent, JSON.stringify(image.parent)];
}

function vhd(): SparseFile {
  const file = newImage(createVhdIn, vhdSpec({ subtype: "differencing" }));
  runSteps(VHD, file, [["write", 2, 3], ["write", 20, 30]], EARLIER, {});
  return file;
}

function vhdx(): SparseFile {
  const file = newImage(createVhdxIn, vhdxSpec({ subtype: "differencing" }));
  runSteps(VHDX, file, [["write", 16, 24], ["write", 3 * BLOCK - 8, 16]], EARLIER, {});
  return file;
}

const CASES: readonly [string, Format, () => SparseFile, readonly Step[]][] = [
  ["a VHD", VHD, vhd, [
    ["write", 8, 8],
    vhdParent(NEAR),
    ["write", 40, 20],
    vhdParent(LONG),
    ["flush"],
    ["write", 70, 9],
    vhdParent(HUGE),
    ["write", 60, 9],
    ["reopen"],
    vhdParent(NEAR),
    ["write", 0, 3],
  ]],
  ["a VHDX", VHDX, vhdx, [
    ["write", 8, 8],
    vhdxParent(NEAR),
    ["write", BLOCK, 24],
    vhdxParent(LONG),
    ["flush"],
    ["reopen"],
    vhdxParent(HUGE),
    ["write", 5 * BLOCK, 8],
    ["abandon"],
    vhdxParent(NEAR),
    ["write", 0, 8],
  ]],
];

for (const [title, format, base, steps] of CASES) {
  Deno.test(`${title} names the old parent or the new one, whenever it crashes`, () => {
    const states = explore({ title, format, base: base(), steps, seed: 31, again: 10 });
    explored(`${title} and its parents`, { "crash states": states });
    assertGreater(states, sampledBound(50));
  });
}

Deno.test("a VHD whose header a crash left elsewhere has it in the usual place once a parent is set", () => {
  const base = vhd();
  const recording = new RecordingSource<never>(base);
  runSteps(VHD, recording, [vhdParent(LONG)], 0, {});
  const { versions } = observe(VHD.open(base));
  let elsewhere = 0;
  for (const { file } of crashStates(base, recording.changes, new Random(7), 3)) {
    if (findFooter(file).footer.dataOffset !== HEADER) elsewhere++;
    const [, , link] = vhdParent(NEAR);
    runSteps(VHD, file, [vhdParent(NEAR)], 0, {});
    VHD.checkClosed?.(file);
    assertEquals(findFooter(file).footer.dataOffset, HEADER);
    assertEquals(JSON.stringify(VHD.open(file).parent), link);
    assertEquals(observe(VHD.open(file)).versions, versions);
  }
  assertGreater(elsewhere, 5);
});
