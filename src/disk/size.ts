/**
 * Sizes as people type them, for options and the command line alike.
 *
 * @module
 */
import { byteCount, checkArgument, type Kind } from "./arguments.ts";
import { quoted } from "../text/quoted.ts";

/**
 * A number of bytes, or text that {@linkcode parseSize} understands: `"10GiB"`, `"512M"`.
 *
 * @category Creating
 */
export type Size = number | string;

/** Its kind: whether the text is a size is for {@linkcode sizeOf} to say, which is told what the size is for. */
export const SIZE: Kind = {
  expected: 'a number of bytes or a size such as "10GiB"',
  accepts: (value) => typeof value === "number" || typeof value === "string",
};

/** Their powers of 1024. */
const PREFIXES = ["", "k", "m", "g", "t", "p"] as const;
const BYTES = ["", "b", "byte", "bytes"];
const HEXADECIMAL = /^0x[0-9a-f]+$/i;
/** Digits may be grouped, as the sizes that this program prints are. */
const DECIMAL = /^(\d+|\d{1,3}(?:,\d{3})+)(\.\d+)?\s*([a-z]*)$/i;
/** What looks like a size that was mistyped. */
const NEARLY = /^[+-]?\s*(\d+)(?:[.,](\d+))?\s*([a-z]?)/i;
/** So much of a wrong text is repeated. */
const SHOWN = 40;
const BEYOND = 2 ** 53;
/** The largest disk has so many GiB. A smaller number without a unit was hardly meant to be of bytes. */
const MOST_GIB = 65536;

/**
 * The bytes of a size as people type it: `4096`, `512M`, `64KiB`, `1.5 TB`, `0x10000`. Upper and lower case
 * do not matter. All units are powers of 1024, as in Windows, PowerShell and qemu-img: `G`, `GB` and `GiB`
 * are 1,073,741,824 bytes. `B` is a byte.
 *
 * @example Sizes of a script's arguments
 * ```ts
 * import { parseSize } from "@virtdisk/virtdisk";
 *
 * console.log(parseSize("10G"), parseSize("64KiB")); // 10737418240 65536
 * ```
 *
 * @param text The size.
 * @param name What it is the size of, for errors: by default `size`.
 * @returns A whole number of bytes, below 2^53.
 * @throws {RangeError} If it is none.
 *
 * @category Creating
 */
export function parseSize(text: string, name = "size"): number {
  const bytes = bytesOf(text.trim());
  if (bytes === undefined) throw wrong(text, name);
  if (bytes >= BEYOND) throw new RangeError(`${name} must be less than 8 PiB, not ${shown(text)}`);
  if (Number.isInteger(bytes)) return bytes;
  const hasUnit = /[a-z]/i.test(text);
  throw new RangeError(
    `${name} must be a whole number of bytes, and ${shown(text)} has ${bytes}; ` +
      `did you mean ${hasUnit || bytes > MOST_GIB ? Math.round(bytes) : `${text}GiB`}?`,
  );
}

/**
 * The bytes of a size.
 *
 * @param name The option, for errors.
 * @throws {TypeError | RangeError} If it is none.
 */
export function sizeOf(size: Size, name: string): number {
  checkArgument(SIZE, size, name);
  return typeof size === "number" ? byteCount(size, name) : parseSize(size, name);
}

/**
 * The bytes of the size that something is to have: `"+100MiB"` is so much more than now.
 *
 * @param name The option, for errors.
 * @param present How many it has.
 * @throws {TypeError | RangeError} If it is no size.
 */
export function newSizeOf(size: Size, name: string, present: () => number): number {
  const added = typeof size === "string" ? addedSize(size, name) : undefined;
  return added === undefined ? sizeOf(size, name) : byteCount(present() + added, name);
}

/**
 * How much is to be added, if the text says so: `+100MiB`.
 *
 * @throws {RangeError} If what is to be added is no size.
 */
function addedSize(text: string, name: string): number | undefined {
  return text.startsWith("+") ? parseSize(text.slice(1).trim(), name) : undefined;
}

/** `undefined` if it is no size; the number may be none of whole bytes. */
function bytesOf(text: string): number | undefined {
  if (HEXADECIMAL.test(text)) return Number(text);
  const [, whole, fraction = "", unit = ""] = DECIMAL.exec(text) ?? [];
  const power = powerOf(unit.toLowerCase());
  if (whole === undefined || power === undefined) return undefined;
  return Number(whole.replaceAll(",", "") + fraction) * 1024 ** power;
}

/** So much is known by its number of bytes, as sectors are. */
const SMALL = 2 ** 16;

/** A size as people write it, exactly: `64 TiB`, or the bytes alone if they are few, or no whole number of KiB. */
export function sizeText(bytes: number): string {
  for (let power = PREFIXES.length - 1; power > 0; power--) {
    const unit = 1024 ** power;
    if (bytes >= Math.max(unit, SMALL) && bytes % unit === 0) {
      return `${bytes / unit} ${PREFIXES[power]!.toUpperCase()}iB`;
    }
  }
  return String(bytes);
}

/** What may have been meant by a size that is no multiple of `unit`. */
export function nearSizeText(size: number, unit: number): string {
  return size <= MOST_GIB
    ? `A number without a unit is of bytes: "${size}GiB" is a size too.`
    : `The next one is ${Math.ceil(size / unit) * unit}.`;
}

/** The power of 1024 of a unit in lower case. */
function powerOf(unit: string): number | undefined {
  const power = PREFIXES.findIndex((prefix) =>
    prefix === "" ? BYTES.includes(unit) : [prefix, `${prefix}b`, `${prefix}ib`].includes(unit)
  );
  return power === -1 ? undefined : power;
}

function wrong(text: string, name: string): RangeError {
  const nearest = nearestSize(text);
  const hint = nearest === undefined ? "" : `; did you mean ${nearest}?`;
  if (text.startsWith("+")) {
    return new RangeError(`${name} cannot be relative, as ${shown(text)} is${hint}`);
  }
  return new RangeError(
    `${name} must be a number of bytes or a size such as 10GiB, not ${shown(text)}${hint}`,
  );
}

/** The size that somebody may have meant. */
function nearestSize(text: string): string | undefined {
  const [, whole, fraction, letter = ""] = NEARLY.exec(text) ?? [];
  if (whole === undefined || whole.length > SHOWN) return undefined;
  const prefix = letter.toUpperCase();
  const unit = prefix === "" || prefix === "B" ? prefix : `${prefix}iB`;
  const nearest = `${whole}${fraction === undefined ? "" : `.${fraction}`}${unit}`;
  return bytesOf(nearest) === undefined ? undefined : nearest;
}

function shown(text: string): string {
  return quoted(text, SHOWN);
}
