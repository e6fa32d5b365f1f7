/**
 * Writes PROOF.md: `deno task proof`. It runs the sections that are named, or all, writes what came of each into a
 * file of results, and makes the page of all of these; it ends with exit code 1 if something is to be mended.
 *
 * ```sh
 * deno task proof [NAMES] [--long] [--seed NUMBER] [--count NUMBER] [--results FOLDER] [--output PATH]
 * ```
 *
 * @module
 */
import { join } from "@std/path";
import { parseArgs } from "node:util";
import { ROOT } from "../support.ts";
import { pageOf, SEED } from "./page.ts";
import { readRecord, recordRun, RESULTS, writeRecord } from "./records.ts";
import type { Form, Section } from "./section.ts";
import { SECTIONS } from "./sections.ts";

/** What is asked for. */
interface Wish {
  readonly sections: readonly Section[];
  readonly form: Form;
  readonly seed: number;
  /** `undefined` for that of the form. */
  readonly count: number | undefined;
  readonly results: string;
  readonly output: string;
}

function wishOf(args: readonly string[]): Wish {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      long: { type: "boolean", default: false },
      seed: { type: "string", default: String(SEED) },
      count: { type: "string" },
      results: { type: "string", default: RESULTS },
      output: { type: "string", default: join(ROOT, "PROOF.md") },
    },
  });
  return {
    sections: positionals.length === 0 ? SECTIONS : positionals.map(sectionOf),
    form: values.long ? "long" : "short",
    seed: whole("seed", values.seed),
    count: values.count === undefined ? undefined : whole("count", values.count),
    results: values.results,
    output: values.output,
  };
}

function sectionOf(name: string): Section {
  const found = SECTIONS.find((section) => section.name === name);
  if (found !== undefined) return found;
  const names = SECTIONS.map((section) => section.name).join(", ");
  throw new TypeError(`a section must be one of ${names}, not "${name}"`);
}

function whole(name: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new TypeError(`--${name} must be a whole number, not "${text}"`);
}

if (import.meta.main) {
  const { sections, form, seed, count, results, output } = wishOf(Deno.args);
  for (const section of sections) {
    const wish = { form, seed, count: count ?? section.counts[form], tell: console.log };
    console.log(`${section.name}: ${wish.count} ${section.unit}`);
    writeRecord(results, await recordRun(section, wish));
    // After each, so that what took hours is there, whatever becomes of the next one.
    Deno.writeTextFileSync(output, pageOf(SECTIONS, results));
  }
  console.log(`wrote ${output}`);
  const faults = sections.flatMap((section) =>
    section.faults(readRecord(results, section.name)!.results)
  );
  if (faults.length > 0) {
    console.error("Something is to be mended: see there.");
    Deno.exitCode = 1;
  }
}
