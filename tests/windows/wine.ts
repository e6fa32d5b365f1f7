/**
 * The Windows build of Deno under Wine: fetches it, makes a Wine prefix for it in `.cache`, and gives
 * the commands to run it. It needs neither a display nor root.
 */
import { join, toFileUrl } from "@std/path";
import { buildDoubleDll, MINGW, strictOptions } from "../double/library.ts";
import { ROOT, run, tool } from "../support.ts";
import type { WindowsDeno } from "./test_run.ts";

const CACHE = join(ROOT, ".cache", "wine");
const PREFIX = join(CACHE, "prefix");
const VERSION = Deno.version.deno;
const PROGRAM_FOLDER = join(CACHE, `deno-${VERSION}`);
const PROGRAM = join(PROGRAM_FOLDER, "deno.exe");

/** Where the double lies in the prefix, as Windows sees it. */
export const DOUBLE_IN_SYSTEM32 = "C:\\windows\\system32\\virtdisk.dll";
const OLD_DOUBLE_IN_SYSTEM32 = "C:\\windows\\system32\\virtdisk8.dll";

/** Libraries that Wine shall not start: dialogs about .NET and browsers, menus, and its debugger, with
 * which a crashed program sometimes ends with status 0. */
const DISABLED = "mscoree,mshtml,winemenubuilder.exe,winedbg.exe=";

const ENVIRONMENT: Record<string, string> = {
  WINEPREFIX: PREFIX,
  WINEARCH: "win64",
  WINEDEBUG: "-all",
  // Otherwise deno.exe copies itself, 97 MB, into its cache as node.exe, and under Wine at each start.
  DENO_DISABLE_NODE_SHIM: "1",
  DENO_NO_UPDATE_CHECK: "1",
  // Wine passes the host's variables on. A build for another system must not share its cache, and
  // what is installed on the host is not installed in there.
  DENO_DIR: "",
  // Wine's drive Z: is the host's root. Nothing is asked of JSR in there.
  JSR_URL: `file:///Z:${toFileUrl(ROOT).pathname}tests/offline/`,
  VIRTDISK_REQUIRE: "",
  RUST_BACKTRACE: "0",
  // Colours come even into a pipe.
  NO_COLOR: "1",
  DISPLAY: "",
  WAYLAND_DISPLAY: "",
};

/** The tools that this machine lacks. */
export function missingTools(): string[] {
  return ["wine", "wineserver", MINGW, "npm", "tar"].map((name) => tool(name)())
    .filter((reason) => reason !== undefined);
}

/** Which VirtDisk.dll programs find in a run. */
export type VirtDiskChoice = "double" | "wine" | "absent";

/** Wine's word for each: the double lies in system32, where Wine takes a foreign library first. */
const OVERRIDES: Record<VirtDiskChoice, string> = {
  double: "",
  wine: ";virtdisk=b",
  absent: ";virtdisk=",
};

/** The environment that gives a run the chosen VirtDisk.dll. */
export function withVirtDisk(choice: VirtDiskChoice): Record<string, string> {
  return {
    WINEDLLOVERRIDES: DISABLED + OVERRIDES[choice],
    VIRTDISK_DOUBLE: choice === "double" ? DOUBLE_IN_SYSTEM32 : "",
    VIRTDISK_DOUBLE_OLD: choice === "double" ? OLD_DOUBLE_IN_SYSTEM32 : "",
  };
}

/** Deno under Wine; disposing it ends everything in the prefix. One process at a time has it. */
export class WineDeno implements WindowsDeno, Disposable {
  readonly #lock: Deno.FsFile;

  /**
   * Prepares everything.
   *
   * @throws {Error} Where Deno's Windows build cannot be fetched or Wine does not start it.
   */
  constructor() {
    Deno.mkdirSync(PREFIX, { recursive: true });
    this.#lock = Deno.openSync(join(CACHE, "lock"), { write: true, create: true });
    this.#lock.lockSync(true);
    try {
      fetchProgram();
      compileShim();
      this.#startServer();
      const system32 = join(PREFIX, "drive_c", "windows", "system32");
      Deno.copyFileSync(buildDoubleDll(), join(system32, "virtdisk.dll"));
      Deno.copyFileSync(buildDoubleDll({ old: true }), join(system32, "virtdisk8.dll"));
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  command(args: readonly string[], env: Record<string, string> = {}): Deno.Command {
    return new Deno.Command("wine", {
      args: [PROGRAM, ...args],
      cwd: ROOT,
      env: { ...ENVIRONMENT, ...withVirtDisk("wine"), ...env },
      stdin: "null",
      stdout: "piped",
    });
  }

  stop(): void {
    quietly("wineserver", "-k");
  }

  [Symbol.dispose](): void {
    this.stop();
    this.#lock.close();
  }

  #startServer(): void {
    // The server and its services stay for a while after the last program: each start costs seconds.
    quietly("wineserver", "-p600");
    if (!exists(join(PREFIX, "system.reg"))) {
      quietly("wine", "wineboot", "--init");
      quietly("wine", "winecfg", "-v", "win10");
    }
    // Services keep the standard output of whichever command starts them: this one, which has none.
    quietly("wine", "wineboot");
  }
}

function fetchProgram(): void {
  if (exists(PROGRAM)) return;
  Deno.mkdirSync(PROGRAM_FOLDER, { recursive: true });
  const output = new Deno.Command("npm", {
    args: ["pack", "--silent", `@deno/win32-x64@${VERSION}`],
    cwd: PROGRAM_FOLDER,
    stdin: "null",
  }).outputSync();
  const archive = join(PROGRAM_FOLDER, new TextDecoder().decode(output.stdout).trim());
  if (!output.success) {
    throw new Error(`npm pack failed: ${new TextDecoder().decode(output.stderr)}`);
  }
  run("tar", "-xzf", archive, "-C", PROGRAM_FOLDER, "package/deno.exe");
  Deno.renameSync(join(PROGRAM_FOLDER, "package", "deno.exe"), PROGRAM);
  Deno.removeSync(archive);
}

function compileShim(): void {
  const library = join(PROGRAM_FOLDER, "bcryptprimitives.dll");
  const source = join(ROOT, "tests", "windows", "bcryptprimitives.c");
  if (exists(library) && Deno.statSync(library).mtime! > Deno.statSync(source).mtime!) return;
  // Without the C runtime: it is loaded before everything else, and needs nothing of it.
  const options = [...strictOptions(MINGW), "-s", "-shared", "-nostdlib"];
  const libraries = ["-ladvapi32", "-lkernel32"];
  run(MINGW, ...options, "-Wl,-e,DllMain", "-o", library, source, ...libraries);
}

/** Runs a program of Wine's without any pipe, for at most three minutes. */
function quietly(program: string, ...args: string[]): void {
  const { success, code } = new Deno.Command("timeout", {
    args: ["-k", "10", "180", program, ...args],
    env: { ...ENVIRONMENT, WINEDLLOVERRIDES: DISABLED },
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).outputSync();
  // wineserver ends with 1 (-k) where there is none to stop, and 2 (-p) where one runs already.
  if (!success && program === "wine") {
    throw new Error(`${program} ${args.join(" ")} ended with ${code}`);
  }
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
