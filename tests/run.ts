/**
 * Runs the tests and says at the end how much they explored. Arguments go to `deno test`: paths take the place of
 * all tests, options are added.
 *
 * Usage: `deno task test [PATHS OR OPTIONS OF deno test]`, and `deno task test:full` for all states.
 */
import { areBundled, makeBundles, withBundles } from "./bundles.ts";
import { Explored, IS_FULL } from "./sampling.ts";
import { exists } from "./support.ts";

/** Not the types: `deno task check` checks them, together with everything else that is found without a run. */
const OPTIONS = [
  "--allow-all",
  "--no-check",
  "--parallel",
  "--sanitize-ops",
  "--sanitize-resources",
];
const ALL = ["tests/", "--ignore=tests/windows"];
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

async function runTests(args: readonly string[]): Promise<number> {
  const own = args.some((arg) => !arg.startsWith("-") && exists(arg)) ? [] : ALL;
  using explored = new Explored();
  const env = { DENO_JOBS: `${JOBS}`, ...explored.env, ...programs() };
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
