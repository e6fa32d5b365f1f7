/**
 * Programs that tests start, in bundles: the command line, as it is published, starts in half of the time of its
 * modules, and under Wine, where opening a file takes long, each program in a fifth.
 */
import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { dirname, join } from "@std/path";
import { buildCommandLine, bundle } from "../build/package.ts";
import { exists, ROOT } from "./support.ts";

/** The folder of the bundles, in the environment; by default tests run the modules. */
const FOLDER = "VIRTDISK_BUNDLES";
/** Where bundles are made. Deno keeps compiled code by path, so the same ones lie at the same path in every run. */
const CACHE = join(ROOT, ".cache", "bundles");
const DAY = 24 * 60 * 60 * 1000;

const COMMAND_LINE = "src/cli/main.ts";
/** What else is started often. */
const PROGRAMS = [
  "mod.ts",
  "portable.ts",
  "serve.ts",
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
  if (folder !== "" && module === COMMAND_LINE) return `${folder}/${module}`;
  return folder !== "" && PROGRAMS.includes(module)
    ? `${folder}/${bundleOf(module)}`
    : join(ROOT, module);
}

/**
 * Makes the bundles.
 *
 * @returns Their folder, which whoever runs at the same time has too, or another one.
 * @throws {Error} As {@linkcode makeBundle}.
 */
export function makeBundles(): string {
  Deno.mkdirSync(CACHE, { recursive: true });
  removeOld();
  const made = Deno.makeTempDirSync({ dir: CACHE });
  // Each lies where its module lies from the folder of all, which is the root: mod.ts is there.
  const modules = PROGRAMS.map((module) => join(ROOT, module));
  try {
    bundle([...modules, "--outdir", made]);
    buildCommandLine(join(made, dirname(COMMAND_LINE)));
    // Tests run them as other users too.
    if (Deno.build.os !== "windows") Deno.chmodSync(made, 0o755);
    const folder = join(CACHE, digestOf(made));
    try {
      Deno.renameSync(made, folder);
    } catch (error) {
      // It is there already.
      if (!exists(folder)) throw error;
      Deno.utimeSync(folder, new Date(), new Date());
    }
    return folder;
  } finally {
    if (exists(made)) Deno.removeSync(made, { recursive: true });
  }
}

/** Removes the bundles of older sources that no run has taken for a day. */
function removeOld(): void {
  for (const { name } of Deno.readDirSync(CACHE)) {
    const path = join(CACHE, name);
    const { mtime } = Deno.statSync(path);
    if (Date.now() - mtime!.getTime() > DAY) Deno.removeSync(path, { recursive: true });
  }
}

function digestOf(folder: string): string {
  const hash = createHash("sha256");
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" }).sort()) {
    const path = join(folder, name);
    if (Deno.statSync(path).isFile) hash.update(`${name}\0`).update(Deno.readFileSync(path));
  }
  return hash.digest("hex").slice(0, 16);
}

/** Whether this process has been given bundles. */
export function areBundled(): boolean {
  return (Deno.env.get(FOLDER) ?? "") !== "";
}

/** The environment in which tests run the bundles of a folder. */
export function withBundles(folder: string): Record<string, string> {
  return { [FOLDER]: folder };
}

/** The module with the command line in such an environment, which is not that which is run. */
export function commandLineOf(env: Readonly<Record<string, string>>): string {
  return `${env[FOLDER]}/${dirname(COMMAND_LINE)}/code.js`;
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
