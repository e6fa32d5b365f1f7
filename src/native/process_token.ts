/** What this process may do: its token, asked through advapi32.dll. */
import { VirtualDiskError } from "../errors/error.ts";
import { Handle } from "./call/handle.ts";
import type { Kernel32 } from "./ffi/kernel32.ts";
import { wideString } from "./ffi/text.ts";

/** What `Deno.dlopen` takes. */
export const ADVAPI32_FUNCTIONS = {
  OpenProcessToken: {
    parameters: [
      "u64", // HANDLE ProcessHandle
      "u32", // DWORD DesiredAccess
      "buffer", // PHANDLE TokenHandle
    ],
    result: "i32", // BOOL
  },
  GetTokenInformation: {
    parameters: [
      "u64", // HANDLE TokenHandle
      "i32", // TOKEN_INFORMATION_CLASS TokenInformationClass
      "buffer", // LPVOID TokenInformation
      "u32", // DWORD TokenInformationLength
      "buffer", // PDWORD ReturnLength
    ],
    result: "i32", // BOOL
  },
  LookupPrivilegeValueW: {
    parameters: [
      "buffer", // LPCWSTR lpSystemName
      "buffer", // LPCWSTR lpName
      "buffer", // PLUID lpLuid
    ],
    result: "i32", // BOOL
  },
} as const;

/** The functions of advapi32.dll, callable. */
export type Advapi32 = Deno.DynamicLibrary<typeof ADVAPI32_FUNCTIONS>["symbols"];

/** What matters for virtual disks. */
export interface ProcessRights {
  /** Whether the process runs elevated, as an administrator. */
  readonly elevated: boolean;
  /** Whether it holds SeManageVolumePrivilege, enabled or not: AttachVirtualDisk needs it. */
  readonly manageVolume: boolean;
}

/** What GetCurrentProcess returns: the same in every process. */
const CURRENT_PROCESS = 0xffff_ffff_ffff_ffffn;
const TOKEN_QUERY = 8;
const TOKEN_PRIVILEGES_CLASS = 3;
const TOKEN_ELEVATION_CLASS = 20;
const SE_MANAGE_VOLUME_NAME = "SeManageVolumePrivilege";
const LUID_SIZE = 8;
/** TOKEN_PRIVILEGES: PrivilegeCount, then LUID_AND_ATTRIBUTES (Luid, Attributes). */
const PRIVILEGES = { count: 0, first: 4, size: 12, most: 128 } as const;

/**
 * Asks what this process may do.
 *
 * @throws {VirtualDiskError} As the functions of advapi32.dll say.
 */
export function processRights(advapi32: Advapi32, kernel32: Kernel32): ProcessRights {
  const check = (result: number, operation: string) => {
    if (result === 0) throw new VirtualDiskError(kernel32.GetLastError(), operation);
  };
  const value = new BigUint64Array(1);
  check(advapi32.OpenProcessToken(CURRENT_PROCESS, TOKEN_QUERY, value), "OpenProcessToken");
  using token = new Handle(kernel32, value[0]!);
  const ask = (kind: number, size: number): DataView<ArrayBuffer> => {
    const answer = new DataView(new ArrayBuffer(size));
    const given = new Uint32Array(1);
    const { value } = token;
    check(advapi32.GetTokenInformation(value, kind, answer, size, given), "GetTokenInformation");
    return answer;
  };
  const elevated = ask(TOKEN_ELEVATION_CLASS, 4).getUint32(0, true) !== 0;
  const wanted = new BigUint64Array(1);
  const name = wideString(SE_MANAGE_VOLUME_NAME);
  check(advapi32.LookupPrivilegeValueW(null, name, wanted), "LookupPrivilegeValueW");
  const { first, size, most } = PRIVILEGES;
  const held = ask(TOKEN_PRIVILEGES_CLASS, first + most * size);
  const count = Math.min(held.getUint32(PRIVILEGES.count, true), most);
  const manageVolume = Array.from({ length: count }, (_, i) => first + i * size)
    .some((offset) => luidAt(held, offset) === wanted[0]);
  return { elevated, manageVolume };
}

/** A LUID lies at a multiple of 4 only. */
function luidAt(view: DataView<ArrayBuffer>, offset: number): bigint {
  return new DataView(view.buffer, offset, LUID_SIZE).getBigUint64(0, true);
}
