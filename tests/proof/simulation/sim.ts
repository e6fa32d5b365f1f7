/**
 * Lives through histories of images: `deno task sim`. A seed is a whole history; one that fails is the report of a bug,
 * with all that brings it back, and the exit code is 1 then.
 *
 * ```sh
 * deno task sim --seed 7                # this history
 * deno task sim --seed 7 --steps 40     # how it begins
 * deno task sim --seed 7 --trace        # with everything that happens in it
 * deno task sim --seeds 1..100          # these histories
 * deno task sim --for 10m               # one after the other, from a seed on that nobody has tried
 * deno task sim --for 10m --seed 7      # from that one on
 * ```
 *
 * @module
 */
import { parseArgs } from "node:util";
import { countsText, simulateSeeds } from "./seeds.ts";

/** What is asked for. */
export interface Wish {
  readonly seeds: Iterable<number>;
  readonly steps: number | undefined;
  readonly isTraced: boolean;
}

const UNITS = { s: 1000, m: 60_000, h: 3_600_000 } as const;

/** @throws {TypeError} If it makes no sense. */
export function wishOf(args: readonly string[]): Wish {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: "string" },
      seeds: { type: "string" },
      steps: { type: "string" },
      for: { type: "string" },
      trace: { type: "boolean", default: false },
    },
  });
  return {
    seeds: seedsOf(values),
    steps: values.steps === undefined ? undefined : whole("steps", values.steps),
    isTraced: values.trace,
  };
}

function seedsOf(
  { seed, seeds, for: duration }: { seed?: string; seeds?: string; for?: string },
): Iterable<number> {
  if (seeds !== undefined) {
    const [, from, to] = /^(\d{1,9})\.\.(\d{1,9})$/.exec(seeds) ?? [];
    if (from === undefined || seed !== undefined || duration !== undefined) {
      throw new TypeError(`--seeds must be two numbers as in 1..100, and alone, not "${seeds}"`);
    }
    return range(Number(from), Number(to));
  }
  if (seed !== undefined && duration === undefined) return [whole("seed", seed)];
  const first = seed === undefined ? Math.floor(Date.now() / 1000) % 1e9 : whole("seed", seed);
  return duration === undefined ? range(first, Infinity) : during(duration, first);
}

function* range(from: number, to: number): Generator<number> {
  for (let seed = from; seed <= to; seed++) yield seed;
}

function during(duration: string, first: number): Iterable<number> {
  const [, count, unit] = /^(\d{1,6})([smh])$/.exec(duration) ?? [];
  if (count === undefined) throw new TypeError(`--for must be as in 30s, 10m or 2h`);
  const end = Date.now() + Number(count) * UNITS[unit as keyof typeof UNITS];
  return (function* () {
    for (let seed = first; Date.now() < end; seed++) yield seed;
  })();
}

function whole(name: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new TypeError(`--${name} must be a whole number, not "${text}"`);
}

if (import.meta.main) {
  const { seeds, steps, isTraced } = wishOf(Deno.args);
  const { histories, counts, failures } = await simulateSeeds(seeds, {
    steps,
    isOver: (count) => count > 0,
    tell: console.log,
    trace: isTraced ? console.log : undefined,
  });
  if (histories > 1) console.log(`${histories} histories: ${countsText(counts)}`);
  for (const failure of failures) console.error(failure);
  if (failures.length > 0) Deno.exitCode = 1;
}
