/** Every write, growth and flush fails once: the error says why, and nothing is lost. */
import { assert, assertEquals, assertGreater, assertLessOrEqual, assertThrows } from "@std/assert";
import { ImageError } from "../../src/portable/file/image_error.ts";
import type { WritableImage } from "../../src/portable/image/image.ts";
import { Random } from "../fuzz/random.ts";
import { everySo, explored, Sample, sampledBound } from "../sampling.ts";
import { testWith } from "../support.ts";
import { crashStates } from "./crash_states.ts";
import { checkState } from "./exploration.ts";
import { type Fault, FAULTS, FaultSource } from "./fault_source.ts";
import { observe } from "./observation.ts";
import { type DiskEvent, Oracle } from "./oracle.ts";
import { runSteps, type Scenario } from "./scenario.ts";
import { FIRST_WRITTEN, SECTOR, stamped } from "./stamp.ts";
import { VHD_SCENARIOS } from "./vhd_scenarios.ts";
import { VHDX_SCENARIOS } from "./vhdx_scenarios.ts";

const SEED = 8;
/** Longer scenarios meet the same writes again and again. */
const MAX_STEPS = 45;

const SCENARIOS = [VHD_SCENARIOS, VHDX_SCENARIOS].flatMap((scenarios) =>
  scenarios.map((scenario, i) => ({ scenario, needs: everySo(4, i + 1) }))
);

for (const { scenario, needs } of SCENARIOS) {
  if (scenario.steps.length > MAX_STEPS) continue;
  testWith(needs, `${scenario.title} loses nothing where its file cannot be written`, () => {
    const random = new Random(SEED);
    const sample = new Sample();
    let states = 0;
    let number = 0;
    for (let failed = true; failed; number++) {
      if (!random.chance(10 * (scenario.percent ?? 10)) || !sample.takes()) continue;
      const fault = FAULTS[(number + random.below(2)) % FAULTS.length]!;
      try {
        const tried = failAt(scenario, number, fault, random);
        failed = tried > 0;
        states += tried;
      } catch (error) {
        const where = `change ${number} of ${scenario.title} (seed ${SEED}): ${fault.name}`;
        throw new Error(`${where}: ${error instanceof Error ? error.message : error}`, {
          cause: error,
        });
      }
    }
    explored(`${scenario.title}`, { faults: number, "crash states": states });
    assertGreater(states, sampledBound(scenario.steps.length));
  });
}

/** Checks the file as it is, and a crash that came on top. Gives the number of states tried: none where the scenario ends before the fault. */
function failAt(scenario: Scenario, number: number, fault: Fault, random: Random): number {
  const { format } = scenario;
  const source = new FaultSource<DiskEvent>(scenario.base(), number, fault);
  const before = observe(format.open(source));
  let image: WritableImage | undefined;
  const run = () =>
    runSteps(format, source, scenario.steps, FIRST_WRITTEN, {
      opened: (opened) => image = opened,
      mark: (event) => {
        if (event.kind === "opening") image = undefined;
        source.mark(event);
      },
    });
  try {
    run();
  } catch (error) {
    if (!source.failed) throw error;
    assert(error instanceof ImageError, `not an ImageError: ${error}`);
    assertEquals(error.symbol, fault.symbol);
  }
  if (!source.failed) {
    assertLessOrEqual(source.changes.length, number, "changes, though one of them should fail");
    return 0;
  }
  if (image !== undefined) assertDead(image);
  const oracle = new Oracle(before, format.changesIdentifier);
  for (const { event } of source.marks) oracle.apply(event);
  const { base, changes } = source;
  const [whole, ...others] = crashStates(base, changes, random, 1, changes.length);
  const states = others.length === 0 ? [whole!] : [whole!, random.pick(others)];
  for (const { file } of states) checkState(format, file, oracle, random.uint32());
  return states.length;
}

/** An image whose file failed promises nothing any more. */
function assertDead(image: WritableImage): void {
  const count = image.logicalSectorSize / SECTOR;
  assertThrows(() => image.write(stamped(0, count, FIRST_WRITTEN), 0), ImageError);
  assertThrows(() => image.flush(), ImageError);
  assertThrows(() => image.finish(), ImageError);
}
