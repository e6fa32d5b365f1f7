/**
 * The package as it is published: what the repository has of it, and the command line in two files.
 *
 * Started from its modules, the command line makes Deno look at 300 files, of which a command needs half, and fetch
 * all of them from a registry first. Built, it is `cli/main.ts` and `cli/code.js`, which has all commands. The one
 * loads the other, and does not import it: what Deno compiles of a module it keeps for the next start in the next turn
 * of the event loop, which a command that prints and exits does not wait for. Nothing is made shorter, which would not
 * be faster; the modules are in the package too.
 *
 * Run by `deno task build FOLDER`. The bundler comes from npm.
 *
 * @module
 */
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const MAIN = "src/cli/main.ts";

/** Of the configuration of the package. */
interface Configuration {
  readonly exports: Readonly<Record<string, string>>;
  readonly publish: { readonly include: readonly string[]; readonly exclude: readonly string[] };
}

/**
 * Makes the package in a folder.
 *
 * @param folder It must be empty, or not there.
 * @throws {Error} If it is not empty, or the bundler cannot be had.
 */
export function buildPackage(folder: string): void {
  Deno.mkdirSync(folder, { recursive: true });
  const [present] = Deno.readDirSync(folder);
  if (present !== undefined) throw new Error(`${folder} is not empty: it has ${present.name}`);
  const configuration: Configuration = JSON.parse(read("deno.json"));
  const { include, exclude } = configuration.publish;
  const isExcluded = (path: string) => exclude.includes(`${path}/`);
  for (const path of include) copy(path.replace(/\/$/, ""), folder, isExcluded);
  buildCommandLine(join(folder, "cli"));
  const published = {
    ...configuration,
    exports: { ...configuration.exports, "./cli": "./cli/main.ts" },
    publish: { include: [...include, "cli/"], exclude },
  };
  Deno.writeTextFileSync(join(folder, "deno.json"), `${JSON.stringify(published, null, 2)}\n`);
}

/**
 * Makes the command line as it is published: `main.ts`, which is run, and `code.js`.
 *
 * @param folder It is made if it is not there.
 * @throws {Error} If the bundler cannot be had.
 */
export function buildCommandLine(folder: string): void {
  Deno.mkdirSync(folder, { recursive: true });
  bundle([MAIN, "--output", resolve(folder, "code.js")]);
  Deno.writeTextFileSync(join(folder, "main.ts"), entry(read(MAIN)));
}

function read(path: string): string {
  return Deno.readTextFileSync(join(ROOT, path));
}

function copy(path: string, folder: string, isExcluded: (path: string) => boolean): void {
  if (isExcluded(path)) return;
  const [from, to] = [join(ROOT, path), join(folder, path)];
  if (Deno.statSync(from).isDirectory) {
    for (const { name } of Deno.readDirSync(from)) copy(`${path}/${name}`, folder, isExcluded);
  } else {
    Deno.mkdirSync(dirname(to), { recursive: true });
    Deno.copyFileSync(from, to);
  }
}

/** The module that is run, with the documentation of the one that it stands for. */
function entry(source: string): string {
  const [about] = /^\/\*\*[^]*?\*\/\n/.exec(source) ?? [];
  const [, documentation] =
    /(\/\*\*(?:(?!\*\/)[^])*\*\/\n)export async function main\(/.exec(source) ?? [];
  if (about === undefined || documentation === undefined) throw new Error(`${MAIN}: what is main?`);
  return `${about}
${documentation}export async function main(args: readonly string[]): Promise<number> {
  const code = await import("./code.js");
  return await code.main(args);
}

if (import.meta.main) Deno.exit(await main(Deno.args));
`;
}

/**
 * Runs `deno bundle` on modules of the repository.
 *
 * @param args Its options, and the paths of the modules.
 * @throws {Error} If Deno cannot make bundles here: the first time it gets its bundler from npm.
 */
export function bundle(args: readonly string[]): void {
  const { success, stderr } = new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", ...args],
    cwd: ROOT,
    env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
    stdin: "null",
  }).outputSync();
  if (success) return;
  throw new Error(`deno bundle ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}

if (import.meta.main) {
  const [folder] = Deno.args;
  if (folder === undefined) {
    console.error("deno task build FOLDER: where is the package to be made?");
    Deno.exit(2);
  }
  buildPackage(folder);
}
