/**
 * A crash while an image is compacted leaves the disk as it was; compacting again ends as without it. So does
 * cancelling, which gives back what was won.
 */
import { assertEquals, assertGreater, assertRejects } from "@std/assert";
import { DryRunFile } from "../../src/portable/file/dry_run_file.ts";
import { Random } from "../fuzz/random.ts";
import { everySo, explored, Sample, sampledBound } from "../sampling.ts";
import { testWith } from "../support.ts";
import { type Case, CASES, compact, versionsOf } from "./compaction_cases.ts";
import { exploreStates } from "./compaction_states.ts";
import { RecordingSource } from "./recording_source.ts";
import { StepPace } from "./step_pace.ts";

const SEED = 41;

for (const [i, each] of CASES.entries()) {
  testWith(
    everySo(2, i),
    `${each.title} leaves the disk as it was, whenever it crashes`,
    async () => {
      const base = each.base();
      const dry = await compact(each, new DryRunFile(base));
      const recording = new RecordingSource<never>(base);
      const outcome = await compact(each, recording);
      assertEquals(outcome, dry);
      assertEquals(outcome.fileSize, recording.size);
      assertGreater(base.size, recording.size);
      assertGreater(outcome.releasedBlocks, 0);
      const states = await exploreStates(each, recording, recording.size, new Random(SEED));
      explored(`${each.title}`, { "crash states": states });
      assertGreater(states, sampledBound(recording.changes.length));
    },
  );

  testWith(
    everySo(4, i + 1),
    `${each.title} gives back what was won where it is cancelled`,
    async () => {
      const base = each.base();
      const expected = versionsOf(each, base);
      const pace = new StepPace();
      const { fileSize } = await compact(each, base.fork(), { pace });
      const random = new Random(SEED);
      const crashing = random.below(pace.steps);
      const sizes = new Set<number>();
      const sample = new Sample();
      let states = 0;
      for (let step = 0; step < pace.steps; step++) {
        if (!sample.takes() && step !== crashing) continue;
        const recording = await cancelledAt(each, step);
        each.format.checkClosed?.(recording);
        assertEquals(versionsOf(each, recording), expected);
        assertEquals(recording.size, await usedSize(each, recording), `after ${step} steps`);
        sizes.add(recording.size);
        if (step === crashing) states += await exploreStates(each, recording, fileSize, random);
      }
      explored(`${each.title}, cancelled`, { "crash states": states });
      assertGreater(sizes.size, sampledBound(1), "nothing was won");
    },
  );
}

async function cancelledAt(each: Case, step: number): Promise<RecordingSource<never>> {
  const recording = new RecordingSource<never>(each.base());
  const reason = await assertRejects(() => compact(each, recording, { pace: new StepPace(step) }));
  assertEquals(reason, StepPace.REASON);
  return recording;
}

/** Where what is in use ends: no block is looked at, and none moves. */
async function usedSize(each: Case, file: RecordingSource<never>): Promise<number> {
  const options = { zeroScan: false, blockMoves: false };
  return (await compact(each, new DryRunFile(file), options)).fileSize;
}
