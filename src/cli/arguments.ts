/**
 * The arguments of a command: the kinds of options that there are, and how a command line is taken apart.
 *
 * @module
 */
import { parseSize } from "../../portable.ts";
import { normalizeGuid } from "../bytes/guid.ts";
import { bytesText } from "../text/digits.ts";
import { didYouMean } from "../text/nearest_word.ts";
import { quoted } from "../text/quoted.ts";
import {
  type Flag,
  type Operands,
  type Option,
  type Options,
  typed,
  type Valued,
  type Values,
} from "./declaration.ts";
import { CommandFailure, UsageError } from "./failure.ts";

/** An option that is there or not. */
export function flag(about: string): Flag {
  return { about };
}

/** An option whose value is any text. */
export function text(value: string, about: string): Valued<string> {
  return { value, about, parse: (_, given) => given };
}

/** An option whose value is a path. */
export function path(value: string, about: string): Valued<string> {
  return { ...text(value, about), isPath: true };
}

/** An option whose value is a number of bytes. */
export function size(about: string): Valued<number> {
  return { value: "SIZE", about, parse: parsedSize };
}

/** An option whose value is a GUID; it is given in lower case, without braces. */
export function guid(about: string): Valued<string> {
  return { value: "GUID", about, parse: parsedGuid };
}

/** An option that is one of some words, in whichever case. */
export function word<const W extends string>(
  value: string,
  words: readonly W[],
  about: string,
): Valued<W> {
  return { value, about, words, parse: (option, given) => parsedWord(option, given, words) };
}

/** What most commands take: the type of the image, if it cannot or should not be found out. */
export const TYPE = word(
  "TYPE",
  ["vhd", "vhdx", "iso", "raw"],
  "vhd, vhdx, iso or raw; default: found out, but raw only if you say so",
);

/** What those take whose answer may be the exit status alone, as that of `cmp -s`. */
export const QUIET = flag(
  "print nothing to standard output: the exit status is the answer, and failures are told on standard error",
);

/** What all commands take that could make children of the image invalid. */
export const IGNORE_CHILDREN = flag(
  "go on even if children of the image are in its folder, which become invalid, or if it cannot be found " +
    "out whether there are any",
);

/** Which bytes of the disk. */
export function range(offset: string, length: string) {
  return { offset: size(`${offset}; default: 0`), length: size(length) };
}

/**
 * Refuses a range that begins behind the end of the disk: it holds nothing, and hardly is what was meant.
 *
 * @throws {CommandFailure} If it does.
 */
export function assertBeginsIn(disk: { readonly virtualSize: number }, offset: number): void {
  if (offset <= disk.virtualSize) return;
  throw new CommandFailure(
    `--offset must be within the disk, which has ${bytesText(disk.virtualSize)}, not ${offset}`,
  );
}

/** So much of what was given is repeated. */
const SHOWN = 60;

/**
 * Takes the arguments of a command apart.
 *
 * @param command Its name, for errors.
 * @throws {UsageError} If they cannot be understood.
 */
export function parseArguments<O extends Options>(
  command: string,
  args: readonly string[],
  options: O,
): { readonly values: Values<O>; readonly operands: string[] } {
  const texts = new Map<string, string | undefined>();
  const operands: string[] = [];
  for (const part of partsOf(args, options)) {
    if (part.typed === undefined) operands.push(part.text);
    else {
      const fault = faultOf(part, Object.keys(options).map(typed));
      if (fault !== undefined) throw new UsageError(`${command}: ${fault}`);
      texts.set(part.typed, part.text);
    }
  }
  const given = Object.entries<Option>(options).flatMap(([name, option]) => {
    const asTyped = typed(name);
    const value = texts.get(asTyped);
    if (option.value === undefined) return [[name, texts.has(asTyped)]];
    if (value !== undefined) return [[name, option.parse(asTyped, value)]];
    return option.initial === undefined ? [] : [[name, option.initial]];
  });
  return { values: Object.fromEntries(given), operands };
}

/** What can be seen in arguments that may not be understood: which options are there, and what else. */
export function looselyParsed(
  args: readonly string[],
  options: Options,
): { readonly options: ReadonlySet<string>; readonly operands: readonly string[] } {
  const given = new Set<string>();
  const operands: string[] = [];
  for (const part of partsOf(args, options)) {
    if (part.typed === undefined) operands.push(part.text);
    // A flag with a value is none.
    else if (part.option?.value === undefined && part.text !== undefined) given.delete(part.name);
    else given.add(part.name);
  }
  return { options: given, operands };
}

/** A part of a command line: an operand, or an option with the text that may be its value. */
type Part =
  | { readonly typed?: undefined; readonly text: string }
  | {
    /** As it was typed, without a value: `--dry-run`. */
    readonly typed: string;
    readonly name: string;
    /** Absent if there is no such option. */
    readonly option?: Option;
    readonly text?: string;
    /** Whether the text stands behind the option and `=`, not in an argument of its own. */
    readonly isInline?: boolean;
  };

/**
 * As `parseArgs` of `node:util` takes arguments apart, which tests hold against this: loading it takes a third of the
 * time in which an empty script starts. There are no options of one letter, and none is negated.
 */
function* partsOf(args: readonly string[], options: Options): Generator<Part> {
  const known = new Map(Object.entries(options).map(([name, option]) => [typed(name), option]));
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    if (arg === "--") {
      for (const text of args.slice(i + 1)) yield { text };
      return;
    }
    if (arg === "-" || !arg.startsWith("-")) {
      yield { text: arg };
      continue;
    }
    const isLong = arg.startsWith("--");
    const equals = isLong ? arg.indexOf("=", 3) : -1;
    const asTyped = isLong ? arg.slice(0, equals === -1 ? undefined : equals) : arg.slice(0, 2);
    const option = known.get(asTyped);
    const head = { typed: asTyped, name: asTyped.slice(2), ...(option ? { option } : {}) };
    if (equals !== -1) yield { ...head, text: arg.slice(equals + 1), isInline: true };
    else if (option?.value !== undefined && i + 1 < args.length) {
      yield { ...head, text: args[++i]! };
    } else yield head;
  }
}

/** What is wrong with an option as it was given. */
function faultOf(
  { typed: asTyped, option, text, isInline }: Part & { typed: string },
  options: readonly string[],
): string | undefined {
  if (option === undefined) {
    return `there is no option ${quoted(asTyped, SHOWN).slice(1, -1)}${hintFor(asTyped, options)}`;
  }
  if (option.value === undefined) {
    return text === undefined ? undefined : `${asTyped} takes no value`;
  }
  const isAmbiguous = text !== undefined && !isInline && text.length > 1 && text.startsWith("-");
  if (text !== undefined && !isAmbiguous) return undefined;
  return `${asTyped} needs a value; one that begins with - is given as ${asTyped}=VALUE`;
}

function hintFor(unknown: string, options: readonly string[]): string {
  const behind = "a file whose name begins with - is given after --";
  if (/^-\d/.test(unknown)) return `; a size cannot be negative, and ${behind}`;
  if (!unknown.startsWith("--")) return `; ${behind}`;
  return didYouMean(unknown, [...options, "--help"]) || `; ${behind}`;
}

/**
 * The operands, as many as the command takes.
 *
 * @param names How the help writes them.
 * @throws {UsageError} If they are fewer or more.
 */
export function parseOperands<S extends string>(
  command: string,
  given: readonly string[],
  names: S,
): Operands<S> {
  const wanted = names === "" ? [] : names.split(" ");
  const plain = wanted.map((name) => name.replaceAll(/[[\]]|\.\.\./g, ""));
  const needed = wanted.filter((name) => !name.startsWith("[")).length;
  const missing = plain.slice(given.length, needed);
  if (missing.length > 0) {
    const verb = missing.length === 1 ? "is" : "are";
    throw new UsageError(`${command}: ${missing.join(" and ")} ${verb} missing`);
  }
  const rest = given.slice(wanted.length).map((file) => quoted(file, SHOWN));
  if (rest.length > 0 && !names.endsWith("...")) {
    const takes = plain.length === 0 ? "no file" : `${plain.join(" ")} and no more`;
    throw new UsageError(
      `${command} takes ${takes}, not ${rest[0]}` +
        (rest.length === 1 ? "" : ` and ${rest.length - 1} more`),
    );
  }
  return given as Operands<S>;
}

/**
 * One of some words, in whichever case.
 *
 * @param what What it is, for the error.
 * @throws {UsageError} If it is another word.
 */
export function parsedWord<W extends string>(what: string, given: string, words: readonly W[]): W {
  const found = words.find((each) => each === given.toLowerCase());
  if (found !== undefined) return found;
  const list = words.length < 2
    ? words.join("")
    : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
  throw new UsageError(
    `${what} must be ${list}, not ${quoted(given, SHOWN)}${didYouMean(given, words)}`,
  );
}

/**
 * A number of bytes.
 *
 * @param what What it is, for the error.
 * @throws {UsageError} If it is none.
 */
export function parsedSize(what: string, given: string): number {
  try {
    return parseSize(given, what);
  } catch (error) {
    throw error instanceof RangeError ? new UsageError(error.message) : error;
  }
}

function parsedGuid(option: string, given: string): string {
  try {
    return normalizeGuid(given, option);
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
export function newSize(given: string, words: readonly string[] = []): string {
  if (words.includes(given)) return given;
  const nearest = /^[+\d]/.test(given) ? "" : didYouMean(given, words);
  if (nearest !== "") {
    const list = ["a size such as 10GiB", ...words].join(" or ");
    throw new UsageError(`SIZE must be ${list}, not ${quoted(given, SHOWN)}${nearest}`);
  }
  parsedSize("SIZE", given.replace(/^\+/, ""));
  return given;
}

/**
 * The size that was given after a file.
 *
 * @param parse Takes the size.
 * @throws {UsageError} If it is none; the error says so if the two have changed places.
 */
export function sizeAfter<S>(
  command: string,
  file: string,
  given: string,
  parse: (given: string) => S,
): S {
  try {
    return parse(given);
  } catch (error) {
    if (!(error instanceof UsageError) || !isSize(file)) throw error;
    throw new UsageError(
      `${command}: the size comes after the file; ` +
        `did you mean virtdisk ${command} ${quoted(given, SHOWN).slice(1, -1)} ${file}?`,
    );
  }
}

function isSize(given: string): boolean {
  try {
    parseSize(given.replace(/^\+/, ""));
    return true;
  } catch {
    return false;
  }
}
