/**
 * Where the double of VirtDisk.dll is: compiled here off Windows, given by `VIRTDISK_DOUBLE` on Windows.
 */
import { join } from "@std/path";
import { type Need, ROOT, run, tool } from "../support.ts";

const SOURCES = join(ROOT, "tests", "double");
const CACHE = join(ROOT, ".cache", "double");
const VARIABLE = "VIRTDISK_DOUBLE";

/** The two libraries that the native backend loads, by absolute path. */
export interface DoubleLibraries {
  /** Answers for VirtDisk.dll. */
  readonly virtdisk: string;
  /** The system's kernel32.dll; off Windows the double answers for it too. */
  readonly kernel32: string;
}

/** A test with the double needs a compiler, or on Windows the finished DLL. */
export const doubleNeed: Need = Deno.build.os === "windows"
  ? () => Deno.env.get(VARIABLE) ? undefined : `${VARIABLE} does not name a DLL`
  : tool("gcc");

/** The double's libraries; compiles them where the sources are newer. */
export function buildDouble(): DoubleLibraries {
  if (Deno.build.os === "windows") {
    const virtdisk = Deno.env.get(VARIABLE);
    if (!virtdisk) throw new Error(`${VARIABLE} does not name a DLL`);
    return { virtdisk, kernel32: join(Deno.env.get("SystemRoot")!, "System32", "kernel32.dll") };
  }
  const library = join(CACHE, "virtdisk.so");
  compile("gcc", library, ["-fPIC", "-fvisibility=hidden"]);
  return { virtdisk: library, kernel32: library };
}

/** Compiles the double as a Windows DLL with MinGW; gives its path. */
export function buildDoubleDll(): string {
  const library = join(CACHE, "virtdisk.dll");
  compile(MINGW, library, ["-s"]);
  return library;
}

/** The C compiler that makes Windows DLLs, here and on Windows. */
export const MINGW = "x86_64-w64-mingw32-gcc";

function compile(compiler: string, library: string, options: readonly string[]): void {
  const files = [...Deno.readDirSync(SOURCES)].map((entry) => entry.name)
    .filter((name) => /\.[ch]$/.test(name)).map((name) => join(SOURCES, name));
  const newest = Math.max(...files.map((file) => Deno.statSync(file).mtime!.getTime()));
  if (modified(library) > newest) return;
  Deno.mkdirSync(CACHE, { recursive: true });
  // Renamed into place when finished, for another process may be loading the old one.
  const unfinished = `${library}.${Deno.pid}`;
  const warnings = ["-std=c11", "-O2", "-Wall", "-Wextra", "-Werror"];
  const sources = files.filter((file) => file.endsWith(".c"));
  run(compiler, ...warnings, ...options, "-shared", "-o", unfinished, ...sources);
  Deno.renameSync(unfinished, library);
}

function modified(path: string): number {
  try {
    return Deno.statSync(path).mtime!.getTime();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return -Infinity;
    throw error;
  }
}
