/**
 * Test files in groups: a module of `deno test` that imports several of them. Each file by itself would load most of
 * the package once more, which takes longer than its tests. The title of a test begins with its file and line there.
 */
import { join, resolve, toFileUrl } from "@std/path";
import { ROOT } from "./support.ts";

/** What `deno test` takes for tests in a folder. */
const TEST_FILE = /^(?:.*[._])?test\.[cm]?[jt]sx?$/;

/** All test files below a folder, by paths which begin as its own does: from the root of the package. */
export function testFilesBelow(folder: string): string[] {
  return [...Deno.readDirSync(resolve(ROOT, folder))].flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    return isDirectory ? testFilesBelow(path) : TEST_FILE.test(name) ? [path] : [];
  }).sort();
}

/** So many files are in a group at most. */
const MOST = 16;

/**
 * Puts files into groups of neighbours, which need the same modules.
 *
 * @param slow How the paths of those begin that take long, and how many of them are in a group: they come first.
 */
export function groupsOf(
  files: readonly string[],
  slow: Readonly<Record<string, number>>,
): string[][] {
  const left = new Set(files);
  const groups: string[][] = [];
  for (const [start, most] of [...Object.entries(slow), ["", MOST] as const]) {
    const these = [...left].filter((file) => file.startsWith(start));
    for (const file of these) left.delete(file);
    groups.push(...inParts(these, most));
  }
  return groups;
}

/** Parts of about the same length. */
function inParts(files: readonly string[], most: number): string[][] {
  const count = Math.ceil(files.length / most);
  const start = (i: number) => Math.round(i * files.length / count);
  return Array.from({ length: count }, (_, i) => files.slice(start(i), start(i + 1)));
}

/** Writes the module of each group into a folder, named by their order; gives the paths. */
export function writeGroups(groups: readonly (readonly string[])[], folder: string): string[] {
  return groups.map((files, i) => {
    const path = join(folder, `${String(i + 1).padStart(3, "0")}.ts`);
    Deno.writeTextFileSync(path, groupModule(files));
    return path;
  });
}

/** Literal imports: Deno finds all modules before it runs the first. */
function groupModule(files: readonly string[]): string {
  const imports = files.map((file) => {
    const url = JSON.stringify(toFileUrl(resolve(ROOT, file)).href);
    return `await withFile(${JSON.stringify(file)}, ${url}, () => import(${url}));\n`;
  });
  const own = JSON.stringify(import.meta.url);
  return `import { withFile } from ${own};\n${imports.join("")}`;
}

type Test = typeof Deno.test.ignore;

/**
 * Loads a test file, whose tests get its name in theirs.
 *
 * @throws {TypeError} If it has hooks: they would be for the whole group.
 */
export async function withFile(
  file: string,
  url: string,
  load: () => Promise<unknown>,
): Promise<void> {
  const test = Deno.test;
  const { ignore, only } = test;
  const titled = (declare: Test) => (...args: unknown[]) => {
    const title = `${file}:${lineOf(url)}: `;
    const [first] = args;
    if (typeof first === "string") args[0] = title + first;
    else {args[0] = {
        ...first as Deno.TestDefinition,
        name: title + (first as { name: string }).name,
      };}
    (declare as (...args: unknown[]) => void)(...args);
  };
  const replaced = Object.assign(titled(test), { ignore: titled(ignore), only: titled(only) });
  Object.assign(Deno, { test: replaced });
  try {
    await load();
  } finally {
    Object.assign(Deno, { test });
  }
}

/** The line of a file that is running: the outermost one on the stack. */
function lineOf(url: string): string {
  const { stack = "" } = new Error();
  const at = stack.lastIndexOf(`${url}:`);
  return at < 0 ? "?" : /^\d+/.exec(stack.slice(at + url.length + 1))![0];
}
