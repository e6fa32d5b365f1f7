/**
 * What is for Windows alone.
 *
 * @module
 */
import { VirtualDiskError } from "../../portable.ts";

const ERROR_NOT_SUPPORTED = 50;

/** What the commands need that attach and detach. */
export const LIBRARIES_ALLOWED = [{ kind: "ffi", scope: "what attaches, in Windows" }] as const;

/** Who may attach and detach. */
export const WHO_MAY_ATTACH =
  "A VHD or VHDX needs an elevated prompt; an ISO image needs one on Windows Server only.";

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
      "`virtdisk serve` lets Linux mount it and QEMU boot from it.",
    ],
  });
}
