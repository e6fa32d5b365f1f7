/** Histories of one seed after the other, and what came of all. */
import { BrokenPromise, NO_COUNTS, Simulation, type SimulationCounts } from "./simulation.ts";

/** What came of histories. */
export interface SeedsResult {
  /** How many histories were gone through to their end. */
  readonly histories: number;
  /** Of all. */
  readonly counts: Readonly<SimulationCounts>;
  /** By name of an operation: how often it was done. */
  readonly operations: Readonly<Record<string, number>>;
  /** What did not hold, with all that brings it back. */
  readonly failures: readonly string[];
}

/** How histories are gone through. */
export interface SeedsOptions {
  /** Of each history. */
  readonly steps?: number | undefined;
  /** Whether the first failure is the end. */
  readonly isOver?: (failures: number) => boolean;
  /** Is told of each history that came to its end. */
  readonly tell?: (line: string) => void;
  /** Is told of each step. */
  readonly trace?: ((line: string) => void) | undefined;
}

/** Goes through the histories of seeds. */
export async function simulateSeeds(
  seeds: Iterable<number>,
  { isOver = () => false, ...options }: SeedsOptions = {},
): Promise<SeedsResult> {
  const results: SeedsResult[] = [];
  let failures = 0;
  for (const seed of seeds) {
    const result = await simulateSeed(seed, options);
    results.push(result);
    failures += result.failures.length;
    if (isOver(failures)) break;
  }
  return sumOf(results);
}

async function simulateSeed(
  seed: number,
  { steps, tell = () => {}, trace }: SeedsOptions,
): Promise<SeedsResult> {
  try {
    const { counts, operations, digest } = await Simulation.run(seed, { steps, trace });
    tell(`seed ${seed}: ${countsText(counts)}; ${digest.slice(0, 16)}`);
    return { histories: 1, counts, operations: Object.fromEntries(operations), failures: [] };
  } catch (error) {
    if (!(error instanceof BrokenPromise)) throw error;
    return { histories: 0, counts: NO_COUNTS, operations: {}, failures: [error.message] };
  }
}

/** What came of all. */
export function sumOf(results: readonly SeedsResult[]): SeedsResult {
  const failures = results.flatMap(({ failures }) => failures);
  return {
    histories: results.length - failures.length,
    counts: results.map(({ counts }) => counts).reduce(sum, NO_COUNTS),
    operations: results.map(({ operations }) => operations).reduce(sum, {}),
    failures,
  };
}

/** Counts in words. */
export function countsText(counts: Readonly<SimulationCounts>): string {
  return Object.entries(counts).map(([name, count]) => `${count} ${name}`).join(", ");
}

/** Both, number by number. */
function sum<T extends Readonly<Record<keyof T, number>>>(one: T, other: T): T {
  const all: Record<string, number> = { ...one };
  for (const [name, count] of Object.entries<number>(other)) all[name] = (all[name] ?? 0) + count;
  return all as T;
}
