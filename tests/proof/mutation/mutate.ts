/**
 * Changes the program in one small place after the other and says which changes no test notices: `deno task mutants`.
 * A sample of all changes is tried, and how many of all would be noticed follows from it.
 *
 * ```sh
 * deno task mutants [FOLDERS OR FILES] [--count NUMBER] [--seed NUMBER] [--workers NUMBER]
 * ```
 *
 * @module
 */
import { parseArgs } from "node:util";
import { Coverage } from "./coverage.ts";
import { testFilesBelow } from "./covered.ts";
import { findMutants, type Mutant, nameOf, sampleOf } from "./mutants.ts";
import { OPERATORS } from "./operators.ts";
import { scoreOf, type Tally, tallyOf } from "./score.ts";
import { tryMutant, type Verdict } from "./trial.ts";
import { Workshop } from "./workshop.ts";

/** What is changed if nothing else is named. */
const PLACES = ["vhd", "vhdx", "chain", "image"].map((room) => `src/portable/${room}`);
/** The tests that may notice: in these the program runs in the process of the test. */
const TESTS = ["tests/bytes", "tests/portable", "tests/crash", "tests/fuzz"];

interface Wish {
  readonly places: readonly string[];
  readonly count: number;
  readonly seed: number;
  readonly workers: number;
}

function wishOf(args: readonly string[]): Wish {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      count: { type: "string", default: "400" },
      seed: { type: "string", default: "1" },
      workers: { type: "string", default: "2" },
    },
  });
  const whole = (name: keyof typeof values) => {
    if (/^[1-9]\d{0,8}$/.test(values[name])) return Number(values[name]);
    throw new TypeError(`--${name} must be a whole number from 1 on, not "${values[name]}"`);
  };
  return {
    places: positionals.length === 0 ? PLACES : positionals,
    count: whole("count"),
    seed: whole("seed"),
    workers: whole("workers"),
  };
}

/** Tries the mutants, several at a time. */
async function tryAll(mutants: readonly Mutant[], workers: number): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  const coverage = new Coverage();
  const tests = TESTS.flatMap(testFilesBelow);
  const left = [...mutants];
  const work = async () => {
    using workshop = new Workshop();
    for (let mutant = left.shift(); mutant !== undefined; mutant = left.shift()) {
      const verdict = await tryMutant({ workshop, coverage, tests }, mutant);
      verdicts.push(verdict);
      console.log(`${verdicts.length} ${told(verdict)}`);
    }
  };
  await Promise.all(Array.from({ length: workers }, work));
  return verdicts;
}

function told({ mutant, end, tried }: Verdict): string {
  return `${end}, ${tried} files of tests: line ${mutant.line} of ${nameOf(mutant)}`;
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
  const { places, count, seed, workers } = wishOf(Deno.args);
  const all = findMutants(places);
  const mutants = sampleOf(all, count, seed);
  console.log(`${mutants.length} of ${all.length} mutants of ${places.join(", ")}, seed ${seed}`);
  const verdicts = await tryAll(mutants, workers);
  console.log("\nNot noticed:");
  for (const verdict of verdicts) {
    if (verdict.end === "survived" || verdict.end === "not covered") console.log(told(verdict));
  }
  console.log("");
  for (const operator of OPERATORS) {
    const own = verdicts.filter(({ mutant }) => mutant.operator === operator);
    if (own.length > 0) console.log(row(operator, tallyOf(own)));
  }
  console.log(row("all", tallyOf(verdicts)));
}
