/**
 * Which VirtDisk.dll this system has: what a test can show depends on it.
 */
import { join } from "@std/path";
import { systemLibraries } from "../../src/native/ffi/library.ts";
import { denoCommand } from "../deno_command.ts";
import { runnable } from "../bundles.ts";
import { circumstance, type Need, ROOT } from "../support.ts";

/** `"elsewhere"` is a system that is not Windows. */
export type SystemVirtDisk = "windows" | "wine" | "double" | "absent" | "elsewhere";

const SYSTEM32 = `${Deno.env.get("SystemRoot") ?? "C:\\windows"}\\System32\\`;
/** Where Windows keeps it. */
export const VIRTDISK = `${SYSTEM32}virtdisk.dll`;
/** Where Windows keeps it. */
export const KERNEL32 = `${SYSTEM32}kernel32.dll`;
/** Where Windows keeps it. */
export const ADVAPI32 = `${SYSTEM32}advapi32.dll`;
/** Where Windows keeps it. */
export const NTDLL = `${SYSTEM32}ntdll.dll`;

const found = find();

/** A test for systems that have one of these. */
export function systemHas(...wanted: SystemVirtDisk[]): Need {
  return circumstance(() =>
    wanted.includes(found)
      ? undefined
      : `for the VirtDisk.dll of ${wanted.join(" or ")}, here is that of ${found}`
  );
}

/**
 * Loads the libraries where the system's is one of these: they stay loaded, and a test that loads them
 * would be taken for one that leaks.
 */
export function loadOnce(...wanted: SystemVirtDisk[]): void {
  if (systemHas(...wanted)() === undefined) systemLibraries();
}

/** What a child process of this Deno printed. */
export interface ChildOutput {
  readonly code: number;
  readonly text: string;
}

/** Runs `open_once.ts` on `path` with these permissions alone. */
export function openInChild(
  path: string,
  permissions: readonly string[],
  { cwd = ROOT, env = {} }: { cwd?: string; env?: Record<string, string> } = {},
): ChildOutput {
  const args = ["run", "--no-prompt", "--no-check", "--config", join(ROOT, "deno.json")];
  const script = runnable("tests/windows/open_once.ts");
  const output = denoCommand({
    args: [...args, ...permissions, script, path],
    cwd,
    env,
    stdin: "null",
  }).outputSync();
  const text = new TextDecoder();
  return {
    code: output.code,
    text: (text.decode(output.stdout) + text.decode(output.stderr)).trim(),
  };
}

function find(): SystemVirtDisk {
  if (Deno.build.os !== "windows") return "elsewhere";
  if (!exports(VIRTDISK, "OpenVirtualDisk")) return "absent";
  if (exports(VIRTDISK, "DoubleReset")) return "double";
  return exports(NTDLL, "wine_get_version") ? "wine" : "windows";
}

function exports(library: string, name: string): boolean {
  try {
    const loaded = Deno.dlopen(library, { [name]: { parameters: [], result: "void" } });
    loaded.close();
    return true;
  } catch (error) {
    // Deno's message for a missing library and for a missing function alike is the system's.
    if (error instanceof Deno.errors.NotCapable) throw error;
    return false;
  }
}
