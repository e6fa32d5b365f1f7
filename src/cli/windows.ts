/**
 * What the command line does otherwise on Windows.
 *
 * @module
 */
import { VirtualDiskError } from "../../mod.ts";

const ERROR_NOT_SUPPORTED = 50;

/**
 * Says on other systems what can be done there.
 *
 * @throws {VirtualDiskError} `ERROR_NOT_SUPPORTED` off Windows.
 */
export function assertWindows(operation: string, path?: string): void {
  if (Deno.build.os === "windows") return;
  throw new VirtualDiskError(ERROR_NOT_SUPPORTED, operation, {
    ...(path === undefined ? {} : { path }),
    reason: "only Windows attaches disks",
    causes: [
      "Without attaching, `virtdisk read` and `virtdisk write` reach a disk's bytes here, and " +
      "`virtdisk convert` makes a raw disk of it.",
    ],
  });
}

/** Where nearly every Windows has them; elsewhere `--backend native` asks for them. */
const LIBRARIES = ["virtdisk.dll", "kernel32.dll"].map((name) => `C:\\Windows\\System32\\${name}`);

/** What allows to ask Windows. */
export const WINDOWS_FLAG = `--allow-ffi=${LIBRARIES}`;

/** The native backend on Windows, if its libraries may be loaded; else the portable one, and nobody is asked. */
export function defaultBackend(): "native" | "portable" {
  const isAllowed = Deno.build.os === "windows" &&
    LIBRARIES.every((path) =>
      Deno.permissions.querySync({ name: "ffi", path }).state === "granted"
    );
  return isAllowed ? "native" : "portable";
}
