/**
 * Loads VirtDisk.dll and kernel32.dll, by absolute path: a bare name would be looked for in the
 * application's and the working directory too, where anybody may have put a DLL of that name.
 *
 * @module
 */
import { virtualDiskError } from "../../errors/error.ts";
import { type VirtDisk, VIRTDISK_FUNCTIONS } from "./virtdisk.ts";
import { systemDirectory, wideString } from "./text.ts";
import { type Kernel32, KERNEL32_FUNCTIONS } from "./kernel32.ts";

/**
 * The functions of both libraries.
 *
 * @category Libraries
 */
export interface Libraries {
  /** The functions of VirtDisk.dll. */
  readonly virtdisk: VirtDisk;
  /** The functions of kernel32.dll that go with them. */
  readonly kernel32: Kernel32;
}

/**
 * Where the libraries are.
 *
 * @category Libraries
 */
export interface LibraryPaths {
  /** Absolute path of VirtDisk.dll. */
  readonly virtdisk: string;
  /** Absolute path of kernel32.dll. */
  readonly kernel32: string;
}

const USUAL_DIRECTORY = "C:\\Windows\\System32";
const OPERATION = "LoadLibrary";

let loaded: Libraries | undefined;

/**
 * The libraries of this Windows, loaded at the first call. They stay loaded as long as the process.
 *
 * @throws {VirtualDiskError} `ERROR_NOT_SUPPORTED` off Windows, `ERROR_MOD_NOT_FOUND` where this Windows
 * has no VirtDisk.dll.
 * @throws {Deno.errors.NotCapable} Without `--allow-ffi` for both DLLs.
 *
 * @category Libraries
 */
export function systemLibraries(): Libraries {
  return loaded ??= loadSystemLibraries();
}

function loadSystemLibraries(): Libraries {
  if (Deno.build.os !== "windows") {
    throw virtualDiskError("ERROR_NOT_SUPPORTED", "OpenVirtualDisk", {
      reason: "the native backend needs Windows",
      causes: ['The portable backend opens images here: use { backend: "portable" }.'],
    });
  }
  const kernel32 = systemKernel32();
  return withVirtDisk(kernel32, () => `${systemDirectory(kernel32.symbols)}\\virtdisk.dll`);
}

/**
 * Loads the libraries from given places, for example a private build of them. They stay loaded.
 *
 * @throws {VirtualDiskError} `ERROR_MOD_NOT_FOUND` where there is no library, `ERROR_PROC_NOT_FOUND`
 * where it lacks a function.
 * @throws {Deno.errors.NotCapable} Without `--allow-ffi` for both.
 *
 * @category Libraries
 */
export function loadLibraries(paths: LibraryPaths): Libraries {
  return withVirtDisk(load(paths.kernel32, KERNEL32_FUNCTIONS), () => paths.virtdisk);
}

type Kernel32Library = Deno.DynamicLibrary<typeof KERNEL32_FUNCTIONS>;

/** Both libraries; kernel32.dll does not stay loaded where VirtDisk.dll cannot be. */
function withVirtDisk(kernel32: Kernel32Library, path: () => string): Libraries {
  try {
    const file = path();
    const virtdisk = load(file, VIRTDISK_FUNCTIONS);
    keepLoaded(kernel32.symbols, file);
    return { kernel32: kernel32.symbols, virtdisk: virtdisk.symbols };
  } catch (error) {
    kernel32.close();
    throw error;
  }
}

/**
 * Loads a library once more, which nobody undoes: Deno unloads what a worker has loaded when that is terminated, though
 * a thread may be in the middle of a call.
 */
function keepLoaded(kernel32: Kernel32, path: string): void {
  if (kernel32.LoadLibraryW(wideString(path)) !== 0n) return;
  throw virtualDiskError("ERROR_MOD_NOT_FOUND", OPERATION, { path });
}

/**
 * kernel32.dll, from which the system's own directory is then asked. Nothing is loaded from a guessed folder:
 * where Windows is on another drive, `C:\Windows` may be anybody's.
 *
 * - With leave for all libraries the bare name is used: kernel32.dll is a part of every process already, and
 *   no file of that name is looked for.
 * - With leave for some, a bare name would be taken for a file of the working directory. The environment says
 *   where Windows is, if it may be read.
 * - Otherwise it is the usual folder, which is loaded from only if whoever gave the leave named it.
 */
function systemKernel32(): Kernel32Library {
  const { state, partial } = Deno.permissions.querySync({ name: "ffi" });
  if (state === "granted" && !partial) return load("kernel32.dll", KERNEL32_FUNCTIONS);
  const directory = directoryOfEnvironment() ?? USUAL_DIRECTORY;
  const library = load(`${directory}\\kernel32.dll`, KERNEL32_FUNCTIONS);
  try {
    assertSystemDirectory(directory, systemDirectory(library.symbols));
    return library;
  } catch (error) {
    library.close();
    throw error;
  }
}

/**
 * Refuses a folder that is not the system's.
 *
 * @throws {VirtualDiskError} `ERROR_MOD_NOT_FOUND`, with the flag that helps.
 */
export function assertSystemDirectory(directory: string, actual: string): void {
  if (actual.toLowerCase() === directory.toLowerCase()) return;
  throw virtualDiskError("ERROR_MOD_NOT_FOUND", OPERATION, {
    path: `${directory}\\kernel32.dll`,
    reason: `this Windows has its libraries in ${JSON.stringify(actual)}`,
    causes: [
      `Allow them there: --allow-env=SystemRoot ` +
      `--allow-ffi=${actual}\\virtdisk.dll,${actual}\\kernel32.dll`,
    ],
  });
}

/** The environment says where Windows is, but nobody is prompted for it. */
function directoryOfEnvironment(): string | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable: "SystemRoot" });
  const root = state === "granted" ? Deno.env.get("SystemRoot") : undefined;
  return root === undefined ? undefined : `${root}\\System32`;
}

function load<const F extends Deno.ForeignLibraryInterface>(
  path: string,
  functions: F,
): Deno.DynamicLibrary<F> {
  try {
    return Deno.dlopen(path, functions);
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable || !(error instanceof Error)) throw error;
    // The rest of either text is the system's, and differs with its language.
    const symbol = error.message.startsWith("Failed to register symbol")
      ? "ERROR_PROC_NOT_FOUND"
      : "ERROR_MOD_NOT_FOUND";
    throw virtualDiskError(symbol, OPERATION, { path, cause: error });
  }
}
