/** Tries many mutants: first with the tests of their rooms, then, if these notice nothing, with those of others. */
import { basename, join } from "@std/path";
import { testFilesBelow } from "./covered.ts";
import { Laboratory, type Survey } from "./laboratory.ts";
import { type Mutant, mutated } from "./mutants.ts";
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
    testFilesBelow("tests/interop"),
  ].filter((stage) => stage.length > 0);
}

/** What a run tells meanwhile. */
export interface Told {
  /** Of each stage, when its tests are known. */
  survey(survey: Survey, stage: number): void;
  /** Of each mutant that is noticed, and in the end of the others. */
  verdict(verdict: Verdict): void;
}

/**
 * Tries mutants.
 *
 * @param all Those of the files in which these are.
 * @returns What became of them, in their order.
 */
export async function tryAll(
  all: readonly Mutant[],
  mutants: readonly Mutant[],
  stages: Stages,
  told: Told,
): Promise<Verdict[]> {
  using laboratory = new Laboratory(all);
  const verdicts = new Map<Mutant, Verdict>();
  let left = mutants.map((mutant) => ({
    mutant,
    numbered: laboratory.mutants[all.indexOf(mutant)]!,
  }));
  for (const [stage, files] of stages.entries()) {
    if (left.length === 0) break;
    const survey = await laboratory.survey(files);
    told.survey(survey, stage);
    await using trials = new Trials(laboratory, survey);
    for (const { mutant, numbered } of left) {
      const before = verdicts.get(mutant);
      const verdict = { ...await trials.try(numbered), mutant };
      const tried = verdict.tried + (before?.tried ?? 0);
      const end = verdict.end === "not reached" && tried > 0 ? "survived" : verdict.end;
      verdicts.set(mutant, { ...verdict, end, tried });
      if (isNoticed(verdict)) told.verdict(verdicts.get(mutant)!);
    }
    left = left.filter(({ mutant }) => !isNoticed(verdicts.get(mutant)!));
  }
  for (const { mutant } of left) told.verdict(verdicts.get(mutant)!);
  return mutants.map((mutant) => verdicts.get(mutant)!);
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
