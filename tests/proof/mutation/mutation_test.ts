/** Mutants are found where they are, put into the program one at a time, and noticed by tests that run them. */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { ROOT, TempDir, testWith, tool } from "../../support.ts";
import { Coverage } from "./coverage.ts";
import { filesIn } from "./covered.ts";
import { findMutants, mutated, sampleOf } from "./mutants.ts";
import { OPERATORS } from "./operators.ts";
import { scoreOf, tallyOf } from "./score.ts";
import { tryMutant } from "./trial.ts";
import { Workshop } from "./workshop.ts";

const SOURCE = `export function f(a: number, isB: boolean): boolean {
  const text = "€" + a;
  if (a < 3 && !isB) file.flush();
  for (let i = 0; i < text.length; i++) g(i);
  return isB;
}
`;

Deno.test("findMutants(): each operator, constant, condition and statement, and nothing of texts", () => {
  using dir = new TempDir();
  Deno.writeTextFileSync(dir.file("f.ts"), SOURCE);
  const lines = findMutants([dir.path]).map((mutant) => {
    const at = mutated(SOURCE, mutant).split("\n")[mutant.line - 1]!.trim();
    return `${mutant.operator}: ${at}`;
  });
  assertEquals(lines.sort(), [
    "arithmetic: for (let i = 0; i < text.length; i--) g(i);",
    "boolean: if (a < 3 && isB) file.flush();",
    "boolean: if (a < 3 || !isB) file.flush();",
    "boundary: for (let i = 0; i <= text.length; i++) g(i);",
    "boundary: if (a <= 3 && !isB) file.flush();",
    "comparison: for (let i = 0; i >= text.length; i++) g(i);",
    "comparison: if (a >= 3 && !isB) file.flush();",
    "condition: for (let i = 0; false; i++) g(i);",
    "condition: if (false) file.flush();",
    "condition: if (true) file.flush();",
    "constant: for (let i = (0 + 1); i < text.length; i++) g(i);",
    "constant: if (a < (3 + 1) && !isB) file.flush();",
    "early return: export function f(a: number, isB: boolean): boolean { return false;",
    "early return: export function f(a: number, isB: boolean): boolean { return true;",
    "flush: if (a < 3 && !isB) ;",
    "statement: for (let i = 0; i < text.length; i++) ;",
  ]);
});

Deno.test("findMutants(): the formats have all kinds of mutants, and each is another program", () => {
  const all = findMutants(["src/portable/vhdx"]);
  const operators = new Set(all.map(({ operator }) => operator));
  assertEquals([...operators].sort(), [...OPERATORS].sort());
  for (const mutant of sampleOf(all, 200, 1)) {
    const source = Deno.readTextFileSync(join(ROOT, mutant.file));
    assertEquals(source.slice(mutant.start, mutant.end), mutant.original);
    assert(mutated(source, mutant) !== source, mutant.code);
  }
});

Deno.test("sampleOf(): a smaller sample is the beginning of a larger one", () => {
  const all = findMutants(["src/portable/vhdx/log_writer.ts"]);
  assertEquals(sampleOf(all, 50, 7).slice(0, 20), sampleOf(all, 20, 7));
  assertEquals(new Set(sampleOf(all, all.length + 1, 7)).size, all.length);
});

testWith(
  [tool("bash")],
  "tryMutant(): tests that run the line notice, or are told not to have",
  async () => {
    using workshop = new Workshop();
    const tests = ["tests/bytes/guid_test.ts", "tests/text/digits_test.ts"];
    const tools = { workshop, coverage: new Coverage(), tests };
    const mutants = findMutants(["src/bytes/guid.ts", "src/bytes/crc32.ts"]);
    const inGuids =
      mutants.find(({ code, operator }) => operator === "condition" && code.includes("GUID")) ??
        mutants.find(({ file, operator }) => file.endsWith("guid.ts") && operator === "condition")!;
    const before = Deno.readTextFileSync(join(workshop.path, inGuids.file));
    assertEquals(await tryMutant(tools, inGuids), { mutant: inGuids, end: "killed", tried: 1 });
    assertEquals(Deno.readTextFileSync(join(workshop.path, inGuids.file)), before);
    const notRun = mutants.find(({ file }) => file.endsWith("crc32.ts"))!;
    assertEquals(await tryMutant(tools, notRun), { mutant: notRun, end: "not covered", tried: 0 });
    const broken = { ...inGuids, text: "(" };
    assertEquals((await tryMutant(tools, broken)).end, "not started");
    // It ends even if the tests never would.
    const endless = { ...inGuids, text: "(() => { for (;;); })()" };
    assertEquals((await tryMutant(tools, endless)).end, "time");
  },
);

Deno.test("filesIn(): the lines that were run, and sums of branches", () => {
  const lcov = "SF:/x/src/a.ts\nBRF:4\nBRH:3\nDA:1,1\nDA:2,0\nDA:7,12\nend_of_record\n" +
    "SF:/x/tests/b.ts\nDA:1,1\nend_of_record\n";
  assertEquals(filesIn(lcov, "/x/"), [
    { path: "src/a.ts", lines: [1, 7], lineCount: 3, branchCount: 4, branchesTaken: 3 },
  ]);
});

Deno.test("scoreOf(): Wilson's interval, and what does not start does not count", () => {
  const ends = ["killed", "time", "memory", "survived", "not covered", "not started"] as const;
  assertEquals(tallyOf(ends.map((end) => ({ end }))), { tried: 5, noticed: 3 });
  const shares = scoreOf({ tried: 100, noticed: 85 }).map((share) => share.toFixed(3));
  assertEquals(shares, ["0.767", "0.907"]);
  assertEquals(scoreOf({ tried: 0, noticed: 0 }), [0, 1]);
});
