/** Runs spin: over all states of a model, or along random paths through it. */
import { join } from "@std/path";
import { type Need, ROOT, TempDir, tool } from "../../support.ts";

/** What verifying and following many paths need: the program of a model is made by both. */
export const SPIN_NEEDS: readonly Need[] = [tool("spin"), tool("gcc")];

/** Macros of a model, with or without a value. */
export type Macros = Readonly<Record<string, number | true>>;

/** What came of all states. */
export interface Verification {
  /** What does not hold; empty if all does. */
  readonly violated: string;
  readonly states: number;
  /** Steps on the longest path. */
  readonly depth: number;
}

/** MiB of memory and steps on one path: what is more than enough is an error, and no result. */
const [MOST_MEMORY, MOST_DEPTH] = [8000, 10_000];

/**
 * Goes through all states.
 *
 * @param model The name of its file.
 * @throws {Error} If that took more memory, or a longer path, than there is.
 */
export async function verify(model: string, macros: Macros): Promise<Verification> {
  using dir = new TempDir();
  await makeProgram(dir, model, macros, ["-DSAFETY", "-DCOLLAPSE", `-DMEMLIM=${MOST_MEMORY}`]);
  const { output } = await run(dir, "./pan", `-m${MOST_DEPTH}`);
  if (/max search depth too small|out of memory|aborting|reached -DMEMLIM/.test(output)) {
    throw new Error(output);
  }
  const count = (pattern: RegExp) => Number(pattern.exec(output)?.[1]?.replaceAll(",", ""));
  const violated = /^pan:\d+: (.*)/m.exec(output)?.[1] ?? "";
  const errors = count(/errors: (\d+)/);
  if ((errors === 0) !== (violated === "")) throw new Error(output);
  return { violated, states: count(/(\d+) states, stored/), depth: count(/depth reached (\d+)/) };
}

/** What is to be verified. */
export interface VerificationWish {
  readonly model: string;
  readonly macros: Macros;
}

/**
 * As {@linkcode verify}, of several, as many at once as there are processors.
 *
 * @param onStart Is told of each that is begun.
 * @returns What came of them, in their order.
 */
export async function verifyAll<Wish extends VerificationWish>(
  wishes: readonly Wish[],
  onStart: (wish: Wish) => void,
): Promise<(Wish & Verification)[]> {
  const results: (Wish & Verification)[] = [];
  // One iterator for all: each takes what nobody has taken.
  const left = wishes.entries();
  const workers = Array.from({ length: navigator.hardwareConcurrency }, async () => {
    for (const [i, wish] of left) {
      onStart(wish);
      results[i] = { ...wish, ...await verify(wish.model, wish.macros) };
    }
  });
  await Promise.all(workers);
  return results;
}

/** More steps than any path has: one that goes on has no end. */
const MOST_STEPS = 100_000;

/** Follows one random path: what is many times as slow as {@linkcode Paths}, but needs no program. */
export async function simulate(model: string, macros: Macros, seed: number): Promise<string[]> {
  using dir = new TempDir();
  const options = ["-T", `-n${seed}`, `-u${MOST_STEPS * 100}`];
  // Ends with an assertion, as does every path.
  const { output } = await run(
    dir,
    "spin",
    ...options,
    ...flagsOf({ ...macros, SIMULATE: true }),
    fileOf(model),
  );
  return eventsIn(output);
}

/** Random paths through a model. */
export class Paths implements Disposable {
  readonly #dir = new TempDir();

  private constructor() {}

  /** @param model The name of its file. */
  static async of(model: string, macros: Macros): Promise<Paths> {
    const paths = new Paths();
    // The first path that is found is as random as its choices, and at its end the search is over.
    const options = ["-DSAFETY", "-DT_RAND", "-DPRINTF", "-DVECTORSZ=65536"];
    await makeProgram(paths.#dir, model, { ...macros, SIMULATE: true }, options);
    return paths;
  }

  /** Follows one path, which the seed chooses; gives the lines that the model prints. */
  async follow(seed: number): Promise<string[]> {
    const { output } = await run(this.#dir, "./pan", `-RS${seed}`, `-m${MOST_STEPS}`, "-w10");
    return eventsIn(output);
  }

  [Symbol.dispose](): void {
    this.#dir[Symbol.dispose]();
  }
}

/** The lines that a model prints for whoever follows a path, from its beginning to its end. */
function eventsIn(output: string): string[] {
  const lines = output.split("\n").map((line) => line.trim());
  const events = lines.filter((line) => line.startsWith("@"));
  if (events.at(-1) !== "@end") throw new Error(output.slice(-2000));
  return events;
}

async function makeProgram(
  dir: TempDir,
  model: string,
  macros: Macros,
  options: readonly string[],
): Promise<void> {
  await runWell(dir, "spin", "-a", ...flagsOf(macros), fileOf(model));
  // What gcc would make faster takes it longer to make than the program runs.
  await runWell(dir, "gcc", "-w", "-O0", ...options, "-o", "pan", "pan.c");
}

function fileOf(model: string): string {
  return join(ROOT, "tests/proof/model", model);
}

function flagsOf(macros: Macros): string[] {
  return Object.entries(macros).map(([name, value]) =>
    `-D${name}${value === true ? "" : `=${value}`}`
  );
}

async function runWell(dir: TempDir, program: string, ...args: string[]): Promise<void> {
  const { success, output } = await run(dir, program, ...args);
  if (!success) throw new Error(`${program} ${args.join(" ")}:\n${output.slice(-2000)}`);
}

async function run(
  dir: TempDir,
  program: string,
  ...args: string[]
): Promise<{ readonly success: boolean; readonly output: string }> {
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args,
    cwd: dir.path,
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  return { success, output: text.decode(stdout) + text.decode(stderr) };
}
