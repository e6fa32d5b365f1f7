/**
 * The arguments of a command.
 *
 * @module
 */
import { parseArgs, type ParseArgsConfig } from "node:util";
import { parseSize } from "../../mod.ts";
import { normalizeGuid } from "../bytes/guid.ts";
import { didYouMean } from "../text/nearest_word.ts";
import { quoted } from "../text/quoted.ts";
import { UsageError } from "./usage_error.ts";

type Options = NonNullable<ParseArgsConfig["options"]>;

/** What a command was given. */
export type Arguments<T extends Options> = ReturnType<
  typeof parseArgs<{ args: string[]; allowPositionals: true; options: T }>
>;

/** So much of what was given is repeated. */
const SHOWN = 60;

/**
 * Takes the arguments of a command apart.
 *
 * @param command Its name, for errors.
 * @throws {UsageError} If they cannot be understood.
 */
export function parseArguments<T extends Options>(
  command: string,
  args: string[],
  options: T,
): Arguments<T> {
  try {
    return parseArgs<{ args: string[]; allowPositionals: true; options: T }>({
      args,
      allowPositionals: true,
      options,
    });
  } catch (error) {
    // parseArgs throws TypeErrors whose codes begin so.
    const isUsage = error instanceof TypeError && "code" in error &&
      String(error.code).startsWith("ERR_PARSE_ARGS");
    if (!isUsage) throw error;
    throw new UsageError(`${command}: ${faultOf(error.message, Object.keys(options))}`);
  }
}

/** Node's messages go on for lines, or quote wrongly if a value or a file begins with a dash. */
function faultOf(message: string, options: readonly string[]): string {
  const [, unknown] = /^Unknown option '(.+?)'/.exec(message) ?? [];
  if (unknown !== undefined) {
    return `there is no option ${quoted(unknown, SHOWN).slice(1, -1)}${hintFor(unknown, options)}`;
  }
  const [, option] = /^Option '(\S+).*' argument (?:missing|is ambiguous)/.exec(message) ?? [];
  return option === undefined
    ? message
    : `${option} needs a value; one that begins with - is given as ${option}=VALUE`;
}

function hintFor(unknown: string, options: readonly string[]): string {
  const behind = "a file whose name begins with - is given behind --";
  if (/^-\d/.test(unknown)) return `; no size is negative, and ${behind}`;
  if (!unknown.startsWith("--")) return `; ${behind}`;
  const words = [...options, "help"].map((option) => `--${option}`);
  return didYouMean(unknown, words) || `; ${behind}`;
}

/**
 * The files that a command takes, exactly as many.
 *
 * @param names What they are called in the help, separated by spaces.
 * @throws {UsageError} If they are fewer or more.
 */
export function exactly(command: string, files: readonly string[], names: string): string[] {
  const wanted = names.split(" ");
  if (files.length === wanted.length) return [...files];
  const missing = wanted.slice(files.length);
  if (missing.length > 0) {
    const verb = missing.length === 1 ? "is" : "are";
    throw new UsageError(`${command}: ${missing.join(" and ")} ${verb} missing`);
  }
  const rest = files.slice(wanted.length).map((file) => quoted(file, SHOWN));
  throw new UsageError(
    `${command} takes ${names} and no more, not ${rest[0]}` +
      (rest.length === 1 ? "" : ` and ${rest.length - 1} more`),
  );
}

/**
 * The files that a command takes, at least one.
 *
 * @throws {UsageError} If there is none.
 */
export function oneOrMore(command: string, files: readonly string[]): readonly string[] {
  if (files.length > 0) return files;
  throw new UsageError(`${command}: FILE is missing`);
}

/**
 * An option that is one of some words, in whichever case.
 *
 * @throws {UsageError} If it is another word.
 */
export function word<W extends string>(
  option: string,
  value: string | undefined,
  words: readonly W[],
): W | undefined {
  if (value === undefined) return undefined;
  const found = words.find((each) => each === value.toLowerCase());
  if (found !== undefined) return found;
  const list = words.length < 2
    ? words.join("")
    : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
  throw new UsageError(
    `${option} must be ${list}, not ${quoted(value, SHOWN)}${didYouMean(value, words)}`,
  );
}

/**
 * The bytes of an option or argument that is a size.
 *
 * @throws {UsageError} If it is none.
 */
export function size(option: string, text: string): number {
  try {
    return parseSize(text, option);
  } catch (error) {
    throw error instanceof RangeError ? new UsageError(error.message) : error;
  }
}

/**
 * A GUID in lower case, without braces.
 *
 * @param option How the command line calls it, for the error.
 * @throws {UsageError} If it is none.
 */
export function guid(option: string, text: string): string {
  try {
    return normalizeGuid(text, option);
  } catch (error) {
    throw error instanceof TypeError ? new UsageError(error.message) : error;
  }
}

/**
 * The size that a disk is to get: as it was typed, if it is understood. `+10G` is so much more.
 *
 * @param words What may be said instead.
 * @throws {UsageError} If it is no size.
 */
export function newSize(text: string, words: readonly string[] = []): string {
  if (words.includes(text)) return text;
  const nearest = /^[+\d]/.test(text) ? "" : didYouMean(text, words);
  if (nearest !== "") {
    const list = ["a size such as 10GiB", ...words].join(" or ");
    throw new UsageError(`SIZE must be ${list}, not ${quoted(text, SHOWN)}${nearest}`);
  }
  size("SIZE", text.replace(/^\+/, ""));
  return text;
}

/**
 * The file and the size that two arguments say.
 *
 * @param parse Takes the size.
 * @throws {UsageError} If it is none; it says so if the two have changed places.
 */
export function fileAndSize<S>(
  command: string,
  [path = "", text = ""]: readonly string[],
  parse: (text: string) => S,
): { path: string; size: S } {
  try {
    return { path, size: parse(text) };
  } catch (error) {
    if (!(error instanceof UsageError) || !isSize(path)) throw error;
    throw new UsageError(
      `${command}: the size comes behind the file; ` +
        `did you mean virtdisk ${command} ${quoted(text, SHOWN).slice(1, -1)} ${path}?`,
    );
  }
}

function isSize(text: string): boolean {
  try {
    parseSize(text.replace(/^\+/, ""));
    return true;
  } catch {
    return false;
  }
}

/** The entries of an object that have a value: an option that is left out is absent. */
export function present<T extends object>(options: T): { [K in keyof T]?: NonNullable<T[K]> } {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: NonNullable<T[K]> };
}
