/**
 * Operands that may be URLs rather than files.
 *
 * @module
 */
import { UsageError } from "./failure.ts";

/** The permission of commands that take URLs. */
export const URL_PERMISSION = {
  kind: "net",
  scope: "the server of an https: or http: URL in place of a file; it must answer range requests",
  forUrls: true,
} as const;

/** Whether an operand is a URL. */
export function isUrl(operand: string): boolean {
  return /^https?:\/\//i.test(operand);
}

/** An operand as it may be shown: a URL without what it asks for, and who asks, which may give access to the file. */
export function shownOperand(operand: string): string {
  const url = isUrl(operand) ? URL.parse(operand) : null;
  return url === null ? operand : url.origin + url.pathname;
}

/**
 * What an operand names: only what begins as a URL is one. A file of such a name has a path too, which begins with
 * `./`.
 *
 * @throws {UsageError} For a URL that is none.
 */
export function sourceOf(operand: string): string | URL {
  if (!isUrl(operand)) return operand;
  const url = URL.parse(operand);
  if (url !== null) return url;
  throw new UsageError(`${JSON.stringify(operand)} is not a URL that can be asked for`);
}
