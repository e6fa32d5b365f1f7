/**
 * Programs that tests start, each as one file: where opening a file takes long, as under Wine, one of these starts
 * in a fifth of the time of its modules.
 */
import { join } from "@std/path";
import { ROOT } from "./support.ts";

/** The folder of the bundles, in the environment; by default tests run the modules. */
const FOLDER = "VIRTDISK_BUNDLES";

/** What is started most often. */
const PROGRAMS = [
  "src/cli/main.ts",
  "mod.ts",
  "tests/windows/open_once.ts",
  "tests/native/children/open_once.ts",
  "tests/native/children/open_system.ts",
  "tests/native/children/operate_once.ts",
];

/**
 * The file of a module that is to be run, or imported by what is run.
 *
 * @param module Its path from the root.
 */
export function runnable(module: string): string {
  const folder = Deno.env.get(FOLDER) ?? "";
  return folder !== "" && PROGRAMS.includes(module)
    ? `${folder}/${bundleOf(module)}`
    : join(ROOT, module);
}

/** Makes the bundles in a folder. */
export function makeBundles(folder: string): void {
  for (const module of PROGRAMS) makeBundle(module, join(folder, bundleOf(module)));
}

/** The environment in which tests run the bundles of a folder. */
export function withBundles(folder: string): Record<string, string> {
  return { [FOLDER]: folder };
}

/**
 * Makes one file of a module and what it imports.
 *
 * @throws {Error} If Deno cannot make bundles here: the first time it gets its bundler from npm.
 */
export function makeBundle(module: string, path: string): void {
  const args = ["bundle", "--quiet", join(ROOT, module), "--output", path];
  const { success, stderr } = new Deno.Command(Deno.execPath(), {
    args,
    cwd: ROOT,
    env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
    stdin: "null",
  }).outputSync();
  if (!success) throw new Error(`deno ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}

function bundleOf(module: string): string {
  return module.replace(/\.ts$/, ".js");
}
