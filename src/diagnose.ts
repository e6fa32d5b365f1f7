/**
 * Why will it not open or attach?
 *
 * @module
 */
import { nativeBackend } from "./backend.ts";
import { backendOf, checkOptions, toHostPath } from "./disk/arguments.ts";
import {
  DIAGNOSE_OPTIONS,
  type DiagnoseOptions,
  type Diagnosis,
  diagnosisOf,
} from "./disk/finding.ts";
import { realPathOf } from "./portable_doors.ts";

/**
 * Finds out what keeps an image from being opened or attached, and comes to one verdict and one command to
 * type next. Nothing is changed.
 *
 * It looks at what the file is (files of other programs, packed ones and raw disks are named) and whether its
 * name says so; whether it is cut off, and by how many bytes; at everything that `checkVirtualDisk()` looks
 * at, second copies of headers and tables included; whether it can be read and written, and who has it open;
 * its medium, sparseness, compression, encryption, network paths; a log that was left behind; missing or
 * changed parents; sizes that Windows or Azure refuse; and on Windows where it is attached and which privileges
 * this process holds.
 *
 * Needs `--allow-read` for the image and its parents, and for its folder to find a parent that was renamed;
 * `--allow-write` to find out whether the image can be written; on Windows `--allow-ffi` as
 * `openVirtualDisk`, and for `advapi32.dll` to look at privileges.
 *
 * @example Print what is wrong, and what to do
 * ```ts
 * import { createVirtualDisk, diagnose } from "@virtdisk/virtdisk";
 *
 * const folder = await Deno.makeTempDir();
 * const path = `${folder}/disk.vhdx`;
 * (await createVirtualDisk(path, { size: 64 * 1024 * 1024, backend: "portable" })).close();
 * await Deno.truncate(path, 3 * 1024 * 1024); // a download that broke off
 *
 * const { verdict, summary, command, findings } = await diagnose(path, { backend: "portable" });
 * console.log(verdict); // unusable
 * console.log(summary); // Not usable: cut off: 1,048,576 bytes are missing: ...
 * console.log(command); // virtdisk check ...
 * for (const { severity, symbol, remedy } of findings) console.log(severity, symbol, remedy);
 * ```
 *
 * @param path The image.
 * @param options Which backend looks, how to watch and how to cancel.
 * @returns The verdict, and the findings, the worst first. There always is one that says what the file is, or
 * why it cannot be read.
 * @throws {TypeError} If the path is none.
 * @throws {Deno.errors.NotCapable} Without `--allow-read`, or on Windows `--allow-ffi`.
 *
 * @category Operations
 */
export async function diagnose(
  path: string | URL,
  options?: DiagnoseOptions,
): Promise<Diagnosis> {
  const hostPath = toHostPath(path);
  const { signal, onProgress, ...others } = checkOptions(DIAGNOSE_OPTIONS, options, "diagnose");
  const backend = backendOf(others.backend);
  signal?.throwIfAborted();
  const { diagnosePortable } = await import("./portable/operations/diagnose.ts");
  const findings = await diagnosePortable(hostPath, { signal, onProgress });
  const all = backend === "native"
    ? [...findings, ...nativeBackend().diagnoseNative(hostPath, findings)]
    : findings;
  return diagnosisOf(realPathOf(hostPath), all);
}
