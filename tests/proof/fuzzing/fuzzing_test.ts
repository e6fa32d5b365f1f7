/** The fuzzer: what it finds, that it is led by what of the source is reached, and a sample of every target. */
import { assert, assertEquals, assertGreater, assertMatch, assertRejects } from "@std/assert";
import { Random } from "../../fuzz/random.ts";
import { allStates, everySo, explored, sampledRounds } from "../../sampling.ts";
import { TempDir, testWith } from "../../support.ts";
import { Coverage } from "./coverage.ts";
import { type Batch, type Fault, fuzz, type FuzzState, runMutant } from "./fuzzer.ts";
import { MAZE, MAZE_TARGET } from "./maze.ts";
import { type Base, fileOf, type Mutant, mutate, patch } from "./mutants.ts";
import { worker } from "./section.ts";
import { TARGETS } from "./targets.ts";
import { VOLUME_TOOLS } from "./volumes.ts";

const SOURCE = (url: string) => /\/src\/(?:portable|serve|bytes)\//.test(url);
const HERE = (url: string) => url.endsWith("/maze.ts");
const SEED = 3;

for (const [i, target] of TARGETS.entries()) {
  const needs = target.name === "file systems" ? VOLUME_TOOLS : [];
  testWith(
    [...needs, ...everySo(2, i)],
    `fuzzing ${target.name}: whatever is made of sound ones, nothing goes wrong`,
    async () => {
      using coverage = await Coverage.start(SOURCE);
      const count = sampledRounds(320, 32);
      const wish = { target, count, counted: count, seed: SEED, coverage, onBatch: () => {} };
      const result = await fuzz(wish);
      assertEquals(result.faults, []);
      assertEquals([result.cases, result.counted], [count, count]);
      assertGreater(result.taken, 0);
      assertGreater(result.reached, result.sound);
      explored(`fuzzing, ${target.name}`, { "damaged files": count });
    },
  );
}

testWith(
  [allStates],
  "fuzz() finds what is behind several conditions, and leaves out what does not matter",
  async () => {
    using coverage = await Coverage.start(HERE);
    const batches: Batch[] = [];
    const count = 60_000;
    const { faults, corpus, reached, sound } = await fuzz({
      target: MAZE_TARGET,
      count,
      counted: count,
      seed: SEED,
      coverage,
      onBatch: (batch) => batches.push(batch),
    });
    assertGreater(faults.length, 0);
    assertGreater(corpus.length, 2);
    assertGreater(reached, sound);
    for (const { mutant, error, target } of faults) {
      assertEquals([target, error], ["maze", "TypeError: the end of the maze"]);
      assert(mutant.patches.length <= 3, JSON.stringify(mutant));
      const bases = new Map([["maze", MAZE]]);
      await assertRejects(() => runMutant(MAZE_TARGET, bases, mutant), TypeError);
    }
    assertEquals(batches[0]!.done, 0);
    assertEquals(batches[0]!.mutants.length, 32);
  },
);

Deno.test("fuzz() goes on with what was kept, and counts only as many as it is told", async () => {
  const batches: Batch[] = [];
  const fuzzOn = async (count: number, counted: number, seed: number, before?: FuzzState) => {
    using coverage = await Coverage.start((url) => url.endsWith("/maze.ts"));
    const onBatch = (batch: Batch) => batches.push(batch);
    return await fuzz({ target: MAZE_TARGET, count, counted, seed, coverage, before, onBatch });
  };
  const first = await fuzzOn(320, 64, SEED);
  assertEquals([first.cases, first.counted, batches.length], [320, 64, 10]);
  const kept: Mutant = { ...first.corpus[0]!, patches: [patch(0, Uint8Array.of(0, 0, 16, 0))] };
  const fault: Fault = { target: "maze", mutant: kept, error: "found before" };
  const before = {
    ...first,
    taken: 5,
    corpus: [...first.corpus, kept],
    faults: [fault],
    kinds: ["a"],
  };
  const second = await fuzzOn(64, 32, SEED + 1, before);
  assertEquals([second.cases, second.counted, second.corpus[first.corpus.length]], [384, 96, kept]);
  assertEquals([second.faults[0], second.kinds[0]], [fault, "a"]);
  assert(second.taken >= 5 && second.taken <= 5 + 64);
  const parents = batches.slice(10).flatMap(({ mutants }) => mutants);
  assertEquals(parents.length, 64);
  assert(parents.some(({ patches }) => patches.some((each) => each === kept.patches[0])));
});

Deno.test("Coverage tells what runs for the first time", async () => {
  const at = (...numbers: number[]) => {
    const bytes = new Uint8Array(64);
    const view = new DataView(bytes.buffer);
    numbers.forEach((number, i) => view.setUint32(8 * i, number));
    return bytes;
  };
  using coverage = await Coverage.start((url) => url.endsWith("/maze.ts?new"));
  // What was compiled before anybody counted is known by functions alone.
  const { enter } = await import("./maze.ts?new");
  enter(at(1));
  assertEquals(await coverage.isNew(true), true);
  enter(at(2));
  assertEquals(await coverage.isNew(true), false);
  enter(at(4096));
  assertEquals(await coverage.isNew(false), true, "not kept");
  const before = coverage.characters;
  enter(at(4096));
  assertEquals(await coverage.isNew(true), true);
  assertGreater(coverage.characters, before);
  enter(at(4096, 7));
  assertEquals(await coverage.isNew(true), false);
});

Deno.test("fileOf(): the pages are those of the sound file, but for the changes; checksums follow if asked for", () => {
  const sealed: [number, number][] = [];
  const base: Base = {
    ...MAZE,
    seal: (_file, isChanged) => {
      for (const at of [0, 16, 32]) if (isChanged(at, 16)) sealed.push([at, 16]);
    },
  };
  const mutant: Mutant = {
    base: "maze",
    patches: [patch(20, Uint8Array.of(1, 2, 3))],
    size: 40,
    isSealed: true,
    seed: 1,
  };
  const bytes = fileOf(base, mutant).bytes();
  const expected = new Uint8Array(40);
  expected.set([1, 2, 3], 20);
  assertEquals(bytes, expected);
  assertEquals(sealed, [[16, 16]]);
  assertEquals(fileOf(base, { ...mutant, isSealed: false }).size, 40);
  assertEquals(sealed.length, 1);
  assertEquals(base.file.bytes(), new Uint8Array(64), "the sound file");
});

Deno.test("mutate(): the same seed gives the same, inside the file, with few changes", () => {
  const make = (seed: number) => {
    const random = new Random(seed);
    let mutant: Mutant = { base: "maze", patches: [], isSealed: false, seed: 0 };
    for (let i = 0; i < 60; i++) mutant = mutate(MAZE, mutant, mutant, random);
    return mutant;
  };
  for (let seed = 0; seed < sampledRounds(40); seed++) {
    const mutant = make(seed);
    assertEquals(make(seed), mutant);
    assert(mutant.patches.length <= 24);
    const { size } = fileOf(MAZE, mutant);
    assertEquals(size, mutant.size ?? 64);
  }
});

testWith([allStates], "worker(): a process that does not end, or ends badly, is told", async () => {
  using dir = new TempDir();
  const missing = await worker(["run", "VHD", dir.file("none.json")], { limit: 600_000 });
  assertMatch(missing.how!, /^ended with 1: .*NotFound/);
  const files = [dir.file("batch.json"), dir.file("state.json")];
  const endless = ["fuzz", "NBD sessions", "100000000", "0", "1", ...files];
  const { how } = await worker(endless, { limit: 1 });
  assertEquals(how, "no end in sight");
  const mutant: Mutant = { base: "0", patches: [], isSealed: false, seed: 1 };
  Deno.writeTextFileSync(dir.file("mutant.json"), JSON.stringify(mutant));
  const sound = await worker(["run", "VHD", dir.file("mutant.json")], { limit: 600_000 });
  assertEquals(sound, { output: "true\n", how: undefined });
});
