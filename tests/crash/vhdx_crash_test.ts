/** VHDX images crash at every write, and keep the promise. */
import { assertGreater } from "@std/assert";
import { everySo, explored, sampledBound } from "../sampling.ts";
import { testWith } from "../support.ts";
import { explore } from "./exploration.ts";
import { VHDX_SCENARIOS } from "./vhdx_scenarios.ts";

const SEED = 4;

// In the sample the others meet faults and full volumes.
for (const [i, scenario] of VHDX_SCENARIOS.entries()) {
  testWith(everySo(2, i), `${scenario.title} keeps what was flushed, whenever it crashes`, () => {
    const states = explore({ ...scenario, base: scenario.base(), seed: SEED });
    explored(`${scenario.title}`, { "crash states": states });
    assertGreater(states, sampledBound(scenario.steps.length));
  });
}
