/**
 * Where the double of VirtDisk.dll is: compiled here off Windows, given on Windows by `VIRTDISK_DOUBLE`
 * and, for the one that is like Windows 8's, `VIRTDISK_DOUBLE_OLD`.
 */
import { join } from "@std/path";
import { type Need, ROOT, run, tool } from "../support.ts";

const SOURCES = join(ROOT, "tests", "double");
const CACHE = join(ROOT, ".cache", "double");
const VARIABLE = "VIRTDISK_DOUBLE";
const OLD_VARIABLE = "VIRTDISK_DOUBLE_OLD";

/** The two libraries that the native backend loads, by absolute path. */
export interface DoubleLibraries {
  /** Answers for VirtDisk.dll. */
  readonly virtdisk: string;
  /** The system's kernel32.dll; off Windows the double answers for it too. */
  readonly kernel32: string;
}

/** Which double. */
export interface DoubleBuild {
  /** One of Windows 8, which lacks the functions that came later. */
  readonly old?: boolean;
}

/** A test with the double needs a compiler, or on Windows the finished DLL. */
export const doubleNeed: Need = Deno.build.os === "windows" ? given(VARIABLE) : tool("gcc");

/** The same for the double of Windows 8. */
export const oldDoubleNeed: Need = Deno.build.os === "windows" ? given(OLD_VARIABLE) : tool("gcc");

/** The double's libraries; compiles them where the sources are newer. */
export function buildDouble({ old = false }: DoubleBuild = {}): DoubleLibraries {
  if (Deno.build.os === "windows") {
    const variable = old ? OLD_VARIABLE : VARIABLE;
    const virtdisk = Deno.env.get(variable);
    if (!virtdisk) throw new Error(`${variable} does not name a DLL`);
    return { virtdisk, kernel32: join(Deno.env.get("SystemRoot")!, "System32", "kernel32.dll") };
  }
  const built = join(CACHE, `${fileName(old)}.so`);
  const options = ["-fPIC", "-fvisibility=hidden", "-pthread"];
  compile("gcc", built, [...options, ...definitions(old)], []);
  const library = ownCopy(built);
  return { virtdisk: library, kernel32: library };
}

/** Compiles the double as a Windows DLL with MinGW; gives its path. */
export function buildDoubleDll({ old = false }: DoubleBuild = {}): string {
  const library = join(CACHE, `${fileName(old)}.dll`);
  compile(MINGW, library, ["-s", ...definitions(old)], ["-lntdll"]);
  return library;
}

/** The major version of GCC whose warnings are known, and therefore errors: Debian 12's. */
const KNOWN_GCC = "12";

/** The options that all C code here is compiled with. A warning that only a newer GCC has stops nobody. */
export function strictOptions(compiler: string): string[] {
  const [major] = run(compiler, "-dumpversion").trim().split(/[.-]/);
  return ["-std=c11", "-O2", "-Wall", "-Wextra", ...major === KNOWN_GCC ? ["-Werror"] : []];
}

/** The C compiler that makes Windows DLLs, here and on Windows. */
export const MINGW = "x86_64-w64-mingw32-gcc";

function given(variable: string): Need {
  return () => Deno.env.get(variable) ? undefined : `${variable} does not name a DLL`;
}

function fileName(old: boolean): string {
  return old ? "virtdisk8" : "virtdisk";
}

function definitions(old: boolean): string[] {
  return old ? ["-DDOUBLE_WINDOWS_8"] : [];
}

function compile(
  compiler: string,
  library: string,
  options: readonly string[],
  libraries: readonly string[],
): void {
  const files = [...Deno.readDirSync(SOURCES)].map((entry) => entry.name)
    .filter((name) => /\.[ch]$/.test(name)).map((name) => join(SOURCES, name));
  // The folder's own time tells of a file that is gone.
  const newest = Math.max(...[SOURCES, ...files].map(modified));
  if (modified(library) > newest) return;
  Deno.mkdirSync(CACHE, { recursive: true });
  // Renamed into place when finished, for another test may be loading the old one, or compiling it too.
  const unfinished = `${library}.${crypto.randomUUID()}`;
  const sources = files.filter((file) => file.endsWith(".c"));
  run(
    compiler,
    ...strictOptions(compiler),
    ...options,
    "-shared",
    "-o",
    unfinished,
    ...sources,
    ...libraries,
  );
  Deno.renameSync(unfinished, library);
}

const copies = new Map<string, string>();

/**
 * A copy that is loaded beside those of other test files, which run at the same time in the same process: what
 * one file tells its double is for that one alone.
 */
function ownCopy(library: string): string {
  const known = copies.get(library);
  if (known !== undefined) return known;
  const copy = library.replace(/\.so$/, `.${crypto.randomUUID()}.so`);
  Deno.copyFileSync(library, copy);
  globalThis.addEventListener("unload", () => Deno.removeSync(copy));
  copies.set(library, copy);
  return copy;
}

function modified(path: string): number {
  try {
    return Deno.statSync(path).mtime!.getTime();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return -Infinity;
    throw error;
  }
}
