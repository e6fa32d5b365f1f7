/**
 * The checks of arguments, for all public functions: the kind of each option, and names that no option has.
 * Whether a value of the right kind is acceptable (too large, or beside another option) is for those to say
 * who know what it means.
 *
 * @module
 */
import { NIL_GUID, normalizeGuid } from "../bytes/guid.ts";
import { didYouMean } from "../text/nearest_word.ts";
import { pathOfUrl } from "../text/paths.ts";
import { quoted } from "../text/quoted.ts";

const UINT32_MAX = 0xffffffff;
/** So much of a wrong word, or of an unknown name, is repeated. */
const SHOWN = 40;

/** What a value must be. */
export interface Kind {
  /** In words that follow "must be". */
  readonly expected: string;
  /** The strings that are allowed, if only some are. */
  readonly words?: readonly string[];
  accepts(value: unknown): boolean;
}

/** The kind of every option of an interface: the compiler sees to it that none is left out. */
export type OptionKinds<T> = { readonly [K in keyof T]-?: Kind };

export const BOOLEAN: Kind = {
  expected: "true or false",
  accepts: (value) => typeof value === "boolean",
};
export const NUMBER: Kind = {
  expected: "a number",
  accepts: (value) => typeof value === "number",
};
export const STRING: Kind = {
  expected: "a string",
  accepts: (value) => typeof value === "string",
};
export const PATH: Kind = {
  expected: "a path (a string or a file: URL)",
  accepts: (value) => typeof value === "string" || value instanceof URL,
};
export const BYTES: Kind = {
  expected: "a Uint8Array",
  accepts: (value) => value instanceof Uint8Array,
};
export const SIGNAL: Kind = {
  expected: "an AbortSignal",
  accepts: (value) => value instanceof AbortSignal,
};
export const FUNCTION: Kind = {
  expected: "a function",
  accepts: (value) => typeof value === "function",
};
export const OBJECT: Kind = {
  expected: "an object",
  // Unlike arrays, buffers, URLs and signals.
  accepts: (value) => Object.prototype.toString.call(value) === "[object Object]",
};
/** Words of a table or a number: {@linkcode flagBits} looks at each word. */
export const FLAGS: Kind = {
  expected: "an array of words or a number",
  accepts: (value) => Array.isArray(value) || typeof value === "number",
};

/** One of some words. */
export function oneOf(...words: readonly string[]): Kind {
  return {
    expected: list(words.map((word) => JSON.stringify(word))),
    words,
    accepts: (value) => words.some((word) => word === value),
  };
}

/** One of two kinds. */
export function either(first: Kind, second: Kind): Kind {
  return {
    expected: `${first.expected} or ${second.expected}`,
    accepts: (value) => first.accepts(value) || second.accepts(value),
    words: [...first.words ?? [], ...second.words ?? []],
  };
}

/**
 * The options that were given. One that is `undefined` is as one that was left out, and so are no options.
 *
 * @param of The function that takes them, for errors.
 * @throws {TypeError} If an option has no such name, or its value is of the wrong kind.
 */
export function checkOptions<T extends object>(
  kinds: OptionKinds<T>,
  options: T | undefined,
  of: string,
): T {
  if (options === undefined) return {} as T;
  checkArgument(OBJECT, options, `the options of ${of}`);
  const given = Object.keys(options).filter((name) => options[name as keyof T] !== undefined);
  const names = Object.keys(kinds) as (keyof T & string)[];
  const unknown = given.find((name) => !Object.hasOwn(kinds, name));
  if (unknown !== undefined) {
    const hint = didYouMean(unknown, names) || `; it has ${list(names, "and")}`;
    throw new TypeError(`${of} has no option ${quoted(unknown, SHOWN)}${hint}`);
  }
  const checked: Partial<T> = {};
  for (const name of names) {
    const value = options[name];
    if (value === undefined) continue;
    checkArgument(kinds[name], value, name);
    checked[name] = value;
  }
  return checked as T;
}

/**
 * An argument of its kind.
 *
 * @param name For errors.
 * @throws {TypeError} If it is of another kind; the value itself is not repeated, unless it is a short word.
 */
export function checkArgument<T>(kind: Kind, value: T, name: string): T {
  if (kind.accepts(value)) return value;
  throw new TypeError(`${name} must be ${kind.expected}, not ${given(kind, value)}`);
}

/**
 * The path of the host that a caller passed.
 *
 * @throws {TypeError} If it cannot be one.
 */
export function toHostPath(path: string | URL, name = "path"): string {
  checkArgument(PATH, path, name);
  if (path instanceof URL && path.protocol !== "file:") {
    throw new TypeError(`${name} must be ${PATH.expected}, not a URL of ${path.protocol}`);
  }
  const text = typeof path === "string" ? path : pathOfUrl(path);
  if (text.includes("\0")) {
    throw new TypeError(`${name} must not hold a NUL character, which ends it: ${quoted(text)}`);
  }
  return text;
}

/**
 * A GUID in lower case, without braces.
 *
 * @throws {TypeError} If `value` is none.
 */
export function checkGuid(value: string, name: string): string {
  return normalizeGuid(checkArgument(STRING, value, name), name);
}

/** A GUID in its usual form; without one the NIL GUID. */
export function guidOption(guid: string | undefined, name: string): string {
  return guid === undefined ? NIL_GUID : checkGuid(guid, name);
}

/**
 * The number that a word stands for.
 *
 * @throws {TypeError} If the table has no such word.
 */
export function wordValue<W extends string>(
  word: W,
  table: Readonly<Record<W, number>>,
  option: string,
): number {
  const isWord = typeof word === "string" && Object.hasOwn(table, word);
  if (!isWord) checkArgument(oneOf(...Object.keys(table)), word, option);
  return table[word];
}

/**
 * The bits that words stand for; a number is handed over as it is, and nothing at all is 0.
 *
 * @throws {TypeError} If the table has no such word.
 * @throws {RangeError} If the number is no 32-bit unsigned one.
 */
export function flagBits<W extends string>(
  value: readonly W[] | number | undefined,
  table: Readonly<Record<W, number>>,
  option: string,
): number {
  if (value === undefined) return 0;
  checkArgument(FLAGS, value, option);
  if (typeof value === "number") return uint32(value, option);
  let sum = 0;
  for (const each of value) sum |= wordValue(each, table, `each of ${option}`);
  return sum >>> 0;
}

/**
 * A 32-bit unsigned number.
 *
 * @throws {TypeError | RangeError} If `value` is none, or less than `least`.
 */
export function uint32(value: number, option: string, least = 0): number {
  checkArgument(NUMBER, value, option);
  if (Number.isInteger(value) && value >= least && value <= UINT32_MAX) return value;
  throw new RangeError(
    `${option} must be a whole number from ${least} to ${UINT32_MAX}, not ${value}`,
  );
}

/**
 * A number of bytes.
 *
 * @throws {TypeError | RangeError} If `value` is no safe integer from 0 on.
 */
export function byteCount(value: number, option: string): number {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  checkArgument(NUMBER, value, option);
  throw new RangeError(`${option} must be a whole number of bytes from 0 on, not ${value}`);
}

/**
 * Which backend does it: `"native"` is Windows' own VirtDisk.dll, `"portable"` the one in TypeScript, for every
 * system; `"auto"` is native on Windows and portable elsewhere.
 *
 * @category Opening
 */
export type Backend = "auto" | "native" | "portable";

/** The option `backend`. */
export const BACKEND: Kind = oneOf("auto", "native", "portable");

/** The backend that an option asks for: `"auto"`, and no option, is the one that fits the system. */
export function backendOf(choice: Backend = "auto"): "native" | "portable" {
  checkArgument(BACKEND, choice, "backend");
  if (choice !== "auto") return choice;
  return Deno.build.os === "windows" ? "native" : "portable";
}

function given({ words = [] }: Kind, value: unknown): string {
  if (typeof value !== "string" || words.length === 0) return kindOf(value);
  return quoted(value, SHOWN) + didYouMean(value, words, (word) => JSON.stringify(word));
}

/** What a value is, in two words. */
function kindOf(value: unknown): string {
  if (value === undefined || value === null) return String(value);
  if (Array.isArray(value)) return "an array";
  if (typeof value !== "object") return `a ${typeof value}`;
  const name: unknown = value.constructor?.name;
  if (typeof name !== "string" || name === "" || name === "Object") return "an object";
  return `${/^[AEIO]/.test(name) ? "an" : "a"} ${name.slice(0, SHOWN)}`;
}

function list(words: readonly string[], conjunction = "or"): string {
  return words.length < 2
    ? words.join("")
    : `${words.slice(0, -1).join(", ")} ${conjunction} ${words.at(-1)}`;
}
