/** VHDX images crash at every write, and keep the promise. */
import { assertGreater } from "@std/assert";
import { explored, sampledBound } from "../sampling.ts";
import { explore } from "./exploration.ts";
import { VHDX_SCENARIOS } from "./vhdx_scenarios.ts";

const SEED = 4;

for (const scenario of VHDX_SCENARIOS) {
  Deno.test(`${scenario.title} keeps what was flushed, whenever it crashes`, () => {
    const states = explore({ ...scenario, base: scenario.base(), seed: SEED });
    explored(`${scenario.title}`, { "crash states": states });
    assertGreater(states, sampledBound(scenario.steps.length));
  });
}
