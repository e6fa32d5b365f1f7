/** The models hold, find errors that are planted in them, and the real writer does what they do. */
import { assertEquals, assertGreater, assertStringIncludes, assertThrows } from "@std/assert";
import { allStates, everySo, explored, sampledRounds, sampledRows } from "../../sampling.ts";
import { testWith, tool } from "../../support.ts";
import { BITMAPS, BLOCKS, ENDLESS_PATH, macrosOf, MODELS } from "./models.ts";
import { PLANTED_ERRORS } from "./planted_errors.ts";
import { follow } from "./real_writer.ts";
import { Paths, simulate, SPIN_NEEDS, verify } from "./spin.ts";

// `deno task proof log-model` goes through all states of all models and plants all errors; its own test has it do so.
testWith(SPIN_NEEDS, "promises are kept in all states of a model", async () => {
  const { violated, states } = await verify(BLOCKS.file, macrosOf({ steps: 4, crashes: 2 }));
  assertEquals(violated, "");
  assertGreater(states, 100_000);
});

testWith(SPIN_NEEDS, "a planted error is found, and what it breaks is named", async () => {
  const { model, macros } = PLANTED_ERRORS[0]!;
  const { violated } = await verify(model.file, macros);
  assertStringIncludes(violated, "assertion violated");
});

for (const [i, { title, file, paths }] of MODELS.entries()) {
  testWith(
    [...SPIN_NEEDS, ...everySo(MODELS.length, i)],
    `${title}: the real writer changes a file as the model does, crashes and all`,
    async () => {
      let crashes = 0;
      for (const { macros, disk } of sampledRows(paths, paths.length)) {
        using made = await Paths.of(file, macros);
        for (let seed = 1; seed <= sampledRounds(100); seed++) {
          crashes += follow(disk, await made.follow(seed)).crashes;
        }
      }
      explored(`paths through the model of ${title}`, { "crash states": crashes });
      assertGreater(crashes, sampledRounds(100));
    },
  );
}

testWith(
  [...SPIN_NEEDS, allStates],
  "the real writer follows the model around the end of the log",
  async () => {
    using made = await Paths.of(BLOCKS.file, ENDLESS_PATH.macros);
    assertGreater(follow(ENDLESS_PATH.disk, await made.follow(1)).wraps, 0);
  },
);

const CHANGES = PLANTED_ERRORS.filter(({ changes }) => changes);
for (
  const { title, model, macros } of [
    ...CHANGES.filter(({ model }) => model === BLOCKS),
    ...sampledRows(CHANGES.filter(({ model }) => model !== BLOCKS), 6),
  ]
) {
  testWith([tool("spin")], `the real writer is seen to do otherwise: ${title}`, async () => {
    const { macros: real, disk } = model.paths.at(macros["STALE"] ? -1 : 0)!;
    const steps = model === BLOCKS || model === BITMAPS ? 40 : 25;
    // No crash shows what is wrong, and no promise is asked for: the changes alone tell.
    const path = { ...macros, ...real, STEPS: steps, CRASHES: 0, UNCHECKED: true } as const;
    const events = await simulate(model.file, path, 1);
    assertThrows(() => follow(disk, events), Error, "the writer");
  });
}
