/** What a section of PROOF.md is: something that is tried again and again, and what is told of it. */
import type { Need } from "../support.ts";
import type { ProgramName } from "../programs.ts";

/** How much is tried: what a few minutes allow, or what takes hours. */
export type Form = "short" | "long";

/** What a run is asked for. */
export interface RunWish {
  readonly form: Form;
  /** How much is tried, in the section's unit; that of the form if nothing else is asked for. */
  readonly count: number;
  readonly seed: number;
  /** Says to whoever waits how far the run is. */
  tell(line: string): void;
}

/** A section of PROOF.md. */
export interface Section<Results = unknown> {
  /** As the task knows it, and the file of its results: `bit-flips`. */
  readonly name: string;
  /** Its heading. */
  readonly title: string;
  /** What is counted of it: "places in each image". */
  readonly unit: string;
  /** How many of these are tried in each form. */
  readonly counts: Readonly<Record<Form, number>>;
  /** Programs on which the figures depend, beside this project. */
  readonly programs: readonly ProgramName[];
  /** What must be there for a run. */
  readonly needs: readonly Need[];
  /** Tries; gives what survives being written as JSON and read again. */
  run(wish: RunWish): Promise<Results>;
  /** What the page says below the heading and the line about the run: lines of Markdown. */
  render(results: Results, run: RunFacts): readonly string[];
  /** What this project did that it must not do, one text for each, with all that brings it back. */
  faults(results: Results): readonly string[];
}

/** What is known of a run beside its results. */
export interface RunFacts {
  /** `2026-11-30`, of UTC. */
  readonly date: string;
  readonly machine: string;
  /** By program: its version. */
  readonly programs: Readonly<Record<string, string>>;
  readonly form: Form;
  readonly count: number;
  readonly seed: number;
  readonly seconds: number;
}

/** A run, and what came of it: a file of results. */
export interface RunRecord extends RunFacts {
  /** The name of the section. */
  readonly section: string;
  readonly results: unknown;
}
