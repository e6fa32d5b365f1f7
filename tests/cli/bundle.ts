/** The command line as one file, which starts sooner than its modules where opening a file takes long. */
import { ROOT } from "../support.ts";

/**
 * Makes the file.
 *
 * @throws {Error} If Deno cannot make bundles here: the first time it gets its bundler from npm.
 */
export function makeBundle(path: string): void {
  const args = ["bundle", "--quiet", `${ROOT}/src/cli/main.ts`, "--output", path];
  const { success, stderr } = new Deno.Command(Deno.execPath(), {
    args,
    cwd: ROOT,
    env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
    stdin: "null",
  }).outputSync();
  if (!success) throw new Error(`deno ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}
