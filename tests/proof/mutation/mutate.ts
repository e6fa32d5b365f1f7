/**
 * Changes the program in one small place after the other and says which changes no test notices: `deno task mutants`.
 * A sample of all changes is tried, and how many of all would be noticed follows from it.
 *
 * ```sh
 * deno task mutants [FOLDERS OR FILES] [--count NUMBER] [--seed NUMBER] [--matching TEXT] [--tests PATH]...
 * ```
 *
 * `--matching` takes only changes whose name, as it is printed, has this text in it, and `--tests` only these files of
 * tests: so one sees whether a new test notices what no test did.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { keptOf } from "./kept.ts";
import { MEMORY, Memory } from "./memory.ts";
import { findMutants, nameOf, sampleOf } from "./mutants.ts";
import { OPERATORS } from "./operators.ts";
import { scoreOf, type Tally, tallyOf } from "./score.ts";
import { ROOMS, stagesFor, tryAll } from "./stages.ts";
import type { Verdict } from "./trial.ts";

interface Wish {
  readonly places: readonly string[];
  readonly count: number;
  readonly seed: number;
  readonly matching: string;
  /** Empty for all that may notice. */
  readonly tests: readonly string[];
}

function wishOf(args: readonly string[]): Wish {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      count: { type: "string", default: "400" },
      seed: { type: "string", default: "1" },
      matching: { type: "string", default: "" },
      tests: { type: "string", multiple: true, default: [] },
    },
  });
  const whole = (name: "count" | "seed") => {
    if (/^[1-9]\d{0,8}$/.test(values[name])) return Number(values[name]);
    throw new TypeError(`--${name} must be a whole number from 1 on, not "${values[name]}"`);
  };
  return {
    places: positionals.length === 0 ? ROOMS : positionals,
    count: whole("count"),
    seed: whole("seed"),
    matching: values.matching,
    tests: values.tests,
  };
}

function told({ mutant, end, tried, by }: Verdict): string {
  return `${end}, ${tried} tests${
    by === undefined ? "" : `, ${by.file}: ${by.name}`
  }: line ${mutant.line} of ${nameOf(mutant)}`;
}

function percent(part: number): string {
  return `${(100 * part).toFixed(1)} %`;
}

function row(name: string, { tried, noticed }: Tally): string {
  const [low, high] = scoreOf({ tried, noticed });
  return `${name}: ${noticed} of ${tried} noticed, ${percent(noticed / tried)} (95 %: ${
    percent(low)
  } to ${percent(high)})`;
}

if (import.meta.main) {
  const { places, count, seed, matching, tests } = wishOf(Deno.args);
  const all = findMutants(places);
  const mutants = sampleOf(all.filter((each) => nameOf(each).includes(matching)), count, seed);
  console.log(`${mutants.length} of ${all.length} mutants of ${places.join(", ")}, seed ${seed}`);
  // What is to be seen with a few tests is to be seen now.
  const memory = new Memory(tests.length > 0 ? undefined : MEMORY);
  const stages = tests.length > 0 ? [tests] : stagesFor(mutants.map(({ file }) => file));
  const verdicts = await tryAll(all, mutants, stages, memory, {
    survey({ tests, left }, stage) {
      console.log(`stage ${stage + 1}: ${tests.length} tests; left out: ${left.length}`);
      for (const each of left) console.log(`  ${each}`);
    },
    verdict: (verdict, stage) => console.log(`stage ${stage + 1}: ${told(verdict)}`),
  });
  console.log("\nNot noticed:");
  for (const verdict of verdicts) {
    if (verdict.end !== "survived" && verdict.end !== "not reached") continue;
    const kept = keptOf(verdict.mutant);
    console.log(`${told(verdict)}${kept === undefined ? "" : `: ${kept.kind}, ${kept.why}`}`);
  }
  console.log("");
  for (const operator of OPERATORS) {
    const own = verdicts.filter(({ mutant }) => mutant.operator === operator);
    if (own.length > 0) console.log(row(operator, tallyOf(own)));
  }
  console.log(row("all", tallyOf(verdicts)));
}
