/** The page of errors, from the tables in src/errors. */
import {
  type Cause,
  CAUSES,
  type Causes,
  type ConditionalCause,
  GENERAL,
} from "../../src/errors/causes.ts";
import { errorCode, errorMeaning, type ErrorSymbol, errorSymbols } from "../../src/errors/codes.ts";
import { formatCode } from "../../src/text/error_code.ts";
import { table } from "./commands.ts";

/** For whom a sentence is, if not for all. */
const SYSTEMS: Readonly<Record<string, string>> = {
  windows: "Windows",
  posix: "Linux and macOS",
};

/** A table of all symbols, then a section for each of which more is known. */
export function errorSections(): string {
  const symbols = errorSymbols().filter((symbol) => symbol !== "ERROR_SUCCESS");
  const known = symbols.filter((symbol) => groups(symbol).length > 0);
  const rows = symbols.map((symbol) => [
    known.includes(symbol) ? `[\`${symbol}\`](#${symbol.toLowerCase()})` : `\`${symbol}\``,
    numbers(symbol),
    errorMeaning(errorCode(symbol)),
  ]);
  return [table(["symbol", "number", "meaning"], rows), ...known.map(section)].join("\n\n");
}

function section(symbol: ErrorSymbol): string {
  const meaning = errorMeaning(errorCode(symbol));
  return [
    `## ${symbol}`,
    `${numbers(symbol)}: ${meaning}.`,
    ...groups(symbol).map(([operations, sentences]) => `${operations}:\n\n${sentences}`),
  ].join("\n\n");
}

/** `1392 (0x570)`, or for the large ones `0xC03A000D` alone. */
function numbers(symbol: ErrorSymbol): string {
  const code = errorCode(symbol);
  return code > 0xffff ? formatCode(code, true) : `${code}`;
}

/** What may be the matter, by the operations of which it is true. */
function groups(symbol: ErrorSymbol): [operations: string, sentences: string][] {
  const operations = new Map<string, string[]>();
  for (const [operation, causes] of Object.entries<Causes>(CAUSES)) {
    const list = sentences(causes[symbol]);
    if (list === "") continue;
    operations.set(list, [...operations.get(list) ?? [], `\`${operation}\``]);
  }
  const general = sentences(GENERAL[symbol]);
  // A list that holds in general needs no operation.
  operations.delete(general);
  const groups = [...operations].map(([list, names]): [string, string] => [
    `In ${listed(names)}`,
    list,
  ]);
  if (general === "") return groups;
  return [...groups, [
    groups.length === 0 ? "In any operation" : "In any other operation",
    general,
  ]];
}

function listed(names: readonly string[]): string {
  return names.length === 1 ? names[0]! : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

/** A list in Markdown; the first item is the likeliest. */
function sentences(causes: readonly Cause[] = []): string {
  return [...new Set(causes.map(sentence))].map((each) => `- ${each}`).join("\n");
}

function sentence(cause: Cause): string {
  const { text, backend, system }: ConditionalCause = typeof cause === "string"
    ? { text: cause }
    : cause;
  const whose = [
    ...(backend === undefined ? [] : [`${backend} backend`]),
    ...(system === undefined ? [] : [SYSTEMS[system]!]),
  ].join(", ");
  return `${whose === "" ? "" : `(${whose}) `}${literal(text)}`;
}

/** Outside of code: signs that Markdown takes for its own. */
function literal(text: string): string {
  return text.split(/(`[^`]*`)/).map((piece) =>
    piece.startsWith("`") ? piece : piece
      .replaceAll(/\{[^{}]*\}|\b\w+\([^()]*\)|"[a-z]+(?:-[a-z]+)+"|\\\\\?\\/g, (code) =>
        `\`${code}\``)
      .replaceAll(/[*_<>\\](?![^`]*`)/g, (sign) =>
        `\\${sign}`)
  ).join("");
}
