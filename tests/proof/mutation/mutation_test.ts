/** Mutants are found where they are, put into the program one at a time, and noticed by tests that run them. */
import { assert, assertEquals } from "@std/assert";
import { join, toFileUrl } from "@std/path";
import { allStates, sampledRounds } from "../../sampling.ts";
import { onlyOn, ROOT, TempDir, testWith, tool } from "../../support.ts";
import { filesIn } from "./covered.ts";
import { Memory } from "./memory.ts";
import { findMutants, type Mutant, mutated, nameOf, sampleOf } from "./mutants.ts";
import { OPERATORS } from "./operators.ts";
import { scoreOf, tallyOf } from "./score.ts";
import { Laboratory } from "./laboratory.ts";
import type { Kept } from "./kept.ts";
import kept from "./kept.json" with { type: "json" };
import { ROOMS, tryAgain, tryAll } from "./stages.ts";
import { switchModule, withSwitches } from "./schemata.ts";

const SOURCE = `export function f(a: number, isB: boolean): boolean {
  const text = "€" + a;
  if (a < 3 && !isB) file.flush();
  for (let i = 0; i < text.length; i++) g(i);
  return isB;
}
`;

/** Its results differ with nearly every mutant. */
const CALCULATION = `const base = () => 2 ** 3 - 1;
class Sum {
  #total = 0;
  readonly #flushed: number[] = [];
  add(value: number): void {
    if (value < 0 || value > 100) throw new RangeError("value");
    this.#total += value; this.#total |= 1;
  }
  flush(): void {
    this.#flushed.push(this.#total);
  }
  get isLarge(): boolean {
    return !(this.#total <= 20) && this.#flushed.length >= 1;
  }
  get all(): unknown[] {
    return [this.#total, ...this.#flushed];
  }
}
function count(limit: number): number {
  let found = 0;
  for (let i = 0; i < limit; i++) {
    if (i % 3 === 1) found++;
    found -= i > 7 ? 1 : 0;
  }
  while (found > 5) found >>= 1;
  return found * base() / 2 - -limit;
}
function tried(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return (error as Error).message;
  }
}
async function later(text?: string): Promise<string> {
  const given = await Promise.resolve(text) ?? "none";
  return given === "none" && (text !== undefined || await Promise.resolve(true)) ? "a" : "b" + given;
}
export async function results(): Promise<unknown> {
  const sum = new Sum();
  const before = sum.isLarge;
  sum.add(8);
  sum.flush();
  const middle = sum.isLarge;
  sum.add(12);
  return [
    before, middle, sum.isLarge, sum.all, tried(() => sum.add(-1)), tried(() => sum.add(100)),
    tried(() => sum.add(101)), count(1), count(9), count(40), await later(), await later("x"), 6n << 2n, (5 & 3) ^ 9,
  ];
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
  for (const mutant of sampleOf(all, sampledRounds(200), 1)) {
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

testWith([allStates], "sampleOf(): every file has its share", () => {
  const all = findMutants(["src/portable/vhd"]);
  for (const count of [300, 1000]) {
    const sample = sampleOf(all, count, 3);
    for (const [file, own] of Map.groupBy(all, ({ file }) => file)) {
      const share = sample.filter((mutant) => mutant.file === file).length;
      assert(Math.abs(share - own.length * count / all.length) <= 1, file);
    }
  }
});

testWith(
  [allStates],
  "withSwitches(): each mutant that is on does what the changed file does, and none what stood there",
  async () => {
    using dir = new TempDir();
    const path = dir.file("f.ts");
    Deno.writeTextFileSync(path, CALCULATION);
    const mutants = findMutants([dir.path]).map((mutant, i) => ({ ...mutant, id: i + 1 }));
    assertEquals(new Set(mutants.map(({ operator }) => operator)), new Set(OPERATORS));
    Deno.writeTextFileSync(dir.file("switch.js"), switchModule());
    const url = toFileUrl(dir.file("switch.js")).href;
    const text = withSwitches(CALCULATION, mutants, url);
    assertEquals(text.split("\n").length, CALCULATION.split("\n").length);
    Deno.writeTextFileSync(dir.file("switched.ts"), text);
    const switches = await import(url);
    const resultOf = async (name: string, text?: string) => {
      const file = dir.file(name);
      if (text !== undefined) Deno.writeTextFileSync(file, text);
      const { results } = await import(toFileUrl(file).href);
      return results();
    };
    const before = await resultOf("f.ts");
    assertEquals(await resultOf("switched.ts"), before);
    const notes = switches.takeNotes(mutants.length + 1);
    await resultOf("switched.ts");
    const noted = [...notes];
    switches.takeNotes();
    const same: number[] = [];
    for (const mutant of mutants) {
      switches.start(mutant.id, 1000);
      const isOn = await resultOf("switched.ts").catch(() => "failed");
      switches.start(0, Infinity);
      // What never ends is stopped by the switches alone.
      if (isOn === "failed") continue;
      const changed = await resultOf(`${mutant.id}.ts`, mutated(CALCULATION, mutant));
      assertEquals(isOn, changed, nameOf(mutant));
      if (Deno.inspect(changed) === Deno.inspect(before)) same.push(mutant.id);
      else assertEquals(noted[mutant.id], 1, `noted: ${nameOf(mutant)}`);
    }
    assert(same.length < mutants.length / 5, `${same.length} of ${mutants.length} do the same`);
  },
);

testWith(
  [tool("bash"), onlyOn("linux"), allStates],
  "tryAll(): tests in which a mutant makes a difference notice, or are told not to have",
  async () => {
    const all = findMutants(["src/bytes/guid.ts", "src/text/digits.ts"]);
    const mutant = all.find(({ operator, file }) => operator === "condition" && /guid/.test(file))!;
    const notRun = all.find(({ file }) => file.endsWith("digits.ts"))!;
    const endless = { ...mutant, text: "(() => { for (;;); })()" };
    const stages = [["tests/bytes/guid_test.ts"]];
    const told: string[] = [];
    const verdicts = await tryAll(all, [notRun, mutant], stages, new Memory(), {
      survey: ({ tests, left }) => assert(tests.length > 0 && left.length === 0),
      verdict: ({ end }) => told.push(end),
    });
    assertEquals(verdicts.map(({ end }) => end), ["not reached", "killed"]);
    assertEquals(told.sort(), ["killed", "not reached"]);
    const by = verdicts[1]!.by!;
    assertEquals(by.file, "tests/bytes/guid_test.ts");
    const wrong = { ...verdicts[1]!, mutant: { ...mutant, text: mutant.original } };
    const broken = { ...verdicts[1]!, mutant: { ...mutant, text: "(" } };
    const slow = { ...verdicts[1]!, mutant: endless };
    // It ends even if the tests never would; what is the same as before, or no program, is not noticed.
    const again = await tryAgain([verdicts[1]!, wrong, broken, slow], 10);
    assertEquals(again, { tried: 4, noticed: 2 });
  },
);

Deno.test("Memory: what noticed a mutant holds until it is another, and what did not is not tried again", () => {
  using dir = new TempDir();
  const write = (name: string, text: string) => Deno.writeTextFileSync(dir.file(name), text);
  for (const name of ["f.ts", "a_test.ts", "b_test.ts"]) write(name, name);
  const memory = () => new Memory(dir.file("folder/memory"), dir.path);
  const mutant = (start: number): Mutant => ({
    ...{ file: "f.ts", line: 1, code: "f", original: "f", operator: "boundary", text: "g" },
    ...{ start, end: start + 1, from: start, to: start + 1 },
  });
  const [first, second] = [mutant(0), mutant(1)];
  const tests = ["a_test.ts", "b_test.ts"];
  assertEquals(memory().verdictOf(first), undefined);
  assertEquals(memory().untried(first, tests), tests);
  const by = { file: "b_test.ts", name: "b" };
  memory().add({ mutant: first, end: "killed", by, tried: 3 }, tests);
  memory().add({ mutant: second, end: "not reached", tried: 0 }, ["a_test.ts"]);
  memory().add({ mutant: second, end: "survived", tried: 4 }, ["b_test.ts"]);
  assertEquals(memory().verdictOf(first), { mutant: first, end: "killed", by, tried: 3 });
  assertEquals(memory().verdictOf(second), { mutant: second, end: "survived", tried: 4 });
  assertEquals(memory().untried(second, tests), []);
  // A test that is another one may notice what it did not, and need not notice what it did.
  write("b_test.ts", "other");
  assertEquals(memory().verdictOf(first), undefined);
  assertEquals(memory().untried(second, tests), ["b_test.ts"]);
  write("f.ts", "other");
  assertEquals(memory().verdictOf(second), undefined);
  assertEquals(memory().untried(second, tests), tests);
});

testWith(
  [onlyOn("linux"), allStates],
  "Laboratory: a test that does not hold is left out, with the reason",
  async () => {
    using laboratory = new Laboratory(findMutants(["src/bytes/guid.ts"]));
    const files = ["unsound", "not_loaded"].map((name) => `tests/proof/mutation/${name}.ts`);
    const { tests, left } = await laboratory.survey(files);
    assertEquals(tests.map(({ name }) => name), ["sound"]);
    const [unsound, notLoaded] = files;
    assertEquals(left, [
      `${notLoaded}: Error: while loading`,
      `${unsound}: fails: Error: of itself`,
      `${unsound}: fails later: Error: later`,
      `${unsound}: fails in a step: Error: in a step`,
      `${unsound}: ends: ended`,
    ]);
  },
);

testWith(
  [allStates],
  "the list of mutants that are not noticed names mutants that there are, each once, with a reason",
  () => {
    const names = new Set(findMutants(ROOMS).map(nameOf));
    assertEquals((kept as Kept[]).map(({ name }) => name).filter((name) => !names.has(name)), []);
    assertEquals(new Set((kept as Kept[]).map(({ name }) => name)).size, kept.length);
    for (const { kind, why } of kept as Kept[]) {
      assert(/^(same|gap)$/.test(kind) && why.length > 10, why);
    }
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
  const ends = ["killed", "time", "memory", "survived", "not reached", "not started"] as const;
  assertEquals(tallyOf(ends.map((end) => ({ end }))), { tried: 5, noticed: 3 });
  const shares = scoreOf({ tried: 100, noticed: 85 }).map((share) => share.toFixed(3));
  assertEquals(shares, ["0.767", "0.907"]);
  assertEquals(scoreOf({ tried: 0, noticed: 0 }), [0, 1]);
});
