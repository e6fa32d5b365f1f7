/** What is said between the process that tries mutants and the one that has loaded the tests. */

/** Before each line that is an answer: tests may print something. */
export const MARK = "\u0001";

/** What the process loads. */
export interface Job {
  /** The module of the switches. */
  readonly switch: string;
  /** The mutant that is on while all is loaded; 0 for none. */
  readonly mutant: number;
  /** More than the number of any mutant. */
  readonly count: number;
  /** Files of the program. */
  readonly modules: readonly string[];
  /** Files of tests. */
  readonly tests: readonly string[];
}

/** What it is to do. */
export interface Order {
  /** Run these tests without a mutant. */
  readonly look?: readonly number[];
  /** Run tests with this mutant, each with so many steps at most. */
  readonly mutant?: number;
  readonly tests?: readonly { readonly test: number; readonly limit: number }[];
}

/** What it says. */
export type Answer =
  | {
    readonly kind: "loaded";
    readonly tests: readonly { readonly file: string; readonly name: string }[];
    /** The mutants that made a difference while all was loaded. */
    readonly ids: readonly number[];
    /** Of files that cannot be loaded. */
    readonly failures: readonly string[];
    readonly seconds: number;
  }
  | { readonly kind: "begins"; readonly test: number }
  | {
    readonly kind: "looked";
    readonly test: number;
    /** Of CPU time. */
    readonly seconds: number;
    readonly steps: number;
    /** The mutants that would have made a difference. */
    readonly ids: readonly number[];
    readonly error: string | undefined;
  }
  | {
    readonly kind: "failed";
    readonly test: number;
    readonly error: string;
    readonly isEndless: boolean;
    /** Whether it holds again without the mutant. */
    readonly isSound: boolean;
  }
  | { readonly kind: "done" };
