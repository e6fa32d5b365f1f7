/**
 * The arguments of a command.
 *
 * @module
 */
import { parseArgs, type ParseArgsConfig } from "node:util";
import { UsageError } from "./usage_error.ts";

type Options = NonNullable<ParseArgsConfig["options"]>;

/** What a command was given. */
export type Arguments<T extends Options> = ReturnType<
  typeof parseArgs<{ args: string[]; allowPositionals: true; options: T }>
>;

/**
 * Takes the arguments of a command apart.
 *
 * @param command Its name, for errors.
 * @throws {UsageError} Where they cannot be understood.
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
    throw isUsage ? new UsageError(`${command}: ${faultOf(error.message)}`) : error;
  }
}

/** Node's messages go on for lines, or quote wrongly, where a value or a file begins with a dash. */
function faultOf(message: string): string {
  const [, unknown] = /^Unknown option '(.+?)'/.exec(message) ?? [];
  if (unknown !== undefined) {
    return `unknown option ${unknown}; a file whose name begins with - is given behind --`;
  }
  const [, option] = /^Option '(\S+).*' argument (?:missing|is ambiguous)/.exec(message) ?? [];
  return option === undefined
    ? message
    : `${option} needs a value; one that begins with - is given as ${option}=VALUE`;
}

/**
 * The files that a command takes, exactly as many.
 *
 * @throws {UsageError} Where they are fewer or more.
 */
export function exactly(command: string, files: readonly string[], names: string): string[] {
  if (files.length === names.split(" ").length) return [...files];
  const given = files.length === 0 ? "none given" : `given ${files.join(" ")}`;
  throw new UsageError(`${command}: expected ${names}, ${given}`);
}

/**
 * An option that is one of some words.
 *
 * @throws {UsageError} Where it is another word.
 */
export function word<W extends string>(
  option: string,
  value: string | undefined,
  words: readonly W[],
): W | undefined {
  if (value === undefined) return undefined;
  const found = words.find((each) => each === value);
  if (found !== undefined) return found;
  throw new UsageError(`${option} is ${words.join(" or ")}, not ${JSON.stringify(value)}`);
}

/** The entries of an object that have a value: an option that is left out is absent. */
export function present<T extends object>(options: T): { [K in keyof T]?: NonNullable<T[K]> } {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: NonNullable<T[K]> };
}
