/** Tries many mutants: first with the tests of their rooms, then, if these notice nothing, with those of others. */
import { basename, join } from "@std/path";
import { testFilesBelow } from "./covered.ts";
import { Laboratory, type Survey } from "./laboratory.ts";
import { type Mutant, mutated } from "./mutants.ts";
import type { Memory } from "./memory.ts";
import { isNoticed, Trials, type Verdict } from "./trial.ts";
import { Workshop } from "./workshop.ts";

/** Files of tests, one stage after the other. */
export type Stages = readonly (readonly string[])[];

/** The rooms in which mutants are counted. */
export const ROOMS = ["vhd", "vhdx", "chain", "image"].map((room) => `src/portable/${room}`);

/** The tests that may notice a change in some rooms: theirs, those of the floors above, and what damages and interrupts. */
export function stagesFor(files: readonly string[]): Stages {
  const rooms = new Set(files.map((file) => `tests/${file.split("/").slice(1, -1).join("/")}/`));
  const portable = testFilesBelow("tests/portable");
  const names = new Set(files.map((file) => basename(file, ".ts")));
  const isNear = (path: string) => [...rooms].some((room) => path.startsWith(room));
  const isNamed = (path: string) => [...names].some((name) => basename(path).startsWith(name));
  return [
    portable.filter((path) => isNear(path) && isNamed(path)),
    portable.filter((path) => isNear(path) && !isNamed(path)),
    portable.filter((path) => !isNear(path)),
    ["tests/crash", "tests/fuzz"].flatMap(testFilesBelow),
  ].filter((stage) => stage.length > 0);
}

/** So many processes run tests at a time. */
const PROCESSES = 2;

/** What a run tells meanwhile. */
export interface Told {
  /** Of each stage, when its tests are known. */
  survey(survey: Survey, stage: number): void;
  /** Of each mutant, after each stage in which it was tried. */
  verdict(verdict: Verdict, stage: number): void;
}

/**
 * Tries mutants.
 *
 * @param all Those of the files in which these are.
 * @param memory What is known of them, and learns more.
 * @returns What became of them, in their order.
 */
export async function tryAll(
  all: readonly Mutant[],
  mutants: readonly Mutant[],
  stages: Stages,
  memory: Memory,
  told: Told,
): Promise<Verdict[]> {
  // Files are remembered as they are now, when they are copied, whatever becomes of them meanwhile.
  for (const mutant of mutants) memory.untried(mutant, stages.flat());
  using laboratory = new Laboratory(all);
  const numbers = new Map(all.map((mutant, i) => [mutant, laboratory.mutants[i]!]));
  for (const [stage, files] of stages.entries()) {
    const waiting = mutants.flatMap((mutant) => {
      const known = memory.verdictOf(mutant);
      const untried = memory.untried(mutant, files);
      const isOver = known !== undefined && isNoticed(known) || untried.length === 0;
      return isOver ? [] : [{ mutant, untried }];
    });
    const needed = files.filter((file) => waiting.some(({ untried }) => untried.includes(file)));
    if (needed.length === 0) continue;
    const survey = await laboratory.survey(needed, PROCESSES);
    told.survey(survey, stage);
    const work = async () => {
      await using trials = new Trials(laboratory, survey);
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const { mutant, untried } = next;
        const verdict = { ...await trials.try(numbers.get(mutant)!, new Set(untried)), mutant };
        memory.add(verdict, untried);
        told.verdict(verdict, stage);
      }
    };
    await Promise.all(Array.from({ length: PROCESSES }, work));
  }
  return mutants.map((mutant) =>
    memory.verdictOf(mutant) ?? { mutant, end: "not reached", tried: 0 }
  );
}

/** Seconds of CPU time for a file of tests. */
const LIMIT = 120;

/** Makes mutants that were noticed once more, as changed files, and runs the files of tests that noticed. */
export async function tryAgain(
  verdicts: readonly Verdict[],
  limit = LIMIT,
): Promise<{ tried: number; noticed: number }> {
  if (verdicts.length === 0) return { tried: 0, noticed: 0 };
  using workshop = new Workshop();
  let noticed = 0;
  for (const { mutant, by } of verdicts) {
    const source = Deno.readTextFileSync(join(workshop.path, mutant.file));
    const { end } = await workshop.withFile(
      mutant.file,
      mutated(source, mutant),
      () => workshop.test({ files: [by!.file], limit }),
    );
    if (end !== "passed" && end !== "not started") noticed++;
  }
  return { tried: verdicts.length, noticed };
}
