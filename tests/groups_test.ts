/** Test files in groups: none is lost, and each test is told by its file. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { denoCommand } from "./deno_command.ts";
import { groupsOf, testFilesBelow, writeGroups } from "./groups.ts";
import { allStates, sampledRows } from "./sampling.ts";
import { ROOT, TempDir, testWith } from "./support.ts";

function denoTest(cwd: string, ...args: string[]): { code: number; output: string } {
  const { code, stdout, stderr } = denoCommand({
    args: ["test", "--allow-all", "--no-check", "--parallel", ...args],
    // With one at a time Deno tells of tests in another form.
    env: { NO_COLOR: "1", DENO_JOBS: "2" },
    cwd,
    stdin: "null",
  }).outputSync();
  const text = new TextDecoder();
  return { code, output: text.decode(stdout) + text.decode(stderr) };
}

/** Runs files of these texts as one group. */
function runGroup(texts: readonly string[]): { code: number; output: string; files: string[] } {
  using dir = new TempDir();
  const files = texts.map((text, i) => {
    const file = dir.file(`${i}_test.ts`);
    Deno.writeTextFileSync(file, text);
    return file;
  });
  return { ...denoTest(ROOT, ...writeGroups([files], dir.path)), files };
}

Deno.test("testFilesBelow() finds what `deno test` takes for tests", () => {
  using dir = new TempDir();
  Deno.mkdirSync(dir.file("room"));
  const stems = ["room/b_test", "b.test", "test", "atest", "test_a", "_test", ".test"];
  const names = [
    ...stems.map((stem) => `${stem}.ts`),
    ...["tsx", "mts", "js", "md", "ts.bak"].map((ending) => `a_test.${ending}`),
  ];
  for (const name of names) {
    Deno.writeTextFileSync(dir.file(name), "Deno.test('a', () => {});");
  }
  const { output } = denoTest(dir.path, ".");
  const taken = [...output.matchAll(/(\S+) => a \.\.\. ok/g)].map(([, path]) =>
    Deno.realPathSync(dir.file(path!))
  );
  const found = testFilesBelow(dir.path).map((path) => Deno.realPathSync(path));
  assert(found.length > 0);
  assertEquals(found.sort(), taken.sort());
});

Deno.test("groupsOf() puts each file into one group, those that take long into the first", () => {
  const files = Array.from({ length: 40 }, (_, i) => `tests/${i % 3}/${i}_test.ts`).sort();
  const groups = groupsOf(files, { "tests/2/": 5, "tests/1/1_test.ts": 1, "tests/none/": 1 });
  assertEquals(groups.flat().sort(), files);
  assertEquals(groups.map(({ length }) => length), [4, 5, 4, 1, 13, 13]);
  assert(groups.slice(0, 3).flat().every((file) => file.startsWith("tests/2/")));
  assertEquals(groups[3], ["tests/1/1_test.ts"]);
});

Deno.test("a group says of each test its file and line, and of one that fails the place", () => {
  const { code, output, files } = runGroup([
    "Deno.test('one', () => {});\nDeno.test({ name: 'two', fn() {} });\n",
    "\nDeno.test.ignore('three', () => {});\nfunction inRows(name: string) {\n" +
    "  Deno.test(name, () => {\n    throw new Error('as asked for');\n  });\n}\ninRows('four');\n",
  ]);
  assertEquals(code, 1);
  const [first, second] = files;
  for (
    const line of [
      `${first}:1: one ... ok`,
      `${first}:2: two ... ok`,
      `${second}:2: three ... ignored`,
      `${second}:8: four ... FAILED`,
    ]
  ) assert(output.includes(line), output);
  assert(output.includes(`${second}:8: four => `), output);
  assertMatch(output, /1_test\.ts:5:\d+/);
  assertMatch(output, /^FAILED \| 2 passed \| 1 failed \| 1 ignored/m);
});

testWith([allStates], "a group has the permissions that each test declares", () => {
  const { code, output } = runGroup([
    "Deno.test({ name: 'none', permissions: 'none', fn: () => void Deno.readTextFileSync('deno.json') });",
    "Deno.test('all', () => void Deno.readTextFileSync('deno.json'));",
  ]);
  assertEquals(code, 1);
  assertMatch(output, /none \.\.\. FAILED/);
  assertMatch(output, /NotCapable: Requires read access/);
  assertMatch(output, /^FAILED \| 1 passed \| 1 failed/m);
});

Deno.test("a group fails if a file cannot be loaded, or has hooks, and says which", () => {
  const texts = ["throw new Error('as asked for');", "Deno.test.beforeEach(() => {});"];
  for (const text of sampledRows(texts, 2)) {
    const { code, output } = runGroup(["Deno.test('one', () => {});", text]);
    assertEquals(code, 1);
    assertMatch(output, /1_test\.ts:1:/);
    assertMatch(output, /^FAILED \| \d passed \| 1 failed/m);
  }
});
