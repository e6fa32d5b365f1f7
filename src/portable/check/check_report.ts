/**
 * What a check of an image tells.
 *
 * @module
 */
import { BOOLEAN, type OptionKinds } from "../../disk/arguments.ts";
import type { Severity } from "../../disk/finding.ts";
import { OPERATION_OPTIONS, type OperationOptions } from "../../disk/progress.ts";

/** How an image is checked. */
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

/** One thing that a check found. */
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

/** The outcome of a check. */
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
