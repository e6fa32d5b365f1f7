/** The task that runs the tests: what goes through it, and what it says at the end. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { denoCommand } from "./deno_command.ts";
import { join } from "@std/path";
import { allStates } from "./sampling.ts";
import { ROOT, TempDir, testWith } from "./support.ts";

const STARTED = "is started: ";
const TESTS = `
  import { runnable } from "${new URL("bundles.ts", import.meta.url)}";
  import { explored } from "${new URL("sampling.ts", import.meta.url)}";
  Deno.test("finds", () => explored("one", { "crash states": 2, faults: 1 }));
  Deno.test("finds more", () => explored("another", { "crash states": 40 }));
  Deno.test("starts", () => console.log("${STARTED}" + runnable("src/cli/main.ts")));
  Deno.test("ends as it does", () => {
    if (Deno.env.get("FAILS") === "yes") throw new Error("as asked for");
  });
`;

async function runTests(dir: TempDir, args: readonly string[], env: Record<string, string> = {}) {
  Deno.writeTextFileSync(dir.file("a_test.ts"), TESTS);
  Deno.writeTextFileSync(dir.file("b_test.ts"), TESTS);
  const { code, stdout } = await denoCommand({
    args: ["run", "--allow-all", "--no-check", "tests/run.ts", ...args],
    env: { NO_COLOR: "1", ...env },
    cwd: ROOT,
    stdin: "null",
  }).output();
  return { code, lines: new TextDecoder().decode(stdout).trimEnd().split(/\r?\n/) };
}

Deno.test("run.ts sums up what the processes of all files explored", async () => {
  using dir = new TempDir();
  const { code, lines } = await runTests(dir, [dir.path]);
  assertEquals(code, 0, lines.join("\n"));
  assert(lines.some((line) => line.startsWith("ok | 8 passed | 0 failed")), lines.join("\n"));
  assertMatch(lines.at(-1)!, /^explored: 84 crash states, 2 faults \(/);
});

Deno.test("run.ts hands on options, and the exit code of tests that fail", async () => {
  using dir = new TempDir();
  const { code, lines } = await runTests(dir, [dir.path, "--filter", "ends"], { FAILS: "yes" });
  assertEquals(code, 1);
  assert(lines.some((line) => line.startsWith("FAILED | 0 passed | 2 failed")), lines.join("\n"));
  assertEquals(lines.at(-1), "explored: nothing");
});

// A sample is started by bundles itself, and to make others takes seconds.
testWith(
  [allStates],
  "run.ts has bundles started for a sample, and modules for all states",
  async () => {
    using dir = new TempDir();
    for (const [states, areModules] of [["", false], ["all", true]] as const) {
      const env = { VIRTDISK_STATES: states, VIRTDISK_BUNDLES: "" };
      const { code, lines } = await runTests(dir, [dir.path, "--filter", "starts"], env);
      assertEquals(code, 0, lines.join("\n"));
      // Deno gets its bundler from npm.
      if (lines[0]?.startsWith("Programs are started as modules: ")) continue;
      const started = lines.filter((line) => line.includes(STARTED))
        .map((line) => line.slice(line.indexOf(STARTED) + STARTED.length));
      assertEquals(started.length, 2, lines.join("\n"));
      for (const path of started) {
        assertEquals(path.startsWith(join(ROOT, "src")), areModules);
        assert(Deno.statSync(path).isFile);
      }
    }
  },
);
