/** Histories of images that seeds decide: a few of them, that they are the same each time, and that they find what is planted. */
import {
  assert,
  assertEquals,
  assertGreater,
  assertMatch,
  assertRejects,
  assertThrows,
} from "@std/assert";
import type { FolderRequest } from "../../crash/simulated_folder.ts";
import { denoCommand } from "../../deno_command.ts";
import { allStates, explored, sampledRounds, sampledRows } from "../../sampling.ts";
import { ROOT, testWith } from "../../support.ts";
import { OPERATIONS } from "./operations.ts";
import { simulateSeeds } from "./seeds.ts";
import { wishOf } from "./sim.ts";
import type { PlantedFault } from "./simulated_machine.ts";
import { BrokenPromise, Simulation } from "./simulation.ts";

const SEEDS = sampledRounds(20);
const STEPS = 150;

Deno.test("histories that seeds decide keep what was promised", async () => {
  const seeds = Array.from({ length: SEEDS }, (_, i) => 1 + i);
  const { histories, counts, failures, operations } = await simulateSeeds(seeds, { steps: STEPS });
  assertEquals(failures, []);
  assertEquals([histories, counts.steps], [SEEDS, SEEDS * STEPS]);
  explored("histories that seeds decide", {
    kills: counts.kills + counts["power failures"],
    faults: counts.failures,
  });
  for (const count of Object.values(counts)) assertGreater(count, 0);
  const done = OPERATIONS.filter(({ name }) => name in operations);
  assertGreater(done.length, OPERATIONS.length / 2);
  if (SEEDS === 20) assertEquals(done, OPERATIONS, "each is in some history");
});

/** What histories met that were once taken for broken promises, or that broke one: the seed, and so many steps. */
const MET: readonly (readonly [what: string, seed: number, steps: number])[] = [
  ["a close after a lack of room that its user had been told of", 36, 205],
  ["a removed child that is back after a power failure, in the way of a merge", 53, 80],
  ["a failed write of more than three pieces", 106, 197],
  ["a kill between two pieces of what a stream is given at once", 56, 175],
  ["a resize of a killed process that goes with the power", 218, 165],
  ["a kill between two pieces of zeros", 284, 165],
  ["an overwrite whose folder could not be made durable, with the former image back", 161, 199],
];

for (const [what, seed, steps] of MET) {
  testWith([allStates], `a history goes on after ${what}`, async () => {
    const { counts } = await Simulation.run(seed, { steps });
    assertEquals(counts.steps, steps);
  });
}

function sim(...args: string[]): { code: number; output: string; errors: string } {
  const { code, stdout, stderr } = denoCommand({
    args: ["run", "--allow-all", "--no-check", "tests/proof/simulation/sim.ts", ...args],
    env: { NO_COLOR: "1" },
    cwd: ROOT,
    stdin: "null",
  }).outputSync();
  const text = new TextDecoder();
  return { code, output: text.decode(stdout), errors: text.decode(stderr) };
}

testWith(
  [allStates],
  "a seed is the same history each time, in this process and in another",
  async () => {
    const steps = sampledRounds(60, 20);
    const lines: string[][] = [];
    const digests: string[] = [];
    for (const seed of [3, 3, 4]) {
      const told: string[] = [];
      const { digest } = await Simulation.run(seed, { steps, trace: (line) => told.push(line) });
      lines.push(told);
      digests.push(digest);
    }
    assertEquals([lines[1], digests[1]], [lines[0], digests[0]]);
    assert(lines[2]!.join() !== lines[0]!.join());
    const { code, output, errors } = sim("--seed", "3", "--steps", String(steps));
    assertEquals([code, errors], [0, ""]);
    assertMatch(output, new RegExp(`^seed 3: ${steps} steps, .*; ${digests[0]!.slice(0, 16)}\n$`));
  },
);

Deno.test("a history leaves the clock, the identifiers and the files of the system as they were", async () => {
  const before = [performance.now, Date.now, crypto.randomUUID, Atomics.wait, Deno.openSync];
  await Simulation.run(5, { steps: 5 });
  const after = [performance.now, Date.now, crypto.randomUUID, Atomics.wait, Deno.openSync];
  assert(after.every((each, i) => each === before[i]));
  assertGreater(Date.now(), Date.parse("2026-01-02"));
});

/** One of so many of the requests. */
function oneIn(count: number, isMeant: (request: FolderRequest) => boolean): PlantedFault {
  let number = 0;
  return (request) => isMeant(request) && number++ % count === count - 1;
}

const isFlush = (request: FolderRequest) =>
  request.kind === "change" && request.change.kind === "flush";
const isWrite = (request: FolderRequest) =>
  request.kind === "change" && request.change.kind === "write";

/** Faults of the code that writes. */
const PLANTED: readonly (readonly [title: string, planted: () => PlantedFault])[] = [
  ["no flush of a file is done", () => isFlush],
  ["one flush in three is left out", () => oneIn(3, isFlush)],
  ["one write in thirty is lost", () => oneIn(30, isWrite)],
  ["no flush of the folder is done", () => ({ kind }) => kind === "flush"],
];

/** A fault that the first histories do not meet is met by one of the next. */
const MOST_SEEDS = 50;

for (const [title, planted] of sampledRows(PLANTED, 4)) {
  Deno.test(`a history finds it if ${title}`, async () => {
    const error = await assertRejects(async () => {
      for (let seed = 1; seed <= MOST_SEEDS; seed++) {
        await Simulation.run(seed, { steps: 100, planted: planted() });
      }
    }, BrokenPromise);
    assertMatch(error.message, /^seed \d+, step -?\d+: /);
    assertMatch(error.message, /\nThe last that happened:\n/);
    assertMatch(error.message, /\nOnce more: deno task sim --seed \d+ --steps \d+$/);
  });
}

Deno.test("deno task sim: what it is asked for", () => {
  const seedsOf = (...args: string[]) => [...wishOf(args).seeds];
  assertEquals(seedsOf("--seed", "7"), [7]);
  assertEquals(seedsOf("--seeds", "7..9"), [7, 8, 9]);
  assertEquals(seedsOf("--seed", "7", "--for", "0s"), []);
  const [first, second] = wishOf(["--seed", "7", "--for", "1h"]).seeds;
  assertEquals([first, second], [7, 8]);
  assertEquals(wishOf(["--steps", "5"]).steps, 5);
  for (const args of [["--seed=x"], ["--seeds=4"], ["--for=soon"], ["--steps=-1"]]) {
    const [name] = args[0]!.split("=");
    assertThrows(() => wishOf(args), TypeError, `${name} must be`);
  }
  assertThrows(() => wishOf(["--seeds=1..3", "--seed=4"]), TypeError, "--seeds must be");
});
