/** The files of results, one for each section: what PROOF.md is made of. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { spawnSync } from "node:child_process";
import { machine } from "../machine.ts";
import { exists, ROOT } from "../support.ts";
import { programVersions } from "../programs.ts";
import type { RunRecord, RunWish, Section } from "./section.ts";

/** Where the results are that PROOF.md shows. */
export const RESULTS = join(ROOT, "tests", "proof", "results");

/** Runs a section. */
export async function recordRun(section: Section, wish: RunWish): Promise<RunRecord> {
  const date = new Date().toISOString().slice(0, 10);
  const start = performance.now();
  const results = await section.run(wish);
  // A map, for one, would be written as nothing.
  assertEquals(JSON.parse(JSON.stringify(results)), results, `${section.name} gives plain JSON`);
  return {
    section: section.name,
    date,
    machine: machine(),
    programs: programVersions(section.programs),
    form: wish.form,
    count: wish.count,
    seed: wish.seed,
    seconds: Math.round((performance.now() - start) / 100) / 10,
    results,
  };
}

/** Puts what came of a run in the place of what came of the last one. */
export function writeRecord(folder: string, record: RunRecord): void {
  const text = formatted(JSON.stringify(record), "json");
  Deno.mkdirSync(folder, { recursive: true });
  Deno.writeTextFileSync(fileOf(folder, record.section), text);
}

/** What came of the last run of a section; `undefined` if there was none. */
export function readRecord(folder: string, name: string): RunRecord | undefined {
  const path = fileOf(folder, name);
  return exists(path) ? JSON.parse(Deno.readTextFileSync(path)) : undefined;
}

const fileOf = (folder: string, name: string) => join(folder, `${name}.json`);

/** A text as the project formats all of its files. */
export function formatted(text: string, extension: "json" | "md"): string {
  const options = ["--quiet", "--config", join(ROOT, "deno.json"), "--ext", extension];
  const { status, stdout, stderr } = spawnSync(Deno.execPath(), ["fmt", ...options, "-"], {
    input: text,
    encoding: "utf8",
    maxBuffer: 1 << 30,
  });
  if (status !== 0) throw new Error(`deno fmt: ${stderr}`);
  return stdout;
}
