/**
 * How much is tried of what the crash and fuzz tests make up: a fixed sample, the same in every run, or with
 * `VIRTDISK_STATES=all`, as `deno task test:full` sets it, everything. What was tried is counted. Between the two, for
 * the proof by mutants and by coverage: with `VIRTDISK_STATES=tests` no test is left out, and each tries its sample.
 */
import { join } from "@std/path";
import { Random } from "./fuzz/random.ts";
import { circumstance, type Need } from "./support.ts";

const STATES = Deno.env.get("VIRTDISK_STATES");
/** Whether everything is tried. */
export const IS_FULL = STATES === "all";
/** What a test needs that takes long, and whose like the sample has. */
export const allStates: Need = circumstance(() =>
  IS_FULL || STATES === "tests" ? undefined : "for deno task test:full"
);
/** One of so many is in the sample. */
const ONE_IN = 30;
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

/**
 * Of the rows of a large table, for which other programs are started: every so many, from `first` on. With another
 * `first` for each of several tables of the same rows, all rows are tried once.
 */
export function sampledRows<T>(rows: readonly T[], oneIn: number, first = 0): readonly T[] {
  return IS_FULL ? rows : rows.filter((_, i) => i % oneIn === first % oneIn);
}

/**
 * What a test needs that is one of a table of tests, the others its like: nothing if the sample has it, as it has every
 * so many.
 */
export function everySo(oneIn: number, index: number): readonly Need[] {
  return index % oneIn === 0 ? [] : [allStates];
}

/** How many rounds are run of a test that has `count` of them; no fewer than `least`, if fewer prove nothing. */
export function sampledRounds(count: number, least = 1): number {
  return IS_FULL ? count : Math.max(least, Math.ceil(count / ONE_IN));
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

/** What is explored: how many of each are said in this order. */
const KINDS = [
  "crash states",
  "crash states through QEMU",
  "faults",
  "kills",
  "damaged files",
] as const;

/** A kind of what is explored. */
export type Kind = typeof KINDS[number];

/** The file in which the processes of one run count. */
const COUNTS = "VIRTDISK_EXPLORED";

/** Says how many a test explored, and counts them for the sum at the end of the run. */
export function explored(title: string, counts: Partial<Record<Kind, number>>): void {
  const found = KINDS.filter((kind) => counts[kind] !== undefined);
  console.log(`${title}: ${found.map((kind) => `${counts[kind]} ${kind}`).join(", ")}`);
  const path = Deno.env.get(COUNTS);
  if (path === undefined) return;
  // One write of one line each: those of several processes do not mix.
  for (const kind of found) {
    Deno.writeTextFileSync(path, `${counts[kind]} ${kind}\n`, { append: true });
  }
}

/** The counts of one run. */
export class Explored implements Disposable {
  readonly #folder = Deno.makeTempDirSync({ prefix: "virtdisk-" });
  readonly #path = join(this.#folder, "explored");

  /** What the tests of the run have in their environment. */
  get env(): Record<string, string> {
    return { [COUNTS]: this.#path };
  }

  /** How many of each kind all tests explored together. */
  summary(): string {
    const sums = new Map<string, number>();
    for (const line of this.#lines()) {
      const [count = "", ...kind] = line.split(" ");
      sums.set(kind.join(" "), (sums.get(kind.join(" ")) ?? 0) + Number(count));
    }
    const found = KINDS.filter((kind) => sums.has(kind)).map((kind) => `${sums.get(kind)} ${kind}`);
    if (found.length === 0) return "explored: nothing";
    const part = IS_FULL ? "all of them" : "a sample; deno task test:full tries all";
    return `explored: ${found.join(", ")} (${part})`;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.#folder, { recursive: true });
  }

  #lines(): string[] {
    try {
      return Deno.readTextFileSync(this.#path).trimEnd().split("\n");
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw error;
    }
  }
}
