/** The task that runs the tests: what goes through it, and what it says at the end. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { denoCommand } from "./deno_command.ts";
import { ROOT, TempDir } from "./support.ts";

const TESTS = `
  import { explored } from "${new URL("sampling.ts", import.meta.url)}";
  Deno.test("finds", () => explored("one", { "crash states": 2, faults: 1 }));
  Deno.test("finds more", () => explored("another", { "crash states": 40 }));
  Deno.test("ends as it does", () => {
    if (Deno.env.get("FAILS") === "yes") throw new Error("as asked for");
  });
`;

async function runTests(dir: TempDir, args: readonly string[], fails = "no") {
  Deno.writeTextFileSync(dir.file("a_test.ts"), TESTS);
  Deno.writeTextFileSync(dir.file("b_test.ts"), TESTS);
  const { code, stdout } = await denoCommand({
    args: ["run", "--allow-all", "--no-check", "tests/run.ts", ...args],
    env: { NO_COLOR: "1", FAILS: fails },
    cwd: ROOT,
    stdin: "null",
  }).output();
  return { code, lines: new TextDecoder().decode(stdout).trimEnd().split(/\r?\n/) };
}

Deno.test("run.ts sums up what the processes of all files explored", async () => {
  using dir = new TempDir();
  const { code, lines } = await runTests(dir, [dir.path]);
  assertEquals(code, 0, lines.join("\n"));
  assert(lines.some((line) => line.startsWith("ok | 6 passed | 0 failed")), lines.join("\n"));
  assertMatch(lines.at(-1)!, /^explored: 84 crash states, 2 faults \(/);
});

Deno.test("run.ts hands on options, and the exit code of tests that fail", async () => {
  using dir = new TempDir();
  const { code, lines } = await runTests(dir, [dir.path, "--filter", "ends"], "yes");
  assertEquals(code, 1);
  assert(lines.some((line) => line.startsWith("FAILED | 0 passed | 2 failed")), lines.join("\n"));
  assertEquals(lines.at(-1), "explored: nothing");
});
