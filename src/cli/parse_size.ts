/**
 * Sizes as people write them.
 *
 * @module
 */
import { UsageError } from "./usage_error.ts";

const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};
const SIZE = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i;

/**
 * A number of bytes: `4096`, `512B`, `64KiB`, `1.5GiB`. Units that some take for powers of ten and others
 * for powers of two, such as `GB`, are not guessed at.
 *
 * @param option The option's name, for errors.
 * @throws {UsageError} Where the text is no such number.
 */
export function parseSize(text: string, option: string): number {
  const [, digits = "", unit = ""] = SIZE.exec(text) ?? [];
  const factor = UNITS[unit.toLowerCase()];
  const bytes = Number(digits) * (factor ?? Number.NaN);
  if (digits !== "" && Number.isSafeInteger(bytes)) return bytes;
  throw new UsageError(
    `${option} ${JSON.stringify(text)}: no whole number of bytes; units are KiB, MiB, GiB and TiB`,
  );
}
