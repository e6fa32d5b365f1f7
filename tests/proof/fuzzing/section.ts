/** The section about fuzzing: files that a fuzzer makes, led by what of the source they reach. */
import { fromFileUrl } from "@std/path";
import { denoCommand } from "../../deno_command.ts";
import { TempDir } from "../../support.ts";
import type { RunFacts, RunWish, Section } from "../section.ts";
import type { Batch, Fault, FuzzState } from "./fuzzer.ts";
import type { Mutant } from "./mutants.ts";
import { TARGETS } from "./targets.ts";
import { VOLUME_TOOLS } from "./volumes.ts";

/** What came of a target. */
interface TargetResult extends Omit<FuzzState, "corpus" | "kinds"> {
  readonly target: string;
  /** How many were kept. */
  readonly corpus: number;
}

export const fuzzing: Section<readonly TargetResult[]> = {
  name: "fuzzing",
  title: "Coverage-guided fuzzing",
  unit: "cases",
  counts: { short: 5000, long: 1_000_000 },
  programs: [],
  needs: VOLUME_TOOLS,
  run,
  render,
  faults: (results) =>
    results.flatMap(({ faults }) =>
      faults.map(({ target, mutant, error }) => `${target}: ${error}: ${JSON.stringify(mutant)}`)
    ),
};

/** Of a hundred cases. */
const SHARES: Readonly<Record<string, number>> = {
  VHD: 30,
  VHDX: 15,
  ISO: 15,
  "file systems": 10,
  "NBD sessions": 30,
};

async function run({ count, seed, tell }: RunWish): Promise<TargetResult[]> {
  using end = new EarlyEnd();
  return await Promise.all(TARGETS.map(async ({ name }) => {
    const cases = Math.ceil(count * SHARES[name]! / 100);
    const result = await fuzzTarget(name, { cases, seed, end, tell });
    tell(`${name}: ${result.cases} cases, ${result.corpus} kept`);
    return { target: name, ...result };
  }));
}

/** Whoever has waited long enough ends the run with a signal, and gets what there is. */
class EarlyEnd implements Disposable {
  readonly #processes = new Set<Deno.ChildProcess>();
  readonly #signals: readonly Deno.Signal[] = Deno.build.os === "windows" ? [] : ["SIGTERM"];
  readonly #listener = () => {
    this.isOver = true;
    for (const process of this.#processes) process.kill("SIGTERM");
  };
  isOver = false;

  constructor() {
    for (const signal of this.#signals) Deno.addSignalListener(signal, this.#listener);
  }

  /** A process that is to end early, too. */
  watch(process: Deno.ChildProcess): Disposable {
    this.#processes.add(process);
    return { [Symbol.dispose]: () => void this.#processes.delete(process) };
  }

  [Symbol.dispose](): void {
    for (const signal of this.#signals) Deno.removeSignalListener(signal, this.#listener);
  }
}

/** No batch of a few dozen cases takes as long, in milliseconds, whatever else the machine does. */
const LIMIT = 300_000;
/** Of one case that is tried alone. */
const CASE_LIMIT = 60_000;
/** MiB of JavaScript's own memory: a few times what the sound files take. */
const MEMORY = 1024;
/** Cases of a process: V8 counts code only that is compiled while it does, and begins to in a new process. */
const ROUND = 20_000;
/** Of these the first ones show what they reach. */
const COUNTED = 4000;

interface TargetWish {
  readonly cases: number;
  readonly seed: number;
  readonly end: EarlyEnd;
  tell(line: string): void;
}

/** In processes of their own, each for a round: one may hang, or end. */
async function fuzzTarget(
  target: string,
  { cases, seed, end, tell }: TargetWish,
): Promise<Omit<TargetResult, "target">> {
  using dir = new TempDir();
  const [batch, path] = [dir.file("batch.json"), dir.file("state.json")];
  let state: FuzzState = {
    cases: 0,
    counted: 0,
    taken: 0,
    corpus: [],
    sound: 0,
    reached: 0,
    faults: [],
    kinds: [],
  };
  for (let round = 0; state.cases < cases && !end.isOver; round++) {
    const count = Math.min(ROUND, cases - state.cases);
    const args = [target, count, COUNTED, seed + round * SEED_STEP, batch, path].map(String);
    const { how } = await worker(["fuzz", ...args], { limit: LIMIT, progress: batch, end });
    if (how !== undefined) {
      const { done, mutants }: Batch = JSON.parse(Deno.readTextFileSync(batch));
      const faults = [...state.faults, ...await faultsOf(dir, target, mutants, how)];
      state = { ...state, cases: state.cases + done, faults };
      break;
    }
    const before = state.cases;
    state = JSON.parse(Deno.readTextFileSync(path));
    tell(`${target}: ${state.cases} cases, ${state.faults.length} faults`);
    // Too many faults.
    if (state.cases - before < count) break;
  }
  const { corpus, kinds: _, ...rest } = state;
  return { ...rest, corpus: corpus.length };
}

/** Rounds of neighbouring seeds are others. */
const SEED_STEP = 1_000_003;

/** Which of them did it. */
async function faultsOf(
  dir: TempDir,
  target: string,
  mutants: readonly Mutant[],
  how: string,
): Promise<Fault[]> {
  const faults: Fault[] = [];
  const path = dir.file("mutant.json");
  for (const mutant of mutants) {
    Deno.writeTextFileSync(path, JSON.stringify(mutant));
    const alone = await worker(["run", target, path], { limit: CASE_LIMIT });
    if (alone.how !== undefined) faults.push({ target, mutant, error: alone.how });
  }
  if (faults.length > 0) return faults;
  return mutants.slice(0, 1).map((mutant) => ({
    target,
    mutant,
    error: `${how}, but none of its batch alone`,
  }));
}

interface Watch {
  /** Milliseconds: for all, or between two changes of the file. */
  readonly limit: number;
  /** A file that it writes again and again. */
  readonly progress?: string;
  readonly end?: EarlyEnd;
}

/** Runs a worker; says how it ended, if not well. */
export async function worker(
  args: readonly string[],
  { limit, progress, end }: Watch,
): Promise<{ readonly output: string; readonly how: string | undefined }> {
  const path = fromFileUrl(new URL("worker.ts", import.meta.url));
  const flags = ["--allow-all", "--no-check", `--v8-flags=--max-old-space-size=${MEMORY}`];
  const process = denoCommand({
    args: ["run", ...flags, path, ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1" },
  }).spawn();
  using _ = end?.watch(process);
  let late = false;
  let last = Date.now();
  const timer = setInterval(() => {
    if (progress !== undefined) last = Math.max(last, lastChange(progress));
    if (Date.now() - last < limit) return;
    late = true;
    process.kill("SIGKILL");
  }, 1000);
  const { success, code, signal, stdout, stderr } = await process.output();
  clearInterval(timer);
  const text = new TextDecoder();
  const output = text.decode(stdout);
  if (success) return { output, how: undefined };
  if (late) return { output, how: "no end in sight" };
  const reason = text.decode(stderr).trim().split("\n")[0]!;
  return { output, how: `ended with ${signal ?? code}: ${reason}` };
}

function lastChange(path: string): number {
  try {
    return Deno.statSync(path).mtime?.getTime() ?? 0;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}

function render(results: readonly TargetResult[], { seed, count }: RunFacts): string[] {
  const total = results.reduce((sum, { cases }) => sum + cases, 0);
  const part = total < count ? `; the run was ended before all ${count} were done` : "";
  return [
    `${total} files and sessions that a fuzzer made (seed ${seed}${part}). Each is a sound one with a few changes, whose pages`,
    "it shares: fields at the numbers where checks and sums go wrong, structures copied over others, other log",
    "entries, paths, whole messages; with checksums made right again in most. V8 counts which parts of the source",
    "run (the inspector's `Profiler.takePreciseCoverage`), and whatever reaches a part that nothing had reached is",
    `kept and changed further. Of ${ROUND} cases it counts the first ${COUNTED}, which takes a few times as long as running them;`,
    "the others are made of all that was kept.",
    "",
    "- An **image** is opened, read as far as 8 MiB, checked, and then written to, salvaged, repaired, compacted,",
    "  resized or merged, in turns. What could be read before must read the same after.",
    "- A **file system** or table of partitions is asked what is free: in order, inside the disk, no more than it has.",
    "- A **session** is what a client of the network block device sends.",
    "",
    "Nothing may end the process, hang, throw what is no typed error, read or write without bound, or hold more than",
    `${MEMORY} MiB. **counted**: those of which V8 counted what they reach. **taken**: not refused. **kept**: reached`,
    "something new. **reached**: characters of the source in functions and branches that ran, by the sound files, and by all",
    "that were counted.",
    "",
    "The file systems are ext2, ext4 with a journal and without, NTFS, FAT12, FAT16, FAT32 and exFAT.",
    "",
    "| target | cases | counted | taken | kept | reached by sound ones | reached by all | faults |",
    "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ...results.map(({ target, cases, counted, taken, corpus, sound, reached, faults }) =>
      `| ${target} | ${cases} | ${counted} | ${taken} | ${corpus} | ${sound} | ${reached} | ${faults.length} |`
    ),
  ];
}
