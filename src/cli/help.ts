/**
 * The help of a command, from its declaration.
 *
 * @module
 */
import {
  type Declaration,
  type Option,
  type Permission,
  permissionsFor,
  typed,
} from "./declaration.ts";
import { flagOf, programWith } from "./program.ts";
import { lineWidth, wrapped } from "./terminal.ts";

/** Where the second column begins. */
const INDENT = 22;

/** The help of a command. */
export function helpText(name: string, declaration: Declaration): string {
  const { about, notes, options, permissions, examples } = declaration;
  const rows = [
    ...Object.entries<Option>(options).map(([option, { value, about }]) =>
      row([typed(option), value ?? []].flat().join(" "), about)
    ),
    row("-h, --help", "print this"),
  ];
  const needs = permissions.map((each) => row(flagOf(each), scopeOf(each)));
  return [
    `Usage: ${usage(name, declaration)}`,
    ...[about, notes].filter((text) => text !== undefined).flatMap((text) => ["", wrapped(text)]),
    "",
    "Options:",
    ...rows,
    "",
    "Examples:",
    ...examples.flatMap(([line, purpose]) => [wrapped(`# ${purpose}`, 2), `  virtdisk ${line}`]),
    "",
    ...(permissions.length === 0 ? ["Permissions: none."] : [
      "Permissions:",
      ...needs,
      "",
      "The first example in full:",
      inFull(declaration),
    ]),
    "",
    wrapped(`Exit status: ${statuses(declaration)}`),
  ].join("\n");
}

/** `virtdisk check [OPTION...] FILE...` */
export function usage(name: string, { operands }: Declaration): string {
  return `virtdisk ${name} [OPTION...] ${operands}`.trimEnd();
}

/** The first example with the permissions that it needs for files of this folder. */
function inFull(declaration: Declaration): string {
  const [[line] = [""]] = declaration.examples;
  const parts = [...programWith(permissionsFor(declaration, line.split(" ")), "."), line];
  const whole = `  ${parts.join(" ")}`;
  if (whole.length <= lineWidth()) return whole;
  const goesOn = Deno.build.os === "windows" ? " `" : " \\";
  return parts.map((part, index) => `  ${index === 0 ? "" : "  "}${part}`).join(`${goesOn}\n`);
}

/** What a permission is for: `FILE; only with --repair`. */
export function scopeOf({ scope, with: only, unless }: Permission): string {
  return [
    scope,
    ...(only === undefined ? [] : [`only with ${only.join(" or ")}`]),
    ...(unless === undefined ? [] : [`not with ${unless.join(" or ")}`]),
  ].join("; ");
}

/** What the exit statuses of a command mean. */
export function statuses({ statuses = {}, untilInterrupted = false }: Declaration): string {
  const { 0: good, 1: finding, 2: failed = "it fails or the command line is wrong" } = statuses;
  return [
    untilInterrupted ? "0 after Ctrl-C" : good === undefined ? "0" : `0 if ${good}`,
    ...(finding === undefined ? [] : [`1 if ${finding}`]),
    `2 if ${failed}`,
    ...(untilInterrupted ? [] : ["130 after Ctrl-C"]),
  ].join("; ") + ".";
}

/** Two columns; a first one that is too long has a line of its own. */
function row(left: string, right: string): string {
  const head = `  ${left}`;
  const text = wrapped(right, INDENT);
  return head.length < INDENT - 1 ? head.padEnd(INDENT) + text.trimStart() : `${head}\n${text}`;
}
