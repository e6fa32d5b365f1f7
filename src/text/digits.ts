/**
 * Numbers for people.
 *
 * @module
 */

/** `51,303,168`, whatever the language of the system. */
export function groupedDigits(count: number): string {
  return count.toLocaleString("en-US");
}

/** `1 byte`, `51,303,168 bytes`. */
export function bytesText(count: number): string {
  return `${groupedDigits(count)} ${count === 1 ? "byte" : "bytes"}`;
}
