/**
 * Does one phase in a process of its own, and prints what is left of it as JSON. It needs `--v8-flags=--expose-gc`.
 * Usage: child.ts PHASE COUNT SEED FOLDER
 */
import { type Footprint, footprint } from "./footprint.ts";
import { type PhaseResult, RESIDENT_GROWTH } from "./phase.ts";
import { LEAKING, PHASES } from "./phases.ts";

/** For so many seconds. */
const PATIENCE = 60;

function hasGrown(before: Footprint, after: Footprint): boolean {
  return after.residentBytes - before.residentBytes > RESIDENT_GROWTH;
}

/** After so much of all rounds everything is there that is made once. */
const WARM = 10;

async function measure(
  name: string,
  count: number,
  seed: number,
  folder: string,
): Promise<PhaseResult> {
  const { rounds, round, end } = await ({ ...PHASES, ...LEAKING })[name]!.phase({
    folder,
    count,
    seed,
  });
  const done: Record<string, number> = {};
  const faults: string[] = [];
  let before = await footprint(folder);
  for (let number = 0; number < rounds; number++) {
    if (number === Math.ceil(rounds / WARM)) before = await footprint(folder);
    try {
      const what = await round(number);
      done[what] = (done[what] ?? 0) + 1;
    } catch (error) {
      if (faults.length < 20) faults.push(`round ${number}: ${error}`);
    }
  }
  try {
    await end?.();
  } catch (error) {
    faults.push(`in the end: ${error}`);
  }
  let after = await footprint(folder);
  // What a thread had that is over, V8 gives back to the system some seconds later.
  for (let i = 0; i < PATIENCE && hasGrown(before, after); i++) {
    await new Promise((resolve) => setTimeout(resolve, 1000));
    after = await footprint(folder);
  }
  return { phase: name, done, before, after, faults };
}

const [name, count, seed, folder] = Deno.args as [string, string, string, string];
console.log(JSON.stringify(await measure(name, Number(count), Number(seed), folder)));
// What a phase holds until the end holds the process.
Deno.exit();
