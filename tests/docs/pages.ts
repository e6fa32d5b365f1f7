/** What the pages of the documentation say: blocks of code, and commands with what they print. */
import { assertEquals, assertMatch } from "@std/assert";
import { runnable } from "../bundles.ts";
import { ROOT, TempDir } from "../support.ts";

/** A block of code. */
export interface Block {
  /** What stands after its first fence: `sh`, `ts ignore`. */
  readonly kind: string;
  readonly text: string;
  /** The number of the line where it begins. */
  readonly line: number;
}

/** A page by its path from the root of the repository. */
export function page(path: string): string {
  return Deno.readTextFileSync(`${ROOT}/${path}`).replaceAll("\r\n", "\n");
}

/** The paths of all pages in docs/. */
export function pages(): string[] {
  return [...Deno.readDirSync(`${ROOT}/docs`)].map(({ name }) => name)
    .filter((name) => name.endsWith(".md")).sort().map((name) => `docs/${name}`);
}

/** The blocks of code of a page, in their order. */
export function blocks(text: string): Block[] {
  return [...text.matchAll(/^```([^\n]*)\n([^]*?)^```$/gm)].map(({ 1: kind, 2: body, index }) => ({
    kind: kind!,
    text: body!,
    line: text.slice(0, index).split("\n").length,
  }));
}

/** The command lines of a block; one that goes on after a backslash is one. */
export function commandLines({ text }: Block): string[] {
  return text.replaceAll(/\\\n\s*/g, "").split("\n").map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
}

/** The permissions of the command, as README says. */
export const FLAGS = "--allow-read=. --allow-write=.";
/** Where the pages say that their images are. */
const FOLDER = "/images";
/** How virtdisk calls itself when it runs from a clone. */
const COMMAND = /deno run (?:--allow-\S+ )*\S*\/src\/cli\/main\.ts/g;
/** What a line ends with if it does not end with 0. */
const STATUS = /# ends with (\d+)$/;

/** How a page is run. */
export interface RunOptions {
  /** Programs in place of those that are elsewhere, as scripts of a shell. */
  readonly standIns?: Readonly<Record<string, string>>;
}

/**
 * Runs the blocks `sh` of a page in a folder, with a program `virtdisk` that has the permissions that README says.
 * A block `text` after one is what it must print; `...` in it is anything, and `/images` the folder.
 */
export async function runPage(dir: TempDir, path: string, options: RunOptions = {}): Promise<void> {
  const all = blocks(page(path));
  for (const [index, block] of all.entries()) {
    if (block.kind !== "sh") continue;
    const printed = await runBlock(dir, `${path}, line ${block.line}`, block, options);
    const next = all[index + 1];
    if (next?.kind !== "text") continue;
    assertMatch(printed, expected(next.text), `${path}, line ${next.line}:\n${printed}`);
  }
}

/**
 * Runs the lines of a block in one shell, which stops at the first that does not end as it should.
 *
 * @param place What a failure names.
 * @returns What it has printed.
 */
export async function runBlock(
  dir: TempDir,
  place: string,
  block: Block,
  { standIns = {} }: RunOptions = {},
): Promise<string> {
  using programs = new TempDir();
  const main = runnable("src/cli/main.ts");
  const virtdisk = `exec "${Deno.execPath()}" run --quiet --no-prompt ${FLAGS} "${main}" "$@"`;
  for (const [name, script] of Object.entries({ virtdisk, ...standIns })) {
    Deno.writeTextFileSync(programs.file(name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }
  const script = commandLines(block).map((line) => {
    const [, status = "0"] = STATUS.exec(line) ?? [];
    const complaint = `echo "THE LINE ENDED WITH $status: "${quotedForShell(line)}`;
    return `${line}\nstatus=$?; [ $status = ${status} ] || { ${complaint}; exit 1; }`;
  }).join("\n");
  const { code, stdout } = await new Deno.Command("bash", {
    args: ["-c", `exec 2>&1\n${script}`],
    cwd: dir.path,
    env: {
      PATH: `${programs.path}:${Deno.env.get("PATH")}`,
      NO_COLOR: "1",
      HOME: dir.path,
    },
    stdin: "null",
  }).output();
  const printed = new TextDecoder().decode(stdout).replaceAll(dir.path, FOLDER)
    .replaceAll(COMMAND, "virtdisk");
  assertEquals(code, 0, `${place}:\n${printed}`);
  return printed;
}

function quotedForShell(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function expected(text: string): RegExp {
  const parts = text.trimEnd().split("...").map((part) => RegExp.escape(part));
  return new RegExp(`^${parts.join("[^]*?")}\\s*$`);
}
