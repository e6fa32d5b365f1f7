/**
 * Runs the tests that need Windows: on Windows with the system's VirtDisk.dll, elsewhere with the
 * Windows build of Deno under Wine, once for each VirtDisk.dll that can be there.
 *
 * Usage: `deno task test:windows [PART OF THE NAME OF A RUN]`. What is missing is named, and is a failure with
 * `VIRTDISK_REQUIRE=all`.
 */
import { join } from "@std/path";
import { buildDoubleDll, MINGW } from "../double/library.ts";
import { makeBundles, withBundles } from "../bundles.ts";
import { ROOT, tool } from "../support.ts";
import { runTests, type TestOutcome, type TestRun, type WindowsDeno } from "./test_run.ts";
import { missingTools, WineDeno, withVirtDisk } from "./wine.ts";

const REQUIRE_ALL = Deno.env.get("VIRTDISK_REQUIRE") === "all";

/** Scripts that take the backend which Windows has by default: neither Wine's nor the double will do. */
const DEFAULT_BACKEND = ["tests/examples_test.ts"];
/** Tests of what is not about Windows, which its build of Deno must pass too: on a Windows machine they all run. */
const PORTABLE = ["bytes", "portable", "fuzz", "interop", "serve", "docs", "docs_test.ts"]
  .map((each) => `tests/${each}`);
/** What has a run of its own, is no test, or needs a whole machine. */
const ELSEWHERE = [
  "bench",
  "build",
  "cli",
  "crash",
  "double",
  "native",
  "offline",
  "proof",
  "untrusted",
  "windows",
]
  .map((room) => `tests/${room}`);
/** Tests of what both backends do: those beside the rooms, and in all the other rooms. */
const COMMON = [...Deno.readDirSync(join(ROOT, "tests"))]
  .filter(({ name, isDirectory }) => isDirectory || name.endsWith("_test.ts"))
  .map(({ name }) => `tests/${name}`)
  .filter((path) => ![...DEFAULT_BACKEND, ...PORTABLE, ...ELSEWHERE].includes(path));

/** What is tried there of the states of crash and fuzz tests: of portable code, Linux tries all. */
const SAMPLE = { VIRTDISK_STATES: "" };

const ANY = /^/;
/** What Wine cannot do, and what is for another system, or its VirtDisk.dll. */
const FOR_OTHERS = /\[ignored: (?:Wine |Windows has |only for |for the VirtDisk\.dll of )/;

function wineRuns(): TestRun[] {
  // Under Wine opening a file takes so long that a program of a single one starts five times as fast.
  const bundles = withBundles(`Z:${makeBundles()}`);
  return [
    {
      name: "the double as VirtDisk.dll",
      paths: [
        "tests/double",
        "tests/native",
        "tests/windows/loading_test.ts",
        "tests/windows/handles_test.ts",
        "tests/windows/security_descriptor_test.ts",
        "tests/windows/real_test.ts",
        "tests/windows/real_operations_test.ts",
        "tests/cli/attach_test.ts",
        ...COMMON,
      ],
      env: { ...withVirtDisk("double"), ...bundles },
      mayIgnore: FOR_OTHERS,
    },
    {
      name: "long operations of the double",
      paths: ["tests/windows/operations_test.ts"],
      env: withVirtDisk("double"),
    },
    {
      name: "Wine's own VirtDisk.dll",
      paths: ["tests/windows/builtin_test.ts"],
      env: withVirtDisk("wine"),
    },
    {
      name: "no VirtDisk.dll",
      paths: ["tests/windows/absent_test.ts"],
      env: withVirtDisk("absent"),
    },
    ...inPieces(20, {
      name: "the portable backend",
      paths: PORTABLE,
      env: { ...withVirtDisk("absent"), ...bundles, ...SAMPLE },
      mayIgnore: ANY,
    }),
    // Every command is a process, which takes Wine seconds to start.
    ...inPieces(3, {
      name: "the command line",
      paths: ["tests/cli"],
      env: { ...withVirtDisk("absent"), ...bundles, ...SAMPLE },
      mayIgnore: ANY,
    }),
  ];
}

/** What only this machine can answer comes first, whatever becomes of the compiler and of the rest. */
function* windowsRuns(): Generator<TestRun> {
  yield {
    name: "the system's VirtDisk.dll",
    paths: ["tests/windows"],
    env: { VIRTDISK_DOUBLE: "", VIRTDISK_DOUBLE_OLD: "", VIRTDISK_REQUIRE: "" },
    mayIgnore: ANY,
  };
  const { double, old, reason } = doubleOfWindows();
  yield {
    name: double ? `the double ${double}` : `no double: ${reason}`,
    paths: ["tests/double", "tests/native", ...COMMON],
    env: { VIRTDISK_DOUBLE: double, VIRTDISK_DOUBLE_OLD: old },
    ...double === "" && { mayIgnore: ANY },
  };
}

/** The doubles that are there, or that this machine's compiler makes. One that cannot make them stops nothing else. */
function doubleOfWindows(): { double: string; old: string; reason?: string } {
  const double = Deno.env.get("VIRTDISK_DOUBLE");
  const old = Deno.env.get("VIRTDISK_DOUBLE_OLD");
  if (double && old) return { double, old };
  const missing = tool(MINGW)();
  if (missing !== undefined) return { double: "", old: "", reason: missing };
  try {
    return { double: buildDoubleDll(), old: buildDoubleDll({ old: true }) };
  } catch (error) {
    return { double: "", old: "", reason: String(error) };
  }
}

const thisDeno: WindowsDeno = {
  command: (args, env) =>
    new Deno.Command(Deno.execPath(), { args: [...args], env, cwd: ROOT, stdout: "piped" }),
  stop: () => {},
};

/** A run of so many files at a time, for each has a limit. They are dealt out: neighbours need the same tools. */
function inPieces(filesEach: number, run: TestRun): TestRun[] {
  const files = run.paths.flatMap(testFilesBelow).sort();
  const count = Math.ceil(files.length / filesEach);
  return Array.from({ length: count }, (_, piece) => ({
    ...run,
    name: `${run.name}, ${piece + 1} of ${count}`,
    paths: files.filter((_, i) => i % count === piece),
    pieceOf: run.name,
  }));
}

/** A test file itself, or all of a folder. */
function testFilesBelow(folder: string): string[] {
  if (folder.endsWith("_test.ts")) return [folder];
  return [...Deno.readDirSync(join(ROOT, folder))].flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    return isDirectory ? testFilesBelow(path) : name.endsWith("_test.ts") ? [path] : [];
  });
}

async function runAll(deno: WindowsDeno, runs: Iterable<TestRun>): Promise<boolean> {
  const results: [TestRun, TestOutcome][] = [];
  const [part = ""] = Deno.args;
  for (const run of runs) {
    if (!run.name.includes(part)) continue;
    console.log(`\n--- ${run.name}`);
    results.push([run, await runTests(deno, run)]);
  }
  console.log("");
  let good = results.length > 0;
  for (const [run, outcome] of results) {
    const failure = failureOf(run, outcome);
    good &&= failure === undefined;
    const counts = `${outcome.passed} passed, ${outcome.failed} failed, ` +
      `${outcome.ignored.length} ignored`;
    console.log(`${failure === undefined ? "ok    " : "FAILED"} ${run.name}: ${counts}`);
    if (failure !== undefined) console.log(`       ${failure}`);
    if (!run.mayIgnore) {
      for (const name of outcome.ignored) console.log(`       ignored: ${name}`);
    }
  }
  for (const [name, pieces] of Map.groupBy(results, ([{ pieceOf }]) => pieceOf)) {
    if (name === undefined || pieces.some(([, { passed }]) => passed > 0)) continue;
    good = false;
    console.log(`FAILED ${name}: ran no test`);
  }
  return good;
}

function failureOf(run: TestRun, outcome: TestOutcome): string | undefined {
  if (outcome.failure !== undefined) return outcome.failure;
  if (!REQUIRE_ALL || unexpected(run, outcome).length === 0) return undefined;
  return "VIRTDISK_REQUIRE=all, but tests were ignored";
}

function unexpected(run: TestRun, outcome: TestOutcome): readonly string[] {
  return outcome.ignored.filter((name) => !run.mayIgnore?.test(name));
}

async function main(): Promise<boolean> {
  if (Deno.build.os === "windows") return await runAll(thisDeno, windowsRuns());
  const missing = missingTools();
  if (missing.length === 0) {
    using resources = new DisposableStack();
    disposeOnSignal(resources);
    return await runAll(resources.use(new WineDeno()), wineRuns());
  }
  console.log(`The Windows tests are ignored: ${missing.join(", ")}`);
  return !REQUIRE_ALL;
}

/** Wine's server and services are no part of the process group that Ctrl-C reaches. */
function disposeOnSignal(resources: Disposable): void {
  for (const [signal, status] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
    Deno.addSignalListener(signal, () => {
      resources[Symbol.dispose]();
      Deno.exit(status);
    });
  }
}

if (import.meta.main) Deno.exit(await main() ? 0 : 1);
