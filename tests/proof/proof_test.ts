/** The task that writes PROOF.md: a small run of each section, and whether the page is what the results give. */
import { assert, assertEquals, assertMatch, assertNotEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { denoCommand } from "../deno_command.ts";
import { allStates } from "../sampling.ts";
import { ROOT, TempDir, testWith } from "../support.ts";
import { HISTORY_KINDS } from "./histories/kinds.ts";
import { pageOf, shapeOf } from "./page.ts";
import { readRecord, recordRun, RESULTS } from "./records.ts";
import type { Section } from "./section.ts";
import { SECTIONS } from "./sections.ts";

const PAGE = Deno.readTextFileSync(join(ROOT, "PROOF.md"));

function run(...args: string[]): { code: number; output: string } {
  const { code, stdout, stderr } = denoCommand({
    args: ["run", "--allow-all", "--no-check", "tests/proof/proof.ts", ...args],
    env: { NO_COLOR: "1" },
    cwd: ROOT,
    stdin: "null",
  }).outputSync();
  const text = new TextDecoder();
  return { code, output: text.decode(stdout) + text.decode(stderr) };
}

/** Which sections the sample has: others take long however little is asked for, and their rooms' tests do the same. */
const QUICK = ["histories"];

for (const section of SECTIONS) {
  testWith(
    [...section.needs, ...QUICK.includes(section.name) ? [] : [allStates]],
    `deno task proof ${section.name} writes a section of the shape that PROOF.md has`,
    () => {
      using dir = new TempDir();
      const [results, output] = [dir.file("results"), dir.file("proof.md")];
      const options = ["--count", "2", "--seed", "5", "--results", results, "--output", output];
      const { code, output: said } = run(section.name, ...options);
      assertEquals(code, 0, said);
      assertEquals([...Deno.readDirSync(results)].map(({ name }) => name), [
        `${section.name}.json`,
      ]);
      const page = Deno.readTextFileSync(output);
      assertEquals(page, pageOf(SECTIONS, results));
      assertEquals(shapeOf(page), shapeOf(pageOf([section], RESULTS)));
      // It says how to do the same again.
      assert(page.includes(`\`deno task proof ${section.name} --seed 5 --count 2\``), page);
    },
  );
}

Deno.test("PROOF.md is what the results of all sections give", () => {
  assertEquals(PAGE, pageOf(SECTIONS, RESULTS), "deno task proof writes it");
  const files = [...Deno.readDirSync(RESULTS)].map(({ name }) => name).sort();
  assertEquals(files, SECTIONS.map(({ name }) => `${name}.json`).sort());
});

Deno.test("the results say when, where and with what they were made, and that nothing is to be mended", () => {
  for (const section of SECTIONS) {
    const record = readRecord(RESULTS, section.name)!;
    assertEquals(record.section, section.name);
    assertMatch(record.date, /^20\d\d-\d\d-\d\d$/);
    assertMatch(record.machine, /\S/);
    assertEquals(Object.keys(record.programs), ["Deno", ...section.programs]);
    assert(record.seconds > 0);
    assertEquals(section.faults(record.results), [], `${section.name} is mended and made anew`);
  }
});

Deno.test("PROOF.md promises nothing that it does not show", () => {
  // Of this project's rows: crash, hang, untyped.
  const rows = PAGE.matchAll(
    /^\| [^|]+ \| virtdisk +\| +\d+ \| +(\d+) \| +(\d+) \| +(\d+) \|.*$/gm,
  );
  for (const [row, ...counts] of rows) assertEquals(counts, ["0", "0", "0"], row);
  const histories = PAGE.slice(PAGE.indexOf("## All short histories"));
  for (const { name } of HISTORY_KINDS) {
    const row = new RegExp(`^\\| ${name} +(?:\\| +\\d+ ){4}\\| +0 \\|$`, "m");
    assertMatch(histories, row);
  }
});

testWith(
  [allStates],
  "deno task proof refuses numbers that are none, and sections that are none",
  () => {
    using dir = new TempDir();
    const paths = ["--results", dir.file("results"), "--output", dir.file("proof.md")];
    for (const number of ["x", "-1", "1.5", ""]) {
      for (const option of ["--count", "--seed"]) {
        const { code, output } = run(`${option}=${number}`, ...paths);
        assertNotEquals(code, 0);
        assertMatch(output, new RegExp(`${option} must be a whole number`));
      }
    }
    const { code, output } = run("bit-flips", "miracles", ...paths);
    assertNotEquals(code, 0);
    assertMatch(output, /a section must be one of bit-flips, .*, not "miracles"/);
    assertThrows(() => Deno.statSync(dir.file("results")), Deno.errors.NotFound);
  },
);

/** A section that tries nothing. */
const MADE_UP: Section<{ readonly tried: number }> = {
  name: "made-up",
  title: "Made up",
  unit: "tries",
  counts: { short: 3, long: 30 },
  programs: [],
  needs: [],
  run: ({ count }) => Promise.resolve({ tried: count }),
  render: ({ tried }) => [`Tried ${tried} times.`],
  faults: () => [],
};

const WISH = { form: "long", count: 30, seed: 1, tell: () => {} } as const;

function pageOfOne(section: Section, results: unknown): string {
  using dir = new TempDir();
  const record = { ...RUN, section: section.name, results };
  Deno.writeTextFileSync(dir.file(`${section.name}.json`), JSON.stringify(record));
  return pageOf([section, { ...MADE_UP, name: "later" }], dir.path);
}

const RUN = {
  date: "2026-11-30",
  machine: "a machine",
  programs: { Deno: "1", other: "2" },
  form: "long",
  count: 30,
  seed: 1,
  seconds: 40_000,
};

Deno.test("pageOf(): a section tells its own run, and one that has not been run is not there", () => {
  const page = pageOfOne(MADE_UP, { tried: 30 });
  const run = "Run on 2026-11-30 in 11 hours, on a machine, with Deno 1, other 2. " +
    "`deno task proof made-up --long` does the same again.";
  const lines = page.replaceAll("\n> ", " ").replaceAll("\n ", "\n");
  assert(lines.includes(`\n## Made up\n${run}\n\nTried 30 times.\n`), page);
  assertMatch(page, /^\| Made up +\| 2026-11-30 +\| long +\| +11 hours \| +0 \|$/m);
  assert(!page.includes("later"));
});

Deno.test("pageOf(): what is to be mended is told, and counted", () => {
  const page = pageOfOne({ ...MADE_UP, faults: () => ["this\n  and that"] }, { tried: 30 });
  assertMatch(page, /^- \*\*To be mended\*\*: this; and that$/m);
  assertMatch(page, /^\| Made up +\|.*\| +1 \|$/m);
});

Deno.test("recordRun(): what would be lost in the file is an error", async () => {
  const { results, form, count, seed } = await recordRun(MADE_UP, WISH);
  assertEquals([results, form, count, seed], [{ tried: 30 }, "long", 30, 1]);
  const lossy = { ...MADE_UP, run: () => Promise.resolve({ tried: 1, by: new Map() }) };
  const failed = await recordRun(lossy, WISH).then(() => "", String);
  assertMatch(failed, /made-up gives plain JSON/);
});

Deno.test("shapeOf() keeps headings, the first line of tables and their first column", () => {
  const text = "# A\n\ntext 12\n\n| a | b  |\n| - | -: |\n| x |  1 |\n| y | 22 |\n\n## B\n";
  assertEquals(shapeOf(text), ["# A", "|a|b|", "x", "y", "## B"]);
});
