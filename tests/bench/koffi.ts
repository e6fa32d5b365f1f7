/** koffi, the FFI of Node that scripts would use instead; fetched from npm when first measured. */
import { fromFileUrl, join } from "@std/path";
import type { DoubleLibraries } from "../double/double.ts";
import { ROOT, run, tool } from "../support.ts";

const FOLDER = join(ROOT, ".cache", "koffi");
const SCRIPT = fromFileUrl(new URL("koffi_open.mjs", import.meta.url));

/** How koffi passes structures: as buffers made once, or as objects packed at every call. */
export type KoffiWay = "prepared" | "packed";

/** Opens and closes the double in a Node process. */
export class Koffi {
  readonly #arguments: readonly string[];

  private constructor(libraries: DoubleLibraries, path: string) {
    const folder = join(FOLDER, "node_modules", "koffi");
    this.#arguments = [SCRIPT, folder, libraries.virtdisk, libraries.kernel32, path];
  }

  /** Koffi, or why it is not there. */
  static install(libraries: DoubleLibraries, path: string): Koffi | string {
    const missing = tool("node")() ?? tool("npm")();
    if (missing !== undefined) return missing;
    try {
      Deno.mkdirSync(FOLDER, { recursive: true });
      const quiet = ["--no-audit", "--no-fund", "--no-save", "--loglevel=error"];
      run("npm", "install", "--prefix", FOLDER, ...quiet, "--prefer-offline", "koffi@2");
    } catch (error) {
      return `npm could not install it: ${String(error).split("\n")[1] ?? error}`;
    }
    return new Koffi(libraries, path);
  }

  /** Milliseconds in which `count` opens and closes are done. */
  time(way: KoffiWay, count: number): number {
    return Number(run("node", ...this.#arguments, "time", way, String(count)));
  }

  /** The double's record of an open, as JSON. */
  record(way: KoffiWay): string {
    return run("node", ...this.#arguments, "record", way);
  }
}

/** The version that was fetched, if one was. */
export function koffiVersion(): string | undefined {
  try {
    const text = Deno.readTextFileSync(join(FOLDER, "node_modules", "koffi", "package.json"));
    return JSON.parse(text).version;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
