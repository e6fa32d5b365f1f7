/** Why an image does not open or attach, by what Windows says of it. */
import type { Finding } from "../disk/finding.ts";
import { diagnoseOpening } from "./diagnose_opening.ts";
import { diagnosePlace } from "./diagnose_place.ts";
import { diagnosePrivileges } from "./diagnose_privileges.ts";
import { fullPath } from "./full_path.ts";
import { type Libraries, systemLibraries } from "./library.ts";

/**
 * Asks Windows about an image. Nothing is changed.
 *
 * @param known What was found already: the same error of the same file is not told twice.
 * @throws {VirtualDiskError} `ERROR_NOT_SUPPORTED` off Windows.
 * @throws {Deno.errors.NotCapable} Without `--allow-ffi`.
 */
export function diagnoseNative(
  path: string,
  known: readonly Finding[],
  libraries: Libraries = systemLibraries(),
): Finding[] {
  const { kernel32 } = libraries;
  const full = fullPath(kernel32, path, "OpenVirtualDisk");
  const place = diagnosePlace(full, kernel32);
  const errors = [...known, ...place].filter(({ severity }) => severity === "error");
  const told = new Set(errors.map(({ code }) => code));
  return [
    ...place,
    ...diagnoseOpening(full, libraries, known.some(({ subject }) => subject === "log"))
      .filter(({ severity, code }) => severity !== "error" || !told.has(code)),
    // A library that stands in for VirtDisk.dll elsewhere has no process of Windows around it.
    ...(Deno.build.os === "windows" ? diagnosePrivileges(full, kernel32) : []),
  ];
}
