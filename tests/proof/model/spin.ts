/** Runs spin: over all states of a model, or along one random path through it. */
import { join } from "@std/path";
import { type Need, ROOT, TempDir, tool } from "../../support.ts";

/** The model of the log. */
export const MODEL = join(ROOT, "tests/proof/model/log.pml");
/** What verifying needs; simulating needs the first one. */
export const SPIN_NEEDS: readonly Need[] = [tool("spin"), tool("gcc")];

/** Macros of the model, with or without a value. */
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
const [MOST_MEMORY, MOST_DEPTH] = [2000, 10_000];

/**
 * Goes through all states.
 *
 * @throws {Error} If that took more memory, or a longer path, than there is.
 */
export async function verify(macros: Macros): Promise<Verification> {
  using dir = new TempDir();
  await run(dir, "spin", "-a", ...flags(macros), MODEL);
  // What gcc would make faster takes it longer to make than the program runs.
  const options = ["-O0", "-w", "-DSAFETY", "-DCOLLAPSE", `-DMEMLIM=${MOST_MEMORY}`];
  await run(dir, "gcc", ...options, "-o", "pan", "pan.c");
  const output = await run(dir, "./pan", `-m${MOST_DEPTH}`);
  if (/max search depth too small|out of memory|aborting|reached -DMEMLIM/.test(output)) {
    throw new Error(output);
  }
  const count = (pattern: RegExp) => Number(pattern.exec(output)?.[1]?.replaceAll(",", ""));
  const violated = /^pan:\d+: (.*)/m.exec(output)?.[1] ?? "";
  const errors = count(/errors: (\d+)/);
  if ((errors === 0) !== (violated === "")) throw new Error(output);
  return { violated, states: count(/(\d+) states, stored/), depth: count(/depth reached (\d+)/) };
}

/** More steps than any path has: one that goes on has no end. */
const MOST_STEPS = 10_000_000;

/** Follows one path, which the seed chooses; gives the lines that the model prints. */
export async function simulate(macros: Macros, seed: number): Promise<string[]> {
  using dir = new TempDir();
  const options = ["-T", `-n${seed}`, `-u${MOST_STEPS}`];
  const output = await run(dir, "spin", ...options, ...flags({ ...macros, SIMULATE: true }), MODEL);
  const lines = output.split("\n").map((line) => line.trim());
  const events = lines.filter((line) => line.startsWith("@"));
  if (events.at(-1) !== "@end") throw new Error(output.slice(-2000));
  return events;
}

function flags(macros: Macros): string[] {
  return Object.entries(macros).map(([name, value]) =>
    `-D${name}${value === true ? "" : `=${value}`}`
  );
}

async function run(dir: TempDir, program: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args,
    cwd: dir.path,
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  const output = text.decode(stdout) + text.decode(stderr);
  if (success || program === "./pan") return output;
  throw new Error(`${program} ${args.join(" ")}:\n${output.slice(-2000)}`);
}
