/** What is left of a process after much was done: a small run of each phase, and that what leaks is found. */
import { assert, assertEquals, assertGreater } from "@std/assert";
import { onlyOn, testWith } from "../../support.ts";
import { allStates, sampledRounds } from "../../sampling.ts";
import type { Footprint } from "./footprint.ts";
import { HEAP_GROWTH, leaksOf, type PhaseResult, RESIDENT_GROWTH } from "./phase.ts";
import { PHASES } from "./phases.ts";
import { runPhase } from "./run.ts";

const SEED = 9;
const OPENS = sampledRounds(800, 60);
/** Each phase is a process that loads the package. What the others do is done by the tests of other rooms. */
const IN_SAMPLE = ["opens"];
/** Each must have been done so often at least. */
const LEAST = { "disks at once": 10, "workers": 1 } as const;

for (const [name, { needs = [] }] of Object.entries(PHASES)) {
  const states = IN_SAMPLE.includes(name) ? [] : [allStates];
  testWith([onlyOn("linux"), ...needs, ...states], `nothing is left of ${name}`, async () => {
    const result = await runPhase(name, OPENS, SEED);
    assertEquals(leaksOf(result), []);
    const done = Object.values(result.done).reduce((a, b) => a + b, 0);
    const least = name in LEAST ? LEAST[name as keyof typeof LEAST] : OPENS / 10;
    assertGreater(done, least - 1, JSON.stringify(result.done));
  });
}

const BEFORE: Footprint = {
  descriptors: 10,
  locks: 1,
  heapBytes: 1e7,
  residentBytes: 1e8,
  temporaryFiles: 0,
};

Deno.test("leaksOf(): whatever is left is told, and what was let go of is not", () => {
  const leaks = (after: Partial<Footprint>, faults: readonly string[] = []) => {
    const result: PhaseResult = {
      phase: "opens",
      done: { opened: 5 },
      before: BEFORE,
      after: { ...BEFORE, ...after },
      faults,
    };
    return leaksOf(result);
  };
  assertEquals(leaks({}), []);
  assertEquals(leaks({ descriptors: 8, locks: 0, heapBytes: 1e6, residentBytes: 1e7 }), []);
  assertEquals(leaks({ descriptors: 11 }), ["opens: 11 descriptors are left where 10 were"]);
  assertEquals(leaks({ locks: 2 }).length, 1);
  assertEquals(leaks({ temporaryFiles: 1 }).length, 1);
  assertEquals(leaks({ heapBytes: 1e7 + HEAP_GROWTH }), []);
  assertEquals(leaks({ heapBytes: 1e7 + HEAP_GROWTH + 1 }).length, 1);
  assertEquals(leaks({ residentBytes: 1e8 + RESIDENT_GROWTH + 1 }).length, 1);
  assertEquals(leaks({}, ["round 3: wrong"]), ["opens: round 3: wrong"]);
});

testWith([onlyOn("linux"), allStates], "what is left open is found", async () => {
  const result = await runPhase("opens and forgets", 40, SEED);
  const leaks = leaksOf(result);
  assert(leaks.some((leak) => /descriptors are left/.test(leak)), leaks.join("; "));
  assert(leaks.some((leak) => /locks are left/.test(leak)), leaks.join("; "));
});
