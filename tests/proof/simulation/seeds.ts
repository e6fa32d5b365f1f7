/** Histories of one seed after the other, and what came of all. */
import { BrokenPromise, Simulation, type SimulationCounts } from "./simulation.ts";

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
  { steps, isOver = () => false, tell = () => {}, trace }: SeedsOptions = {},
): Promise<SeedsResult> {
  const counts: Record<string, number> = {};
  const operations: Record<string, number> = {};
  const failures: string[] = [];
  let histories = 0;
  for (const seed of seeds) {
    try {
      const result = await Simulation.run(seed, { steps, trace });
      histories++;
      sum(counts, Object.entries(result.counts));
      sum(operations, result.operations);
      tell(`seed ${seed}: ${countsText(result.counts)}; ${result.digest.slice(0, 16)}`);
    } catch (error) {
      if (!(error instanceof BrokenPromise)) throw error;
      failures.push(error.message);
    }
    if (isOver(failures.length)) break;
  }
  return { histories, counts: counts as unknown as SimulationCounts, operations, failures };
}

/** Counts in words. */
export function countsText(counts: Readonly<SimulationCounts>): string {
  return Object.entries(counts).map(([name, count]) => `${count} ${name}`).join(", ");
}

function sum(all: Record<string, number>, more: Iterable<readonly [string, number]>): void {
  for (const [name, count] of more) all[name] = (all[name] ?? 0) + count;
}
