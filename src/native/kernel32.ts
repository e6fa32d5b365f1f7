/**
 * The functions of kernel32.dll that the native backend needs, declared as the Windows SDK declares
 * them. The comment beside a parameter is its C declaration.
 *
 * @module
 */

/** What `Deno.dlopen` takes. */
export const KERNEL32_FUNCTIONS = {
  CloseHandle: {
    parameters: [
      "u64", // HANDLE hObject
    ],
    result: "i32", // BOOL
  },
  GetLastError: {
    parameters: [],
    result: "u32", // DWORD
  },
  GetFullPathNameW: {
    parameters: [
      "buffer", // LPCWSTR lpFileName
      "u32", // DWORD nBufferLength
      "buffer", // LPWSTR lpBuffer
      "buffer", // LPWSTR* lpFilePart
    ],
    result: "u32", // DWORD
  },
  GetSystemDirectoryW: {
    parameters: [
      "buffer", // LPWSTR lpBuffer
      "u32", // UINT uSize
    ],
    result: "u32", // UINT
  },
  // Returns its first argument; the address is a number here, so that it can be stored in a structure.
  lstrcpynW: {
    parameters: [
      "buffer", // LPWSTR lpString1
      "buffer", // LPCWSTR lpString2
      "i32", // int iMaxLength
    ],
    result: "u64", // LPWSTR
  },
} as const;

/** The functions of kernel32.dll, callable. */
export type Kernel32 = Deno.DynamicLibrary<typeof KERNEL32_FUNCTIONS>["symbols"];
