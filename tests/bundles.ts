/**
 * Programs that tests start, each as one file: where opening a file takes long, as under Wine, one of these starts
 * in a fifth of the time of its modules.
 */
import { join } from "@std/path";
import { bundle } from "../build/package.ts";
import { ROOT } from "./support.ts";

/** The folder of the bundles, in the environment; by default tests run the modules. */
const FOLDER = "VIRTDISK_BUNDLES";

/** What is started most often. */
const PROGRAMS = [
  "mod.ts",
  "src/cli/main.ts",
  "tests/windows/open_once.ts",
  "tests/native/children/open_once.ts",
  "tests/native/children/open_system.ts",
  "tests/native/children/operate_once.ts",
  ...["boot_in_qemu", "incremental_backup", "rescue", "restore_backup", "upload_stream"]
    .map((name) => `examples/${name}.ts`),
  "examples/upload_to_azure.ts",
  "examples/wsl_disk.ts",
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

/**
 * Makes the bundles in a folder.
 *
 * @throws {Error} As {@linkcode makeBundle}.
 */
export function makeBundles(folder: string): void {
  // Each lies where its module lies from the folder of all, which is the root: mod.ts is there.
  bundle([...PROGRAMS.map((module) => join(ROOT, module)), "--outdir", folder]);
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
  bundle([join(ROOT, module), "--output", path]);
}

function bundleOf(module: string): string {
  return module.replace(/\.ts$/, ".js");
}
