/** VHDX files whose log, tables and blocks lie anywhere: compacted, cancelled, and compacted again. */
import { assertEquals, assertLessOrEqual, assertRejects } from "@std/assert";
import { DryRunFile } from "../../src/portable/file/dry_run_file.ts";
import { placedBlocks } from "../../src/portable/vhdx/block_scan.ts";
import { compactVhdx } from "../../src/portable/vhdx/compact.ts";
import { readStructures, tablesOf } from "../../src/portable/vhdx/structures.ts";
import { type Case, compact, versionsOf } from "../crash/compaction_cases.ts";
import { createVhdxIn, newImage } from "../crash/formats.ts";
import { runSteps, type Step } from "../crash/scenario.ts";
import type { SparseFile } from "../crash/sparse_file.ts";
import { SECTOR } from "../crash/stamp.ts";
import { StepPace } from "../crash/step_pace.ts";
import { VHDX } from "../crash/vhdx_scenarios.ts";
import { raise } from "../portable/vhdx/raised.ts";
import { MIB, vhdxSpec } from "../portable/vhdx/vhdx_builder.ts";
import { explored, sampledRounds } from "../sampling.ts";
import { Random } from "./random.ts";

const SEEDS = sampledRounds(40);

for (const subtype of ["dynamic", "differencing"] as const) {
  Deno.test(`whatever lies where in a ${subtype} VHDX, compacting leaves no room that is of use`, async () => {
    for (let seed = 0; seed < SEEDS; seed++) {
      const random = new Random(seed);
      const file = randomLayout(subtype, random);
      const base = () => file.fork();
      const each: Case = { title: "", format: VHDX, compact: compactVhdx, base, samples: 0 };
      try {
        await compactAndCancel(each, random);
      } catch (error) {
        throw new Error(`${subtype}, seed ${seed}`, { cause: error });
      }
    }
    explored(`compacting a ${subtype} VHDX`, { "damaged files": SEEDS });
  });
}

function randomLayout(subtype: "dynamic" | "differencing", random: Random): SparseFile {
  const blockSize = random.pick([1, 2, 4, 8]) * MIB;
  const blocks = 4 + random.below(9);
  const virtualSize = blocks * blockSize;
  const file = newImage(createVhdxIn, vhdxSpec({ blockSize, virtualSize, subtype }));
  const sectors = blockSize / SECTOR;
  const run = (step: Step, version: number) => runSteps(VHDX, file, [step], version, {});
  for (let i = 0; i < blocks; i++) {
    run(["write", random.below(blocks) * sectors + random.below(sectors - 8), 8], 10 + i);
    // Between structures that lie together there is too little room for a block, until they leave.
    while (random.chance(50)) {
      const gap = random.below(blockSize / MIB) * MIB;
      raise(file, [random.pick(["log", "metadata", "table"])], gap);
    }
  }
  for (let i = 0; i < blocks; i++) {
    if (random.chance(40)) run(["trim", i * sectors, sectors], 100);
  }
  return file;
}

async function compactAndCancel(each: Case, random: Random): Promise<void> {
  const expected = versionsOf(each, each.base());
  const dry = await compact(each, new DryRunFile(each.base()));
  const file = each.base();
  const pace = new StepPace();
  const outcome = await compact(each, file, { pace });
  assertEquals(outcome, dry);
  assertEquals(file.size, outcome.fileSize);
  assertEquals(versionsOf(each, file), expected);
  assertNoUsefulRoom(file);
  if (pace.steps === 0) return;
  const cancelled = each.base();
  const { size } = cancelled;
  const stop = new StepPace(random.below(pace.steps));
  await assertRejects(() => compact(each, cancelled, { pace: stop }));
  assertLessOrEqual(cancelled.size, size);
  assertEquals(versionsOf(each, cancelled), expected);
  await compact(each, cancelled);
  assertEquals(versionsOf(each, cancelled), expected);
  assertNoUsefulRoom(cancelled);
}

/** Nothing would fit into a room that lies lower, and the file ends with something. */
function assertNoUsefulRoom(file: SparseFile): void {
  const structures = readStructures(file);
  const used = [
    ...structures.occupied,
    ...placedBlocks(structures, tablesOf(structures)),
  ].sort((a, b) => a.offset - b.offset);
  let end = 0;
  for (const [i, { offset, length }] of used.entries()) {
    const room = offset - end;
    const fitting = used.slice(i).filter((each) => each.length <= room);
    assertEquals(fitting, [], `room of ${room} bytes at ${end}`);
    end = offset + length;
  }
  assertEquals(file.size, end);
}
