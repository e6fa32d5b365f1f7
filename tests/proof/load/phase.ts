/** What is done again and again, in a process of its own, and what is left of it. */
import type { Footprint } from "./footprint.ts";

/** What was done. */
export interface PhaseResult {
  readonly phase: string;
  /** By what was done: how often. */
  readonly done: Readonly<Record<string, number>>;
  /** After a tenth of it, when everything that is made once is there. */
  readonly before: Footprint;
  readonly after: Footprint;
  /** What came out otherwise than it must. */
  readonly faults: readonly string[];
}

/** What a phase works with. */
export interface PhaseContext {
  /** An empty folder. */
  readonly folder: string;
  /** How much is done. */
  readonly count: number;
  readonly seed: number;
}

/** Does something. */
export interface Work {
  /** One after the other, so many times. */
  readonly rounds: number;
  /** Gives what was done, for the count. */
  round(number: number): string | Promise<string>;
  /** What is left to be said in the end. */
  end?(): void | Promise<void>;
}

/** Begins a phase. */
export type Phase = (context: PhaseContext) => Work | Promise<Work>;

/** So much may the heap grow, however often something is done: caches that fill, code that is compiled. */
export const HEAP_GROWTH = 4 * 2 ** 20;
/** And the process: its allocator keeps what the largest operation took. */
export const RESIDENT_GROWTH = 160 * 2 ** 20;

/** What is left of a phase that must not be. */
export function leaksOf({ phase, before, after, faults }: PhaseResult): string[] {
  const leaks = [...faults];
  for (const what of ["descriptors", "locks", "temporaryFiles"] as const) {
    if (after[what] > before[what]) {
      leaks.push(`${after[what]} ${what} are left where ${before[what]} were`);
    }
  }
  const grown = (what: "heapBytes" | "residentBytes", most: number) => {
    const growth = after[what] - before[what];
    if (growth > most) leaks.push(`${what} grew by ${growth}`);
  };
  grown("heapBytes", HEAP_GROWTH);
  grown("residentBytes", RESIDENT_GROWTH);
  return leaks.map((leak) => `${phase}: ${leak}`);
}
