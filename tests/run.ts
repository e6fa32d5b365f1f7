/**
 * Runs the tests and says at the end how much they explored. Arguments go to `deno test`: paths take the place of
 * all tests, options are added.
 *
 * Usage: `deno task test [PATHS OR OPTIONS OF deno test]`, and `deno task test:full` for all states.
 */
import { areBundled, commandLineOf, makeBundles, withBundles } from "./bundles.ts";
import { Residents } from "./cli/residents.ts";
import { groupsOf, testFilesBelow, writeGroups } from "./groups.ts";
import { Explored, IS_FULL } from "./sampling.ts";
import { exists, TempDir } from "./support.ts";

/** Not the types: `deno task check` checks them, together with everything else that is found without a run. */
const OPTIONS = [
  "--allow-all",
  "--no-check",
  "--parallel",
  "--sanitize-ops",
  "--sanitize-resources",
];
/** What has a task of its own. */
const ELSEWHERE = "tests/windows/";
/**
 * What takes longest, and so comes first: how the paths begin, and how many files are then in a group. Each group loads
 * the package and has it compiled anew, half a second; and none must be left alone in the end.
 */
const SLOW = {
  "tests/proof/fuzzing/": 1,
  "tests/untrusted/": 1,
  "tests/cli/": 8,
  "tests/interop/": 8,
  "tests/proof/": 3,
  "tests/serve/": 4,
  "tests/docs": 5,
  "tests/examples": 2,
  "tests/crash/": 9,
  "tests/fuzz/": 6,
  "tests/portable/operations/": 8,
  "tests/portable/": 16,
};
/**
 * Has glibc take memory in large pages, and keep what is freed: tests use and free much of it in many threads, and a
 * virtual machine may take microseconds for each page that it gives. Other systems do not look at this.
 */
const GLIBC_TUNABLES =
  "glibc.malloc.hugetlb=1:glibc.malloc.trim_threshold=1000000000:glibc.malloc.mmap_threshold=1000000000";
/** So many files at a time: while some wait for the disk or for another program, others have the processors. */
const JOBS = Deno.env.get("DENO_JOBS") ?? navigator.hardwareConcurrency + 2;
/** The tests get these too, and end; here they would lose the sum. */
const INTERRUPTIONS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT", "SIGBREAK"]
  : ["SIGINT", "SIGTERM", "SIGHUP"];

/**
 * What tests start. For the sample these are bundles, which start sooner: of the command line what is published. They
 * are the modules if all states are tried, or Deno cannot get its bundler.
 */
function programs(): Record<string, string> {
  if (IS_FULL || areBundled()) return {};
  try {
    return withBundles(makeBundles());
  } catch (error) {
    console.log(`Programs are started as modules: ${(error as Error).message}`);
    return {};
  }
}

/** The processes that run what tests have the command line do, if it is a bundle; Windows has no such sockets. */
function residentsOf(folder: string, bundles: Record<string, string>): Residents | undefined {
  if (Deno.build.os === "windows" || Object.keys(bundles).length === 0) return undefined;
  return new Residents(folder, commandLineOf(bundles));
}

/** All tests. If all states are tried, nothing that takes long waits for another file of its group. */
function groups(folder: string): string[] {
  const files = testFilesBelow("tests").filter((file) => !file.startsWith(ELSEWHERE));
  const slow = Object.entries(SLOW).map(([start, most]) => [start, IS_FULL ? 1 : most]);
  return writeGroups(groupsOf(files, Object.fromEntries(slow)), folder);
}

async function runTests(args: readonly string[]): Promise<number> {
  using dir = new TempDir();
  const own = args.some((arg) => !arg.startsWith("-") && exists(arg)) ? [] : groups(dir.path);
  using explored = new Explored();
  const bundles = programs();
  await using residents = residentsOf(dir.path, bundles);
  const env = {
    DENO_JOBS: `${JOBS}`,
    GLIBC_TUNABLES,
    ...explored.env,
    ...bundles,
    ...residents?.env,
  };
  for (const signal of INTERRUPTIONS) Deno.addSignalListener(signal, () => {});
  const tests = new Deno.Command(Deno.execPath(), {
    args: ["test", ...OPTIONS, ...own, ...args],
    env,
    stdin: "inherit",
    stdout: "inherit",
    stderr: "inherit",
  }).spawn();
  const { code } = await tests.status;
  console.log(explored.summary());
  return code;
}

if (import.meta.main) Deno.exit(await runTests(Deno.args));
