/**
 * How much is tried of what the crash and fuzz tests make up: a fixed sample, the same in every run, or with
 * `VIRTDISK_STATES=all`, as `deno task test:full` sets it, everything.
 */
import { Random } from "./fuzz/random.ts";

const IS_FULL = Deno.env.get("VIRTDISK_STATES") === "all";
/** One of so many is in the sample. */
const ONE_IN = 10;
const SEED = 2026;

/** Chooses, one after the other. */
export class Sample {
  readonly #random = new Random(SEED);
  #isFirst = true;

  /** Whether the next one is tried. The first one is. */
  takes(): boolean {
    const takes = IS_FULL || this.#isFirst || this.#random.below(ONE_IN) === 0;
    this.#isFirst = false;
    return takes;
  }
}

/** Those that are tried. */
export function* sampled<T>(all: Iterable<T>): Generator<T> {
  const sample = new Sample();
  for (const each of all) {
    if (sample.takes()) yield each;
  }
}

/** How many rounds are run of a test that has `count` of them. */
export function sampledRounds(count: number): number {
  return IS_FULL ? count : Math.ceil(count / ONE_IN);
}

/** Of a hundred states that would be tried: how many are, if as many as of all are needed to prove something. */
export function sampledPercent(percent: number): number {
  return IS_FULL ? percent : Math.min(100, percent * ONE_IN);
}

/** The bound that holds of a sample, of what is more than `bound` when everything is tried. */
export function sampledBound(bound: number): number {
  // A small sample may be smaller than its share.
  return IS_FULL ? bound : Math.floor(bound / (2 * ONE_IN));
}
