/**
 * Sizes for people.
 *
 * @module
 */

const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB"];

/** `64 MiB (67,108,864 bytes)`; a size that is no whole number of a unit has one decimal. */
export function formatBytes(bytes: number): string {
  const exact = `${bytes.toLocaleString("en-US")} bytes`;
  return bytes < 1024 ? exact : `${roundBytes(bytes)} (${exact})`;
}

/** `64 MiB`; where it is no whole number of the unit, with one decimal. */
export function roundBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${Number.isInteger(value) ? value : value.toFixed(1)} ${UNITS[unit]}`;
}
