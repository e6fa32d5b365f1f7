/** Whether a test notices that the program is another one. */
import { basename, dirname } from "@std/path";
import type { KnownTest, Laboratory, Survey } from "./laboratory.ts";
import type { Mutant } from "./mutants.ts";
import type { Numbered } from "./schemata.ts";
import type { Stop, TesterProcess } from "./tester_process.ts";

/** What became of a mutant. */
export interface Verdict {
  readonly mutant: Mutant;
  /**
   * `survived`: all tests in which it makes a difference hold. `not reached`: it makes none in any test. `not started`:
   * it is no program.
   */
  readonly end: "killed" | "time" | "memory" | "survived" | "not reached" | "not started";
  /** The test that noticed. */
  readonly by?: { readonly file: string; readonly name: string };
  /** How many tests were run. */
  readonly tried: number;
}

/** Seconds of CPU time, without the mutant, that the tests of a stage may take: those that take most are left out. */
const MOST = 6;
/** And those of one that needs a process of its own. */
const MOST_LOADING = 3;
/** A test may take so many times as long as it does without the mutant, and so many seconds, or steps, more. */
const [SLACK, MORE_SECONDS, MORE_STEPS] = [10, 5, 1e6];
/** A process is used for so many mutants: each may leave something behind. */
const USES = 200;

/** Tries mutants with the tests of a survey. */
export class Trials implements AsyncDisposable {
  readonly #laboratory: Laboratory;
  readonly #survey: Survey;
  readonly #tests: ReadonlyMap<number, KnownTest>;
  /** How often a test has noticed a mutant of a file. */
  readonly #kills = new Map<string, number>();
  #process: TesterProcess | undefined;
  #uses = 0;

  constructor(laboratory: Laboratory, survey: Survey) {
    this.#laboratory = laboratory;
    this.#survey = survey;
    this.#tests = new Map(survey.tests.map((test) => [test.test, test]));
  }

  /** Runs the tests in which a mutant makes a difference, of these files, until one fails. */
  async try(mutant: Numbered, files: ReadonlySet<string>): Promise<Verdict> {
    const { id } = mutant;
    const tests = this.#survey.tests.filter((test) => files.has(test.file));
    const reaching = this.#inOrder(tests.filter(({ ids }) => ids.has(id)), mutant.file);
    const verdict = await this.#run(mutant, affordable(reaching, MOST));
    if (!this.#survey.loading.has(id) || isNoticed(verdict)) return verdict;
    return await this.#tryLoading(mutant, tests, verdict.tried);
  }

  /** What makes a difference while the program is loaded is tried in a process of its own. */
  async #tryLoading(
    mutant: Numbered,
    tests: readonly KnownTest[],
    tried: number,
  ): Promise<Verdict> {
    await this.#end();
    const started = await this.#laboratory.start(this.#survey.files, mutant.id);
    if (typeof started === "string") return { mutant, end: ENDS[started], tried: tried + 1 };
    this.#process = started.process;
    // A test with which the process cannot even begin has failed.
    const failure = started.loaded.failures.find((each) => !this.#survey.left.includes(each));
    const file = failure?.split(": ")[0]!;
    const verdict: Verdict = failure === undefined
      ? await this.#run(mutant, affordable(this.#ofFile(mutant.file, tests), MOST_LOADING))
      : { mutant, end: "killed", by: { file, name: "" }, tried: 1 };
    await this.#end();
    return { ...verdict, tried: verdict.tried + tried };
  }

  /** The tests that run anything of a file, or if it has nothing that is run, all. */
  #ofFile(file: string, all: readonly KnownTest[]): KnownTest[] {
    const own = new Set(
      this.#laboratory.mutants.filter((each) => each.file === file).map(({ id }) => id),
    );
    const tests = all.filter(({ ids }) => !ids.isDisjointFrom(own));
    return this.#inOrder(tests.length === 0 ? all : tests, file);
  }

  /** Quick ones first; those named after the file, those of its room, and those that notice much seem quicker. */
  #inOrder(tests: readonly KnownTest[], file: string): KnownTest[] {
    const room = `tests/${dirname(file).slice("src/".length)}/`;
    const stem = basename(file, ".ts");
    const cost = (test: KnownTest) => {
      const nearness = !test.file.startsWith(room)
        ? 1
        : basename(test.file).startsWith(stem)
        ? 8
        : 3;
      const kills = this.#kills.get(`${file} ${test.test}`) ?? 0;
      return (test.seconds + 0.002) / (nearness * (1 + kills));
    };
    return [...tests].sort((a, b) => cost(a) - cost(b));
  }

  async #run(mutant: Numbered, tests: readonly KnownTest[]): Promise<Verdict> {
    const left = [...tests];
    let tried = 0;
    let again: number | undefined;
    while (left.length > 0) {
      const process = await this.#ready();
      await process.order({
        mutant: mutant.id,
        tests: left.map(({ test, steps }) => ({ test, limit: SLACK * steps + MORE_STEPS })),
      });
      const killed = async (end: Verdict["end"]): Promise<Verdict> => {
        const { file, name, test } = left[0]!;
        const key = `${mutant.file} ${test}`;
        this.#kills.set(key, (this.#kills.get(key) ?? 0) + 1);
        return await Promise.resolve({ mutant, end, by: { file, name }, tried });
      };
      for (;;) {
        const answer = await process.answer();
        if (typeof answer === "string") {
          await this.#end();
          return await killed(ENDS[answer]);
        }
        if (answer.kind === "done") {
          return { mutant, end: tried === 0 ? "not reached" : "survived", tried };
        }
        if (answer.kind === "begins") {
          tried++;
          while (left[0]!.test !== answer.test) left.shift();
          process.allow(MORE_SECONDS + SLACK * left[0]!.seconds);
        }
        if (answer.kind !== "failed") continue;
        if (answer.isEndless) return await killed("time");
        if (answer.isSound || again === answer.test) return await killed("killed");
        // The process is no longer what it was: whether the mutant did that is seen in a new one.
        again = answer.test;
        await this.#end();
        break;
      }
    }
    return { mutant, end: tried === 0 ? "not reached" : "survived", tried };
  }

  async #ready(): Promise<TesterProcess> {
    if (this.#process !== undefined && ++this.#uses > USES) await this.#end();
    if (this.#process === undefined) {
      const started = await this.#laboratory.start(this.#survey.files);
      if (typeof started === "string") throw new Error(`the tests cannot be loaded: ${started}`);
      this.#process = started.process;
      this.#uses = 0;
    }
    return this.#process;
  }

  async #end(): Promise<void> {
    await this.#process?.[Symbol.asyncDispose]();
    this.#process = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end();
  }
}

const ENDS: Readonly<Record<Stop, Verdict["end"]>> = {
  time: "time",
  memory: "memory",
  ended: "killed",
};

/** Whether a test failed, or went on without an end. */
export function isNoticed({ end }: Verdict): boolean {
  return end === "killed" || end === "time" || end === "memory";
}

/** As many as can be afforded, those first that come first. */
function affordable(tests: readonly KnownTest[], most: number): KnownTest[] {
  let total = 0;
  return tests.filter(({ seconds }) => {
    if (total + seconds > most) return false;
    total += seconds;
    return true;
  });
}
