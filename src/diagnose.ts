/**
 * Why will it not open or attach?
 *
 * @module
 */
import { BACKEND, backendOf } from "./backend.ts";
import { bySeverity, type Finding } from "./finding.ts";
import { diagnoseNative } from "./native/diagnose.ts";
import { checkOptions, type OptionKinds, toHostPath } from "./arguments.ts";
import { diagnosePortable } from "./portable/diagnose.ts";

/** How to look. */
export interface DiagnoseOptions {
  /**
   * `"native"` asks Windows too: attributes of the file, privileges, whether the image is attached and
   * where. `"auto"` is native on Windows and portable elsewhere.
   *
   * @default {"auto"}
   */
  backend?: "auto" | "native" | "portable" | undefined;
}

const DIAGNOSE_OPTIONS: OptionKinds<DiagnoseOptions> = { backend: BACKEND };

/**
 * Finds out what keeps an image from being opened or attached: what the file is, whether it can be read
 * and written, whether somebody has it open, its medium, sparseness, compression, encryption, network
 * paths, a dirty log, missing or changed parents, broken size rules, and on Windows where it is attached
 * and which privileges this process holds. Nothing is changed.
 *
 * Needs `--allow-read` for the image and its parents; `--allow-write` to find out whether the image can
 * be written; on Windows `--allow-ffi` as `openVirtualDisk`, and for `advapi32.dll` to look at privileges.
 *
 * @example Print what is wrong
 * ```ts
 * import { createVirtualDisk, diagnose } from "@virtdisk/virtdisk";
 *
 * const folder = await Deno.makeTempDir();
 * (await createVirtualDisk(`${folder}/base.vhdx`, { size: 64 * 1024 * 1024 })).close();
 * (await createVirtualDisk(`${folder}/child.vhdx`, { parent: `${folder}/base.vhdx` })).close();
 * await Deno.remove(`${folder}/base.vhdx`);
 *
 * for (const { severity, symbol, remedy } of await diagnose(`${folder}/child.vhdx`)) {
 *   if (severity === "error") console.log(symbol, remedy); // ERROR_VHD_PARENT_VHD_NOT_FOUND ...
 * }
 * ```
 *
 * @param path The image.
 * @param options Which backend looks.
 * @returns The findings, the worst first. There always is one that says what the file is, or why it
 * cannot be read.
 * @throws {TypeError} Where the path is none.
 * @throws {Deno.errors.NotCapable} Without `--allow-read`, or on Windows `--allow-ffi`.
 */
// deno-lint-ignore require-await -- asynchronous by contract: a share far away takes its time
export async function diagnose(
  path: string | URL,
  options?: DiagnoseOptions,
): Promise<Finding[]> {
  const hostPath = toHostPath(path);
  const backend = backendOf(checkOptions(DIAGNOSE_OPTIONS, options, "diagnose").backend);
  const findings = diagnosePortable(hostPath);
  return bySeverity(
    backend === "native" ? [...findings, ...diagnoseNative(hostPath, findings)] : findings,
  );
}
