/** The task that writes PROOF.md: a small run of it, and whether the page has the shape that it writes. */
import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { join } from "@std/path";
import { denoCommand } from "../deno_command.ts";
import { ROOT, TempDir, testWith } from "../support.ts";
import { HISTORY_KINDS } from "./histories.ts";
import { READER_NEEDS } from "./readers.ts";
import { shapeOf } from "./report.ts";

const NEEDS = Object.values(READER_NEEDS).flat();

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

testWith(NEEDS, "deno task proof writes a page of the shape that PROOF.md has", () => {
  using dir = new TempDir();
  const path = dir.file("proof.md");
  const { code, output } = run(
    "--places",
    "2",
    "--histories",
    "3",
    "--seed",
    "5",
    "--output",
    path,
  );
  assertEquals(code, 0, output);
  const page = Deno.readTextFileSync(path);
  assertEquals(shapeOf(page), shapeOf(Deno.readTextFileSync(join(ROOT, "PROOF.md"))));
  // It says how to do the same again.
  assertMatch(page, /`deno task proof --seed 5 --places 2 --histories 3`/);
});

Deno.test("PROOF.md says when and where it was made, and promises nothing that it does not show", () => {
  const page = Deno.readTextFileSync(join(ROOT, "PROOF.md"));
  assertMatch(page, /^\| date +\| 20\d\d-\d\d-\d\d +\|$/m);
  assertMatch(page, /^\| machine +\| \S.* +\|$/m);
  assertMatch(page, /^\| programs +\| Deno \S+, qemu-img \S+, libvhdi \S+ +\|$/m);
  assert(
    !page.includes("To be mended"),
    "what was to be mended then is mended, and the page made anew",
  );
  // Of this project's rows: crash, hang, untyped.
  const rows = page.matchAll(
    /^\| [^|]+ \| virtdisk +\| +\d+ \| +(\d+) \| +(\d+) \| +(\d+) \|.*$/gm,
  );
  for (const [row, ...counts] of rows) assertEquals(counts, ["0", "0", "0"], row);
  const histories = page.slice(page.indexOf("## All short histories"));
  for (const { name } of HISTORY_KINDS) {
    const row = new RegExp(`^\\| ${name} +\\| +\\d+ \\| +\\d+ \\| +\\d+ \\| +0 \\|$`, "m");
    assertMatch(histories, row);
  }
});

Deno.test("deno task proof refuses numbers that are none", () => {
  using dir = new TempDir();
  for (const number of ["x", "-1", "1.5", ""]) {
    for (const option of ["--places", "--histories", "--seed"]) {
      const { code, output } = run(`${option}=${number}`, "--output", dir.file("proof.md"));
      assertNotEquals(code, 0);
      assertMatch(output, new RegExp(`${option} must be a whole number`));
    }
  }
});

Deno.test("shapeOf() keeps headings, the first line of tables and their first column", () => {
  const text = "# A\n\ntext 12\n\n| a | b  |\n| - | -: |\n| x |  1 |\n| y | 22 |\n\n## B\n";
  assertEquals(shapeOf(text), ["# A", "|a|b|", "x", "y", "## B"]);
});
