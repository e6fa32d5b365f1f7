/**
 * Options that stand for numbers of virtdisk.h: a word for each value, or the number itself.
 *
 * @module
 */

const UINT32_MAX = 0xffffffff;

/**
 * The number that a word stands for.
 *
 * @param option The option's name, for errors.
 * @throws {TypeError} Where the table has no such word.
 */
export function wordValue<W extends string>(
  word: W,
  table: Readonly<Record<W, number>>,
  option: string,
): number {
  if (!Object.hasOwn(table, word)) {
    throw new TypeError(
      `${option}: unknown word ${JSON.stringify(word)}, expected one of ${
        Object.keys(table).join(", ")
      }`,
    );
  }
  return table[word];
}

/**
 * The bits that words stand for; a number is handed over as it is, and nothing at all is 0.
 *
 * @param option The option's name, for errors.
 * @throws {TypeError} Where the table has no such word.
 * @throws {RangeError} Where the number is no 32-bit unsigned one.
 */
export function flagBits<W extends string>(
  value: readonly W[] | number | undefined,
  table: Readonly<Record<W, number>>,
  option: string,
): number {
  if (value === undefined) return 0;
  if (typeof value === "number") return uint32(value, option);
  let sum = 0;
  for (const each of value) sum |= wordValue(each, table, option);
  return sum >>> 0;
}

/** `value`, where it is a 32-bit unsigned number; a `RangeError` where it is not. */
export function uint32(value: number, option: string): number {
  if (!Number.isInteger(value) || value < 0 || value > UINT32_MAX) {
    throw new RangeError(`${option} is no 32-bit unsigned number: ${value}`);
  }
  return value;
}

/** `value`, where it is a number of bytes: a safe integer from 0 on; a `RangeError` where it is not. */
export function byteCount(value: number, option: string): number {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(`${option} is no safe integer from 0 on: ${value}`);
  }
  return value;
}
