/**
 * Numbers for people.
 *
 * @module
 */

/**
 * `51,303,168`, whatever the language of the system.
 *
 * @param count A safe integer: `toLocaleString()` does the same, but loads the languages of the world for it.
 */
export function groupedDigits(count: number): string {
  return String(count).replaceAll(/\B(?=(?:\d{3})+$)/g, ",");
}

/** `1 block`, `1,200 blocks` */
export function counted(count: number, noun: string): string {
  return `${groupedDigits(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** `1 byte`, `51,303,168 bytes`. */
export function bytesText(count: number): string {
  return counted(count, "byte");
}

const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB"];

/** `64 MiB (67,108,864 bytes)`; one decimal at most, and none that is 0. */
export function formatBytes(bytes: number): string {
  const exact = bytesText(bytes);
  return bytes < 1024 ? exact : `${roundBytes(bytes)} (${exact})`;
}

/** `64 MiB`, `1.5 GiB`: one decimal at most, and none that is 0. */
export function roundBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (toTenths(value) >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${toTenths(value)} ${UNITS[unit]}`;
}

/** A number with one decimal at most. */
export function toTenths(value: number): number {
  return Math.round(value * 10) / 10;
}
