/**
 * Runs the tests and says at the end how much they explored. Arguments go to `deno test`: paths take the place of
 * all tests, options are added.
 *
 * Usage: `deno task test [PATHS OR OPTIONS OF deno test]`, and `deno task test:full` for all states.
 */
import { Explored } from "./sampling.ts";
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
/** The tests get these too, and end; here they would lose the sum. */
const INTERRUPTIONS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT", "SIGBREAK"]
  : ["SIGINT", "SIGTERM", "SIGHUP"];

async function runTests(args: readonly string[]): Promise<number> {
  const own = args.some((arg) => !arg.startsWith("-") && exists(arg)) ? [] : ALL;
  using explored = new Explored();
  for (const signal of INTERRUPTIONS) Deno.addSignalListener(signal, () => {});
  const tests = new Deno.Command(Deno.execPath(), {
    args: ["test", ...OPTIONS, ...own, ...args],
    env: explored.env,
    stdin: "inherit",
    stdout: "inherit",
    stderr: "inherit",
  }).spawn();
  const { code } = await tests.status;
  console.log(explored.summary());
  return code;
}

if (import.meta.main) Deno.exit(await runTests(Deno.args));
