/**
 * What a diagnosis finds.
 *
 * @module
 */
import { errorCode, type ErrorSymbol } from "../errors/codes.ts";
import type { ErrorDetail, VirtualDiskError } from "../errors/error.ts";
import { BACKEND, type Backend, type OptionKinds } from "./arguments.ts";
import { OPERATION_OPTIONS, type OperationOptions } from "./progress.ts";

/**
 * `"error"`: it will not open or attach. `"warning"`: something will fail. `"info"`: good to know.
 *
 * @category Operations
 */
export type Severity = "error" | "warning" | "info";

/**
 * What a finding is about.
 *
 * @category Operations
 */
export type FindingSubject =
  | "file"
  | "access"
  | "lock"
  | "medium"
  | "sparse"
  | "compression"
  | "encryption"
  | "network"
  | "format"
  | "name"
  | "cut-off"
  | "damage"
  | "log"
  | "size"
  | "azure"
  | "parent"
  | "attachment"
  | "privilege";

/**
 * One thing that a diagnosis found.
 *
 * @category Operations
 */
export interface Finding {
  /** How bad it is. */
  severity: Severity;
  /** What it is about. */
  subject: FindingSubject;
  /** The file that it is about: the image, or one of its parents. */
  path: string;
  /** The Win32 error code that it leads to; absent if it leads to none. */
  code?: number;
  /** The name of the code. */
  symbol?: string;
  /** What is the matter. */
  message: string;
  /** What to do about it; absent if nothing is to be done. */
  remedy?: string;
  /**
   * A command that does it, or shows more, quoted for the shell of this system; absent if there is none.
   * One that begins with `virtdisk` is for the command line of this module, `jsr:@virtdisk/virtdisk/cli`.
   */
  command?: string;
  /** Where in the file it is; absent if it is not about a structure of the image. */
  detail?: ErrorDetail;
  /** A file that is cut off: how many bytes are missing, or, if the message says so, at least. */
  missingBytes?: number;
}

/**
 * What a diagnosis has come to.
 *
 * @category Operations
 */
export interface Diagnosis {
  /** The image: its absolute path if it is there, else the path as it was given. */
  path: string;
  /**
   * `"sound"`: nothing is wrong. `"usable"`: it opens, but a finding is a warning. `"unusable"`: a finding is
   * an error.
   */
  verdict: "sound" | "usable" | "unusable";
  /** The verdict in a sentence, with the worst of what was found. */
  summary: string;
  /** The one command to type next, as {@linkcode Finding.command}; absent if none would help. */
  command?: string;
  /** Everything that was found, the worst first. */
  findings: Finding[];
}

/** What a finding may have beside its message. */
interface FindingExtras extends Pick<Finding, "remedy" | "command" | "detail" | "missingBytes"> {
  symbol?: ErrorSymbol;
}

/** Makes a finding. */
export function finding(
  severity: Severity,
  subject: FindingSubject,
  path: string,
  message: string,
  { symbol, ...extras }: FindingExtras = {},
): Finding {
  return {
    severity,
    subject,
    path,
    ...(symbol === undefined ? {} : { code: errorCode(symbol), symbol }),
    message,
    ...extras,
  };
}

/** The finding that an operation failed. */
export function failureFinding(
  severity: Severity,
  subject: FindingSubject,
  path: string,
  error: VirtualDiskError,
  command?: string,
): Finding {
  const { code, symbol, causes, detail } = error;
  return {
    severity,
    subject,
    path,
    code,
    symbol,
    message: error.reason,
    ...(causes.length === 0 ? {} : { remedy: causes.join(" Or: ") }),
    ...(command === undefined ? {} : { command }),
    ...(detail === undefined ? {} : { detail }),
  };
}

const RANKS: Record<Severity, number> = { error: 0, warning: 1, info: 2 };

/** The worst first; of one severity, in the order in which they were found. */
export function bySeverity(findings: readonly Finding[]): Finding[] {
  return [...findings].sort((a, b) => RANKS[a.severity] - RANKS[b.severity]);
}

const SUMMARIES = { error: "Not usable", warning: "Usable, with a warning" } as const;

/** Comes to a verdict: the worst finding says it, and the worst of which something can be done says what. */
export function diagnosisOf(path: string, found: readonly Finding[]): Diagnosis {
  const findings = bySeverity(found);
  const worst = findings[0]?.severity;
  const command = findings.find(({ command }) => command !== undefined)?.command;
  const next = command === undefined ? {} : { command };
  if (worst === undefined || worst === "info") {
    return { path, verdict: "sound", summary: "Nothing is wrong", ...next, findings };
  }
  const alike = findings.filter(({ severity }) => severity === worst).length - 1;
  const more = alike === 0 ? "" : ` (and ${alike} more)`;
  return {
    path,
    verdict: worst === "error" ? "unusable" : "usable",
    summary: `${SUMMARIES[worst]}: ${findings[0]!.message}${more}`,
    ...next,
    findings,
  };
}

/**
 * How to look.
 *
 * @category Operations
 */
export interface DiagnoseOptions<B extends Backend = Backend> extends OperationOptions {
  /**
   * `"native"` asks Windows too: attributes of the file, privileges, whether the image is attached and
   * where. `"auto"` is native on Windows and portable elsewhere.
   *
   * @default {"auto"}
   */
  backend?: B | undefined;
}

/** Their kinds. */
export const DIAGNOSE_OPTIONS: OptionKinds<DiagnoseOptions> = {
  ...OPERATION_OPTIONS,
  backend: BACKEND,
};
