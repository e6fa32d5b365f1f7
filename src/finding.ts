/**
 * What a diagnosis finds.
 *
 * @module
 */
import { errorCode, type ErrorSymbol } from "./error_codes.ts";
import type { VirtualDiskError } from "./errors.ts";

/** `"error"`: it will not open or attach. `"warning"`: something will fail. `"info"`: good to know. */
export type Severity = "error" | "warning" | "info";

/** What a finding is about. */
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
  | "log"
  | "size"
  | "azure"
  | "parent"
  | "attachment"
  | "privilege";

/** One thing that a diagnosis found. */
export interface Finding {
  /** How bad it is. */
  severity: Severity;
  /** What it is about. */
  subject: FindingSubject;
  /** The file that it is about: the image, or one of its parents. */
  path: string;
  /** The Win32 error code that it leads to; absent where it leads to none. */
  code?: number;
  /** The name of the code. */
  symbol?: string;
  /** What is the matter. */
  message: string;
  /** What to do about it; absent where nothing is to be done. */
  remedy?: string;
}

/** Makes a finding. */
export function finding(
  severity: Severity,
  subject: FindingSubject,
  path: string,
  message: string,
  { symbol, remedy }: { symbol?: ErrorSymbol; remedy?: string } = {},
): Finding {
  return {
    severity,
    subject,
    path,
    ...(symbol === undefined ? {} : { code: errorCode(symbol), symbol }),
    message,
    ...(remedy === undefined ? {} : { remedy }),
  };
}

/** The finding that an operation failed. */
export function failureFinding(
  severity: Severity,
  subject: FindingSubject,
  path: string,
  error: VirtualDiskError,
): Finding {
  const { code, symbol, causes } = error;
  return {
    severity,
    subject,
    path,
    code,
    symbol,
    message: reasonOf(error),
    ...(causes.length === 0 ? {} : { remedy: causes.join(" Or: ") }),
  };
}

/** What the message says between the operation and its file, and the code and its first cause. */
function reasonOf({ message, operation, path, symbol }: VirtualDiskError): string {
  const head = path === undefined ? `${operation}: ` : `${operation} ${JSON.stringify(path)}: `;
  const reason = message.startsWith(head) ? message.slice(head.length) : message;
  const tail = reason.lastIndexOf(` (${symbol}`);
  return tail < 0 ? reason : reason.slice(0, tail);
}

const RANKS: Record<Severity, number> = { error: 0, warning: 1, info: 2 };

/** The worst first; of one severity, in the order in which they were found. */
export function bySeverity(findings: readonly Finding[]): Finding[] {
  return [...findings].sort((a, b) => RANKS[a.severity] - RANKS[b.severity]);
}
