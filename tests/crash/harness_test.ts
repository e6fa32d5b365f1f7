/** The harness accepts a writer that does all in the right order, and catches each that does not. */
import { assertGreater, assertStringIncludes, assertThrows } from "@std/assert";
import { Random } from "../fuzz/random.ts";
import { explore } from "./exploration.ts";
import { randomSteps, type Step } from "./scenario.ts";
import { newToy, TOY_FAULTS, toyFormat } from "./toy_format.ts";

const STEPS: readonly Step[] = [
  ["write", 3, 2],
  ["flush"],
  ["write", 4, 1],
  ["write", 16, 20],
  ["trim", 0, 8],
  ["write", 40, 3],
  ["flush"],
  ["write", 50, 2],
  ["reopen"],
  ["trim", 8, 30],
  ["flush"],
  ["write", 0, 20],
];

Deno.test("a correct writer passes at every crash point", () => {
  const states = explore({
    title: "toy",
    format: toyFormat(),
    base: newToy(),
    steps: [...STEPS, ...randomSteps(new Random(5), 30, { sectors: 64, blockSectors: 8 })],
    seed: 1,
  });
  console.log(`toy format: ${states} states`);
  assertGreater(states, 300);
});

for (const fault of TOY_FAULTS) {
  Deno.test(`a writer that ${fault} is caught`, () => {
    const error = assertThrows(() =>
      explore({ title: "toy", format: toyFormat(fault), base: newToy(), steps: STEPS, seed: 1 })
    );
    assertStringIncludes(error.message, "toy (seed 1)");
    assertStringIncludes(error.message, "steps: [");
  });
}
