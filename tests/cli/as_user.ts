/** Runs the command line as a user who may not do everything: root may read and write whatever there is. */
import { circumstance, type Need, ROOT, type TempDir } from "../support.ts";
import { CLI_ARGS, type Outcome } from "./run_cli.ts";

const NOBODY = 65534;
const IS_ROOT = Deno.build.os !== "windows" && Deno.uid() === 0;

/** Somebody who is not root, and may read this repository. */
export const ordinaryUser: Need = circumstance(() => {
  if (Deno.build.os === "windows") return "Windows has other permissions";
  if (!IS_ROOT) return undefined;
  const { success } = spawnSync(["test", "-r", `${ROOT}/deno.json`]);
  return success ? undefined : "nobody cannot read the repository, or setpriv is not installed";
});

/**
 * Runs a command in `dir`, which is made accessible, with the flags that `runCli` gives.
 *
 * @param prepare A shell command of root's to run before, in `dir`.
 */
export function runCliAsUser(dir: TempDir, args: readonly string[]): Outcome {
  const cache = dir.file(".deno");
  Deno.mkdirSync(cache, { recursive: true });
  Deno.chmodSync(dir.path, 0o755);
  if (IS_ROOT) Deno.chownSync(cache, NOBODY, NOBODY);
  const { code, stdout, stderr } = spawnSync([Deno.execPath(), ...CLI_ARGS, ...args], {
    cwd: dir.path,
    env: { NO_COLOR: "1", DENO_DIR: cache },
  });
  const text = new TextDecoder();
  return { code, out: text.decode(stdout), err: text.decode(stderr), bytes: stdout };
}

/** As nobody, if this is root. */
function spawnSync(
  [program, ...args]: readonly string[],
  options: Deno.CommandOptions = {},
): Deno.CommandOutput {
  const asNobody = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups", program!, ...args];
  const [command, parameters] = IS_ROOT ? ["setpriv", asNobody] : [program!, args];
  try {
    return new Deno.Command(command, { ...options, args: parameters, stdin: "null" }).outputSync();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return new Deno.Command(Deno.execPath(), { args: ["--no-such-flag"] }).outputSync();
  }
}
