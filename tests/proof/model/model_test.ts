/** The models hold, find errors that are planted in them, and the real writer does what they do. */
import { assertEquals, assertGreater, assertStringIncludes, assertThrows } from "@std/assert";
import { allStates, everySo, explored, IS_FULL, sampledRows } from "../../sampling.ts";
import { testWith, tool } from "../../support.ts";
import { BITMAPS, BLOCKS, ENDLESS_PATH, macrosOf, MODELS } from "./models.ts";
import { PLANTED_ERRORS } from "./planted_errors.ts";
import { follow } from "./real_writer.ts";
import { type Macros, Paths, simulate, SPIN_NEEDS, verify } from "./spin.ts";

// `deno task proof log-model` goes through all states of all models and plants all errors; its own test has it do so.
testWith(SPIN_NEEDS, "promises are kept in all states of a model", async () => {
  const bound = IS_FULL ? { steps: 4, crashes: 2 } : { steps: 3, crashes: 1 };
  const { violated, states } = await verify(BLOCKS.file, macrosOf(bound));
  assertEquals(violated, "");
  assertGreater(states, IS_FULL ? 100_000 : 1000);
});

// Of the sample another test plants errors, for which no program is compiled.
const PLANTED_NEEDS = [...SPIN_NEEDS, allStates];
testWith(PLANTED_NEEDS, "a planted error is found, and what it breaks is named", async () => {
  const { model, macros } = PLANTED_ERRORS[0]!;
  const { violated } = await verify(model.file, macros);
  assertStringIncludes(violated, "assertion violated");
});

const PATHS = IS_FULL ? 100 : 2;

/** Random paths. Making the program of a model takes longer than following a few without it. */
async function* pathsThrough(file: string, macros: Macros): AsyncGenerator<string[]> {
  using made = IS_FULL ? await Paths.of(file, macros) : undefined;
  for (let seed = 1; seed <= PATHS; seed++) {
    yield made === undefined ? await simulate(file, macros, seed) : await made.follow(seed);
  }
}

for (const [i, { title, file, paths }] of MODELS.entries()) {
  testWith(
    [...SPIN_NEEDS, ...everySo(MODELS.length, i)],
    `${title}: the real writer changes a file as the model does, crashes and all`,
    async () => {
      let crashes = 0;
      for (const { macros, disk } of sampledRows(paths, paths.length)) {
        for await (const path of pathsThrough(file, macros)) crashes += follow(disk, path).crashes;
      }
      explored(`paths through the model of ${title}`, { "crash states": crashes });
      assertGreater(crashes, PATHS);
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
for (const { title, model, macros } of sampledRows(CHANGES, 15)) {
  testWith([tool("spin")], `the real writer is seen to do otherwise: ${title}`, async () => {
    const { macros: real, disk } = model.paths.at(macros["STALE"] ? -1 : 0)!;
    const steps = model === BLOCKS || model === BITMAPS ? 40 : 25;
    // No crash shows what is wrong, and no promise is asked for: the changes alone tell.
    const path = { ...macros, ...real, STEPS: steps, CRASHES: 0, UNCHECKED: true } as const;
    const events = await simulate(model.file, path, 1);
    assertThrows(() => follow(disk, events), Error, "the writer");
  });
}
