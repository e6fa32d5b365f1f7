/**
 * Collects what a check finds, within bounds: a damaged table may have millions of wrong entries.
 *
 * @module
 */
import { BOOLEAN, type OptionKinds } from "../../disk/arguments.ts";
import type { Severity } from "../../disk/finding.ts";
import { OPERATION_OPTIONS, type OperationOptions } from "../../disk/progress.ts";
import type { ErrorSymbol } from "../../errors/codes.ts";
import { ImageError } from "../file/image_error.ts";

const MAX_FINDINGS = 1000;

/** The structure that a finding about a file which is cut off names. */
export const END_OF_FILE = "end of file";
/** The structure that a finding about a length of broken units names. */
export const FILE_LENGTH = "length of the file";

/** Where an image names its parent, in its file. */
export interface LinkPlace {
  readonly structure: string;
  readonly offset: number;
}

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
  readonly #remedies: Readonly<Record<string, string>>;
  readonly #list: CheckFinding[] = [];
  #total = 0;
  #isSound = true;
  #hasError = false;
  #isObstructed = false;

  /** @param remedies What to do about structures of the format that need more than a copy. */
  constructor(path: string, remedies: Readonly<Record<string, string>> = {}) {
    this.#path = path;
    this.#remedies = remedies;
  }

  /** What was found, up to a bound; what to do about it is told by {@linkcode Findings.withRemedies}. */
  get list(): CheckFinding[] {
    return this.#list;
  }

  /** What was found, each with what to do about it as things are now. */
  withRemedies(): CheckFinding[] {
    return this.#list.map((finding) => {
      const remedy = finding.remedy ?? remedyOf(finding, this.#remedies);
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

/**
 * How an image is checked.
 *
 * @category Operations
 */
export interface CheckOptions extends OperationOptions {
  /**
   * Repairs what {@linkcode CheckFinding.repairable} says can be: structures of which the file holds
   * another copy, or which follow from the rest. Nothing is ever guessed.
   *
   * @default {false}
   */
  repair?: boolean | undefined;
  /**
   * VHDX, together with `repair`: of a log of which an entry is damaged, replays the entries before it and
   * discards the rest. The disk is then as it was some time before: what was written since may be lost, even
   * if it was flushed, and children of the disk no longer take it for their parent. Blocks that only the discarded entries referred to
   * stay in the file until it is written to, compacted or repaired again. Keep a copy of the file.
   *
   * @default {false}
   */
  discardDamagedLog?: boolean | undefined;
}

/** Their kinds. */
export const CHECK_OPTIONS: OptionKinds<CheckOptions> = {
  ...OPERATION_OPTIONS,
  repair: BOOLEAN,
  discardDamagedLog: BOOLEAN,
};

/**
 * One thing that a check found.
 *
 * @category Operations
 */
export interface CheckFinding {
  /**
   * `"error"`: bytes of the disk cannot be read, or nothing can be written safely. `"warning"`: the disk
   * is all there, but what protects it is not. `"info"`: unusual, but allowed.
   */
  severity: Severity;
  /** The file that it is about. */
  path: string;
  /** The structure of the format, in its specification's words, for example `"footer copy"`. */
  structure: string;
  /** Byte offset of the offending field or structure in the file. */
  offset: number;
  /** What is there. */
  found: string | number;
  /** What the format asks for. */
  expected: string;
  /** The Win32 error that it leads to, for example `"ERROR_FILE_CORRUPT"`; absent where to none. */
  symbol?: string;
  /** Whether a check with `repair` can put it right safely. */
  repairable: boolean;
  /** Whether this check has put it right. */
  repaired: boolean;
  /** What to do about it; absent if nothing is to be done, or has been done. */
  remedy?: string;
  /** A file that is cut off: how many bytes are missing, or, if `expected` says so, at least. */
  missingBytes?: number;
}

/**
 * The outcome of a check.
 *
 * @category Operations
 */
export interface CheckReport {
  /** The absolute path of the image. */
  path: string;
  /** What the file is, or was taken for; absent where nobody can tell. */
  format?: "iso" | "raw" | "vhd" | "vhdx";
  /** Whether neither an error nor a warning is left. */
  sound: boolean;
  /** In the order in which the structures build on each other; at most 1000. */
  findings: CheckFinding[];
  /** How many findings more there were. */
  leftOut: number;
}

/** Advice for whoever repairs. */
const REPAIR = "Repair it: `checkVirtualDisk(path, { repair: true })`.";
const RESTORE = "It cannot be repaired safely: restore the file from a copy.";
const COPY_AGAIN = "Copy or download the file again, from a place where it is whole.";
const SALVAGE = 'Or save what is left of the disk: openVirtualDisk(path, { damage: "tolerate" }).';
/** Stands for all structures that have no remedy of their own. */
const ANYTHING = "*";

/** The remedies of a format of which what is left of a damaged image can be read. */
export const SALVAGE_REMEDIES: Readonly<Record<string, string>> = {
  [END_OF_FILE]: `${COPY_AGAIN} ${SALVAGE}`,
  [ANYTHING]: `${RESTORE} ${SALVAGE}`,
};

const BY_SYMBOL: Partial<Record<ErrorSymbol, string>> = {
  ERROR_VHD_INVALID_FILE_SIZE: "Convert it anew; bytes may have been lost or added in a copy.",
  ERROR_VHD_INVALID_STATE:
    "Start the machine and shut it down, or discard its saved state, before the disk is changed.",
  ERROR_VHD_FORMAT_UNSUPPORTED_VERSION: "Open it with the program that made it.",
};

/** What to do about a finding; `undefined` if nothing is to be done. */
function remedyOf(
  finding: Omit<CheckFinding, "remedy">,
  ofStructures: Readonly<Record<string, string>>,
): string | undefined {
  const { severity, structure, symbol, repairable, repaired, missingBytes } = finding;
  if (repaired) return undefined;
  if (severity === "info") {
    if (repairable) return "Compacting the disk removes it, and so does a repair.";
    return symbol === undefined ? undefined : BY_SYMBOL[symbol as ErrorSymbol];
  }
  if (repairable) return REPAIR;
  if (missingBytes !== undefined) return ofStructures[END_OF_FILE] ?? COPY_AGAIN;
  const known = symbol === undefined ? undefined : BY_SYMBOL[symbol as ErrorSymbol];
  if (known !== undefined) return known;
  return ofStructures[structure] ?? ofStructures[ANYTHING] ?? RESTORE;
}
