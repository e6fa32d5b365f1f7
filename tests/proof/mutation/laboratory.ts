/** A copy of the project in which every mutant is behind a switch, and what each test makes of them all. */
import { join, toFileUrl } from "@std/path";
import type { Mutant } from "./mutants.ts";
import { type Numbered, switchModule, withSwitches } from "./schemata.ts";
import { TesterProcess } from "./tester_process.ts";
import { Workshop } from "./workshop.ts";

/** Seconds of CPU time that a test may take of the program as it is: longer ones are left out. */
const LONGEST = 12;

/** A test that holds of the program as it is. */
export interface KnownTest {
  /** Its number in the process. */
  readonly test: number;
  /** Below the root. */
  readonly file: string;
  readonly name: string;
  /** Of CPU time. */
  readonly seconds: number;
  /** How often it came by a switch. */
  readonly steps: number;
  /** The mutants with which something in it would have been another value, or not have been done. */
  readonly ids: ReadonlySet<number>;
}

/** What is known of some files of tests. */
export interface Survey {
  /** Below the root. */
  readonly files: readonly string[];
  readonly tests: readonly KnownTest[];
  /** The mutants that made a difference while all was loaded. */
  readonly loading: ReadonlySet<number>;
  /** Of tests that cannot be run here: why. */
  readonly left: readonly string[];
}

/** See {@linkcode withSwitches}. */
export class Laboratory implements Disposable {
  readonly #workshop = new Workshop();
  readonly #modules: readonly string[];
  readonly #switch: string;
  readonly #count: number;

  /** All mutants of some files, by the numbers of their switches. */
  readonly mutants: readonly Numbered[];

  constructor(mutants: readonly Mutant[]) {
    this.mutants = mutants.map((mutant, i) => ({ ...mutant, id: i + 1 }));
    this.#count = mutants.length + 1;
    this.#switch = join(this.#workshop.path, "switch.js");
    Deno.writeTextFileSync(this.#switch, switchModule());
    const files = Map.groupBy(this.mutants, ({ file }) => file);
    for (const [file, own] of files) {
      const place = join(this.#workshop.path, file);
      const source = Deno.readTextFileSync(place);
      const url = toFileUrl(this.#switch).href;
      Deno.writeTextFileSync(place, withSwitches(source, own, url));
    }
    this.#modules = [...files.keys()].map((file) => join(this.#workshop.path, file));
  }

  /** Loads the program, with a mutant if it is not 0, and files of tests. */
  async start(files: readonly string[], mutant = 0): ReturnType<typeof TesterProcess.start> {
    const started = await TesterProcess.start(this.#workshop, {
      switch: this.#switch,
      mutant,
      count: this.#count,
      modules: this.#modules,
      tests: files.map((file) => join(this.#workshop.path, file)),
    });
    if (typeof started === "string") return started;
    const { process, loaded } = started;
    // Each begins with the path of a file.
    const failures = loaded.failures.map((failure) => this.#belowRoot(failure));
    return { process, loaded: { ...loaded, failures } };
  }

  #belowRoot(path: string): string {
    return path.slice(this.#workshop.path.length + 1);
  }

  /** Runs each test once, in several processes. */
  async survey(files: readonly string[], processes = 1): Promise<Survey> {
    const surveys = await Promise.all(
      Array.from({ length: processes }, (_, i) => this.#look(files, i, processes)),
    );
    return {
      files,
      tests: surveys.flatMap(({ tests }) => tests).sort((a, b) => a.test - b.test),
      loading: surveys[0]!.loading,
      left: [...new Set(surveys.flatMap(({ left }) => left))],
    };
  }

  /** Runs one of every so many tests. */
  async #look(files: readonly string[], first: number, step: number): Promise<Survey> {
    const tests: KnownTest[] = [];
    const left: string[] = [];
    let loading: ReadonlySet<number> = new Set();
    for (let next = first, isDone = false; !isDone;) {
      const started = await this.start(files);
      if (typeof started === "string") throw new Error(`the tests cannot be loaded: ${started}`);
      await using process = started.process;
      const { loaded } = started;
      loading = new Set(loaded.ids);
      left.push(...loaded.failures);
      const titleOf = (test: number) => {
        const { file, name } = loaded.tests[test]!;
        return { file: this.#belowRoot(file), name };
      };
      const look = loaded.tests.map((_, i) => i).filter((i) => i >= next && i % step === first);
      await process.order({ look });
      for (;;) {
        const answer = await process.answer();
        if (typeof answer === "string") {
          // What stops the process is left out, and the next one is run in a new one.
          const { file, name } = titleOf(next);
          left.push(`${file}: ${name}: ${answer}`);
          next += step;
          break;
        }
        if (answer.kind === "done") {
          isDone = true;
          break;
        }
        if (answer.kind === "begins") {
          next = answer.test;
          process.allow(LONGEST);
        }
        if (answer.kind !== "looked") continue;
        const { file, name } = titleOf(answer.test);
        if (answer.error === undefined) {
          const { test, seconds, steps, ids } = answer;
          tests.push({ test, file, name, seconds, steps, ids: new Set(ids) });
        } else {
          left.push(`${file}: ${name}: ${answer.error}`);
        }
      }
    }
    return { files, tests, loading, left };
  }

  [Symbol.dispose](): void {
    this.#workshop[Symbol.dispose]();
  }
}
