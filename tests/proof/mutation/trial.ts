/** Whether a test notices that the program is another one. */
import { basename, join } from "@std/path";
import type { Coverage, TestFile } from "./coverage.ts";
import { type Mutant, mutated } from "./mutants.ts";
import type { TestRun, Workshop } from "./workshop.ts";

/** What became of a mutant. */
export interface Verdict {
  readonly mutant: Mutant;
  /** `survived`: all tests that ran its line hold. `not covered`: none does. */
  readonly end: "killed" | "time" | "memory" | "survived" | "not covered" | "not started";
  /** How many files of tests that run its line were run. */
  readonly tried: number;
}

/** Seconds of CPU time that the tests of one run take of the program as it is: the first run, the second one, and more. */
const RUNS = [3, 12];
/** And all tests of one mutant. Some survive because of that: of them it is said that they do. */
const MOST = 60;
/** A run may take so many times as long as it does of the program as it is, and so many seconds more. */
const [SLACK, START] = [5, 6];

/** What a trial needs. */
export interface Tools {
  readonly workshop: Workshop;
  readonly coverage: Coverage;
  /** Files of tests. */
  readonly tests: readonly string[];
}

/** Runs the tests that run the line of a mutant, near ones first, until one fails. */
export async function tryMutant(tools: Tools, mutant: Mutant): Promise<Verdict> {
  const { workshop } = tools;
  const text = mutated(Deno.readTextFileSync(join(workshop.path, mutant.file)), mutant);
  let tried = 0;
  for await (const run of runsFor(tools, mutant)) {
    const limit = START + SLACK * sum(run);
    const files = run.map(({ path }) => path);
    const { end } = await workshop.withFile(
      mutant.file,
      text,
      () => workshop.test({ files, limit }),
    );
    tried += run.length;
    if (end !== "passed") return { mutant, tried, end: ENDS[end] };
  }
  return { mutant, tried, end: tried === 0 ? "not covered" : "survived" };
}

const ENDS: Readonly<Record<Exclude<TestRun["end"], "passed">, Verdict["end"]>> = {
  failed: "killed",
  time: "time",
  memory: "memory",
  "not started": "not started",
};

const sum = (tests: readonly TestFile[]) => tests.reduce((all, { seconds }) => all + seconds, 0);

/** The tests to run, together where each is quick: most mutants are noticed by the first ones. */
async function* runsFor(
  { tests, coverage, workshop }: Tools,
  { file, line }: Mutant,
): AsyncGenerator<TestFile[]> {
  let total = 0;
  let run: TestFile[] = [];
  let number = 0;
  for (const path of inOrder(tests, file, coverage)) {
    const test = await coverage.of(path, workshop);
    if (!test.lines[file]?.includes(line)) continue;
    if (total > 0 && total + test.seconds > MOST) break;
    total += test.seconds;
    run.push(test);
    if (sum(run) < (RUNS[number] ?? MOST)) continue;
    yield run;
    run = [];
    number++;
  }
  if (run.length > 0) yield run;
}

/** Those named after the file, those of its room, and the others; of these the quick ones, as far as that is known. */
function inOrder(tests: readonly string[], file: string, coverage: Coverage): string[] {
  const room = file.slice("src/".length, file.lastIndexOf("/"));
  const stem = basename(file, ".ts");
  const rank = (path: string) => {
    if (!path.startsWith(`tests/${room}/`)) return 2;
    return basename(path).startsWith(stem) ? 0 : 1;
  };
  const seconds = (path: string) => coverage.secondsOf(path) ?? 1;
  return [...tests].sort((a, b) => rank(a) - rank(b) || seconds(a) - seconds(b));
}
