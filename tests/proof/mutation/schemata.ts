/**
 * A file with all of its mutants, of which a number switches on one: what is loaded once can be tried with each, and a
 * run of tests without any says which of them would have made a difference.
 */
import type { Mutant } from "./mutants.ts";
import { ARITHMETIC, BOUNDARY, NEGATED } from "./operators.ts";

/** A mutant, by the number that switches it on. */
export type Numbered = Mutant & { readonly id: number };

/** What several mutants make another one of: an expression or a statement. */
interface Site {
  readonly from: number;
  readonly to: number;
  readonly mutants: readonly Numbered[];
}

/** The names of the functions of the switch that stand for operators. */
const NAMES: Readonly<Record<string, string>> = {
  "===": "same",
  "!==": "notSame",
  "<": "less",
  ">=": "notLess",
  ">": "more",
  "<=": "notMore",
  "+": "add",
  "-": "subtract",
  "*": "multiply",
  "/": "divide",
  "%": "rest",
  "**": "power",
  "<<": "left",
  ">>": "right",
  ">>>": "rightUnsigned",
  "&": "and",
  "|": "or",
  "^": "xor",
};

/**
 * The program of a file in which each mutant can be switched on. Nothing is on another line than before.
 *
 * @param switchUrl Of the module that {@linkcode switchModule} gives.
 */
export function withSwitches(
  source: string,
  mutants: readonly Numbered[],
  switchUrl: string,
): string {
  const head = `import * as $ from ${JSON.stringify(switchUrl)}; let $t; `;
  return head + rendered(source, sitesOf(mutants), 0, source.length);
}

/** Outer ones before what is in them; conditions before the comparison that they are. */
function sitesOf(mutants: readonly Numbered[]): Site[] {
  const sites = new Map<string, Numbered[]>();
  for (const mutant of mutants) {
    const { from, to, operator } = mutant;
    const key = `${from} ${to} ${operator === "condition"}`;
    sites.set(key, [...sites.get(key) ?? [], mutant]);
  }
  const isCondition = ({ mutants }: Site) => mutants[0]!.operator === "condition" ? 0 : 1;
  return [...sites.values()].map((mutants) => {
    const { from, to } = mutants[0]!;
    return { from, to, mutants };
  }).sort((a, b) => a.from - b.from || b.to - a.to || isCondition(a) - isCondition(b));
}

/** A part of the source with the switches of these sites, as far as they are in it. */
function rendered(source: string, sites: readonly Site[], from: number, to: number): string {
  let text = "";
  let at = from;
  for (const [i, site] of sites.entries()) {
    if (site.from < at || site.to > to) continue;
    text += source.slice(at, site.from) + switched(source, site, sites.slice(i + 1));
    at = site.to;
  }
  return text + source.slice(at, to);
}

/** A site with its switches. */
function switched(source: string, site: Site, inner: readonly Site[]): string {
  const { from, to, mutants } = site;
  const part = (from: number, to: number) => rendered(source, inner, from, to);
  const [{ operator, id, start, end, original, text }] = mutants as [Numbered];
  const idOf = (text: string) => mutants.find((mutant) => mutant.text === text)?.id ?? -1;
  switch (operator) {
    case "condition":
      return `$.test(${idOf("true")}, ${idOf("false")}, ${part(from, to)})`;
    case "constant":
      return `($.on(${id}) ? ${text} : ${original})`;
    case "statement":
    case "flush":
      return `{ if (!$.on(${id})) ${part(from, to)} }`;
    case "early return":
      return mutants.map(({ id, text }) => ` if ($.on(${id})) ${text}`).join("");
  }
  // A literal.
  if (start === from && end === to) return `($.on(${id}) ? ${text} : ${original})`;
  const [left, right] = [part(from, start), part(end, to)];
  if (original === "&&") return `($.takes(${id}, $t = (${left})) ? (${right}) : $t)`;
  if (original === "||") return `($.takes(${id}, !($t = (${left}))) ? (${right}) : $t)`;
  if (original === "??") return `($.lacks(${id}, $t = (${left})) ? (${right}) : $t)`;
  if (original === "!") return `$.not(${id}, ${right})`;
  const name = left.trim() === "" ? undefined : NAMES[original];
  if (name === undefined) {
    return `($.on(${id}) ? ${left}${text}${right} : ${left}${original}${right})`;
  }
  const ids = original in NEGATED ? mutantsOf(original).map(idOf) : [id];
  return `$.${name}(${[...ids, left, right].join(", ")})`;
}

/** What may stand in the place of an operator. */
function mutantsOf(operator: string): string[] {
  const others = [NEGATED[operator], BOUNDARY[operator], ARITHMETIC[operator]];
  return others.filter((other) => other !== undefined);
}

/**
 * The module that all files with switches import. Each of its functions does what stood there, or what the mutant
 * does that is on; when it takes notes, it also notes which mutants would have done something else.
 */
export function switchModule(): string {
  return PROGRAM + Object.entries(NAMES).map(([operator, name]) => {
    const others = mutantsOf(operator).map((other, i) => ({ id: `id${i}`, other }));
    const tests = others.map(({ id, other }) => `if (on === ${id}) return a ${other} b;`);
    const notes = others.map(({ id, other }) =>
      `if (notes && notes[${id}] === 0) note(${id}, () => !Object.is(a ${operator} b, a ${other} b));`
    );
    return `export function ${name}(${others.map(({ id }) => id).join(", ")}, a, b) {
  step();
  ${[...tests, ...notes].join("\n  ")}
  return a ${operator} b;
}
`;
  }).join("");
}

const PROGRAM = `let on = 0, steps = 0, most = Infinity, notes;
/** Switches on a mutant; after so many steps the program is stopped. */
export function start(mutant, limit) { on = mutant; steps = 0; most = limit; }
export function takeNotes(count) { notes = count === undefined ? undefined : new Uint8Array(count); return notes; }
export function stepsDone() { return steps; }
export function isEndless() { return steps > most; }
function step() { if (++steps > most) throw new Error("it seems to go on without an end"); }
function note(id, isOther) {
  let other = true;
  try { other = isOther(); } catch { /* It would be an error. */ }
  if (other) notes[id] = 1;
}
function on_(id) { step(); if (notes) notes[id] = 1; return on === id; }
export { on_ as on };
export function not(id, a) { return on_(id) ? a : !a; }
export function takes(id, a) { return on_(id) ? !a : a; }
export function lacks(id, a) { step(); if (notes) notes[id] = 1; return on === id ? Boolean(a) : a === undefined || a === null; }
export function test(yes, no, a) {
  step();
  if (notes) notes[a ? no : yes] = 1;
  return on === yes ? true : on === no ? false : a;
}
`;
