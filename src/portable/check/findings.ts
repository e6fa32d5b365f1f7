/**
 * Collects what a check finds, within bounds: a damaged table may have millions of wrong entries.
 *
 * @module
 */
import type { ErrorSymbol } from "../../errors/codes.ts";
import type { Severity } from "../../disk/finding.ts";
import { ImageError } from "../image_error.ts";
import type { CheckFinding } from "./check_report.ts";
import { remedyOf } from "./remedies.ts";

const MAX_FINDINGS = 1000;

/** A finding about the file that is being checked. */
export interface NewFinding {
  readonly severity: Severity;
  readonly structure: string;
  readonly offset: number;
  readonly found: unknown;
  readonly expected: string;
  readonly symbol?: ErrorSymbol;
  /** Default: false. */
  readonly repairable?: boolean;
  readonly missingBytes?: number;
  /** Default: what the finding itself leads to. */
  readonly remedy?: string;
}

/** The findings about one file. */
export class Findings {
  readonly #path: string;
  readonly #list: CheckFinding[] = [];
  #total = 0;
  #isSound = true;
  #hasError = false;
  #isObstructed = false;

  constructor(path: string) {
    this.#path = path;
  }

  /** What was found, up to a bound; what to do about it is told by {@linkcode Findings.withRemedies}. */
  get list(): CheckFinding[] {
    return this.#list;
  }

  /** What was found, each with what to do about it as things are now. */
  withRemedies(): CheckFinding[] {
    return this.#list.map((finding) => {
      const remedy = finding.remedy ?? remedyOf(finding);
      return remedy === undefined ? finding : { ...finding, remedy };
    });
  }

  /** How many more there were. */
  get leftOut(): number {
    return this.#total - this.#list.length;
  }

  /** Whether there was neither an error nor a warning. */
  get isSound(): boolean {
    return this.#isSound;
  }

  /** Whether there was an error, be it one that can be repaired or not. */
  get hasError(): boolean {
    return this.#hasError;
  }

  /** Whether there was an error that cannot be repaired. */
  get isObstructed(): boolean {
    return this.#isObstructed;
  }

  /** Takes a finding. */
  add({ symbol, found, repairable = false, ...finding }: NewFinding): void {
    this.#total++;
    if (finding.severity !== "info") this.#isSound = false;
    if (finding.severity === "error") this.#hasError = true;
    if (finding.severity === "error" && !repairable) this.#isObstructed = true;
    if (this.#list.length >= MAX_FINDINGS) return;
    this.#list.push({
      ...finding,
      path: this.#path,
      found: typeof found === "number" ? found : String(found),
      ...(symbol === undefined ? {} : { symbol }),
      repairable,
      repaired: false,
    });
  }

  /**
   * Runs one of the checks that reading an image relies on; the rule that is broken becomes an error.
   *
   * @returns What the check gives; `undefined` where it failed.
   * @throws {ImageError} What is no damage: the file cannot be read.
   */
  attempt<T>(run: () => T): T | undefined {
    try {
      return run();
    } catch (error) {
      if (!(error instanceof ImageError)) throw error;
      this.addError(error);
      return undefined;
    }
  }

  /**
   * Takes an error of an image.
   *
   * @throws {ImageError} What is no damage: the file cannot be read.
   */
  addError(error: ImageError, repairable = false): void {
    const { detail } = error.options;
    if (detail === undefined) throw error;
    this.add({ severity: "error", ...detail, symbol: error.symbol, repairable });
  }

  /** Nothing is repaired in a file of which something is damaged beyond repair: no write would be safe. */
  withholdRepairs(): void {
    if (this.#isObstructed) { for (const finding of this.#list) finding.repairable = false; }
  }
}
