/**
 * Operands that are URLs rather than files.
 *
 * @module
 */

/** Whether an operand is a URL. */
export function isUrl(operand: string): boolean {
  return /^https?:\/\//i.test(operand);
}

/** An operand as it may be shown: a URL without what it asks for, and who asks, which may give access to the file. */
export function shownOperand(operand: string): string {
  const url = isUrl(operand) ? URL.parse(operand) : null;
  return url === null ? operand : url.origin + url.pathname;
}
