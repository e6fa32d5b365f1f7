/** What this process lacks to attach images. */
import { extname } from "@std/path";
import { VirtualDiskError } from "../errors/error.ts";
import { failureFinding, type Finding, finding } from "../disk/finding.ts";
import { systemDirectory } from "./full_path.ts";
import type { Kernel32 } from "./kernel32.ts";
import { ADVAPI32_FUNCTIONS, type ProcessRights, processRights } from "./process_token.ts";

/** Looks at the privileges of this process, where that is allowed. */
export function diagnosePrivileges(path: string, kernel32: Kernel32): Finding[] {
  const library = `${systemDirectory(kernel32)}\\advapi32.dll`;
  if (Deno.permissions.querySync({ name: "ffi", path: library }).state !== "granted") {
    return [
      finding("info", "privilege", path, "the privileges of this process were not looked at", {
        remedy: `Allow it: --allow-ffi for ${library} too.`,
      }),
    ];
  }
  const advapi32 = Deno.dlopen(library, ADVAPI32_FUNCTIONS);
  try {
    return privilegeFindings(path, processRights(advapi32.symbols, kernel32));
  } catch (error) {
    if (!(error instanceof VirtualDiskError)) throw error;
    return [failureFinding("info", "privilege", path, error)];
  } finally {
    advapi32.close();
  }
}

/** What rights make of it. */
export function privilegeFindings(path: string, rights: ProcessRights): Finding[] {
  const { elevated, manageVolume } = rights;
  const user = elevated ? "runs elevated" : "does not run elevated";
  if (!manageVolume && extname(path).toLowerCase() === ".iso") {
    return [
      finding(
        "info",
        "privilege",
        path,
        `this process ${user}, which an ISO image needs on Windows Server only`,
      ),
    ];
  }
  return manageVolume
    ? [
      finding("info", "privilege", path, `this process ${user} and holds SeManageVolumePrivilege`),
    ]
    : [
      finding(
        "warning",
        "privilege",
        path,
        `this process ${user} and lacks SeManageVolumePrivilege`,
        {
          symbol: "ERROR_PRIVILEGE_NOT_HELD",
          remedy: elevated
            ? "To attach, give this user the right to perform volume maintenance tasks (secpol.msc)."
            : "To attach, run it as an administrator. Opening and inspecting need no privilege.",
          ...(elevated ? {} : { command: "Start-Process powershell -Verb RunAs" }),
        },
      ),
    ];
}
