/** The model of the log holds, finds errors that are planted in it, and the real writer does what it does. */
import { assertEquals, assertGreater, assertStringIncludes, assertThrows } from "@std/assert";
import { explored, sampledRounds, sampledRows } from "../../sampling.ts";
import { testWith, tool } from "../../support.ts";
import { PLANTED_ERRORS } from "./planted_errors.ts";
import { ENDLESS_PATH, follow, PATH, REAL_SIZES } from "./real_writer.ts";
import { simulate, SPIN_NEEDS, verify } from "./spin.ts";

testWith(SPIN_NEEDS, "the log keeps its promises in all states of the model", async () => {
  for (const macros of sampledRows([{ STEPS: 4 }, { STEPS: 5 }], 2)) {
    const { violated, states } = await verify(macros);
    assertEquals(violated, "");
    assertGreater(states, 100_000);
  }
});

for (const { title, macros } of sampledRows(PLANTED_ERRORS, PLANTED_ERRORS.length)) {
  testWith(SPIN_NEEDS, `spin finds it in the model: ${title}`, async () => {
    const { violated } = await verify(macros);
    assertStringIncludes(violated, "assertion violated");
  });
}

testWith(
  [tool("spin")],
  "the real writer changes a file as the model does, crashes and all",
  async () => {
    let crashes = 0;
    for (let seed = 0; seed < sampledRounds(100); seed++) {
      crashes += follow(await simulate(PATH, seed)).crashes;
    }
    explored("paths through the model of the log", { "crash states": crashes });
    assertGreater(crashes, sampledRounds(100));
  },
);

testWith(
  [tool("spin")],
  "the real writer follows the model around the end of the log",
  async () => {
    assertGreater(follow(await simulate(ENDLESS_PATH, 1)).wraps, 0);
  },
);

for (const { title, macros, changes } of PLANTED_ERRORS) {
  if (!changes) continue;
  testWith([tool("spin")], `the real writer is seen to do otherwise: ${title}`, async () => {
    // Without a crash no promise is broken: the changes alone tell.
    const events = await simulate({ ...macros, ...REAL_SIZES, STEPS: 40, CRASHES: 0 }, 1);
    assertThrows(() => follow(events), Error, "the writer");
  });
}
