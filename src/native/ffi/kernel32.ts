/**
 * The functions of kernel32.dll that the native backend needs, declared as the Windows SDK declares
 * them. The comment beside a parameter is its C declaration.
 *
 * @module
 */

/**
 * What `Deno.dlopen` takes.
 *
 * @category Functions
 */
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
  LoadLibraryW: {
    parameters: [
      "buffer", // LPCWSTR lpLibFileName
    ],
    result: "u64", // HMODULE
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
  CreateEventW: {
    parameters: [
      "buffer", // LPSECURITY_ATTRIBUTES lpEventAttributes
      "i32", // BOOL bManualReset
      "i32", // BOOL bInitialState
      "buffer", // LPCWSTR lpName
    ],
    result: "u64", // HANDLE
  },
  WaitForSingleObject: {
    parameters: [
      "u64", // HANDLE hHandle
      "u32", // DWORD dwMilliseconds
    ],
    result: "u32", // DWORD
  },
  CancelIoEx: {
    parameters: [
      "u64", // HANDLE hFile
      "buffer", // LPOVERLAPPED lpOverlapped
    ],
    result: "i32", // BOOL
  },
  /** The same, of an OVERLAPPED that is not the script's memory. */
  CancelIoExAt: {
    name: "CancelIoEx",
    parameters: [
      "u64", // HANDLE hFile
      "u64", // LPOVERLAPPED lpOverlapped
    ],
    result: "i32", // BOOL
  },
  GetProcessHeap: {
    parameters: [],
    result: "u64", // HANDLE
  },
  HeapAlloc: {
    parameters: [
      "u64", // HANDLE hHeap
      "u32", // DWORD dwFlags
      "usize", // SIZE_T dwBytes
    ],
    result: "u64", // LPVOID
  },
  HeapFree: {
    parameters: [
      "u64", // HANDLE hHeap
      "u32", // DWORD dwFlags
      "u64", // LPVOID lpMem
    ],
    result: "i32", // BOOL
  },
  MoveMemoryTo: {
    name: "RtlMoveMemory",
    parameters: [
      "u64", // VOID* Destination
      "buffer", // const VOID* Source
      "usize", // SIZE_T Length
    ],
    result: "void",
  },
  MoveMemoryFrom: {
    name: "RtlMoveMemory",
    parameters: [
      "buffer", // VOID* Destination
      "u64", // const VOID* Source
      "usize", // SIZE_T Length
    ],
    result: "void",
  },
  ReadFile: {
    parameters: [
      "u64", // HANDLE hFile
      "buffer", // LPVOID lpBuffer
      "u32", // DWORD nNumberOfBytesToRead
      "buffer", // LPDWORD lpNumberOfBytesRead
      "buffer", // LPOVERLAPPED lpOverlapped
    ],
    result: "i32", // BOOL
  },
  WriteFile: {
    parameters: [
      "u64", // HANDLE hFile
      "buffer", // LPCVOID lpBuffer
      "u32", // DWORD nNumberOfBytesToWrite
      "buffer", // LPDWORD lpNumberOfBytesWritten
      "buffer", // LPOVERLAPPED lpOverlapped
    ],
    result: "i32", // BOOL
  },
  CreateFileW: {
    parameters: [
      "buffer", // LPCWSTR lpFileName
      "u32", // DWORD dwDesiredAccess
      "u32", // DWORD dwShareMode
      "buffer", // LPSECURITY_ATTRIBUTES lpSecurityAttributes
      "u32", // DWORD dwCreationDisposition
      "u32", // DWORD dwFlagsAndAttributes
      "u64", // HANDLE hTemplateFile
    ],
    result: "u64", // HANDLE
  },
  // What a volume holds back may be much: not on the thread of the script.
  FlushFileBuffers: {
    parameters: [
      "u64", // HANDLE hFile
    ],
    result: "i32", // BOOL
  },
  FlushFileBuffersAsync: {
    name: "FlushFileBuffers",
    parameters: [
      "u64", // HANDLE hFile
    ],
    result: "i32", // BOOL
    nonblocking: true,
  },
  DeviceIoControl: {
    parameters: [
      "u64", // HANDLE hDevice
      "u32", // DWORD dwIoControlCode
      "buffer", // LPVOID lpInBuffer
      "u32", // DWORD nInBufferSize
      "buffer", // LPVOID lpOutBuffer
      "u32", // DWORD nOutBufferSize
      "buffer", // LPDWORD lpBytesReturned
      "buffer", // LPOVERLAPPED lpOverlapped
    ],
    result: "i32", // BOOL
  },
  GetFileAttributesW: {
    parameters: [
      "buffer", // LPCWSTR lpFileName
    ],
    result: "u32", // DWORD
  },
  DeleteFileW: {
    parameters: [
      "buffer", // LPCWSTR lpFileName
    ],
    result: "i32", // BOOL
  },
  MoveFileExW: {
    parameters: [
      "buffer", // LPCWSTR lpExistingFileName
      "buffer", // LPCWSTR lpNewFileName
      "u32", // DWORD dwFlags
    ],
    result: "i32", // BOOL
  },
  FindFirstVolumeW: {
    parameters: [
      "buffer", // LPWSTR lpszVolumeName
      "u32", // DWORD cchBufferLength
    ],
    result: "u64", // HANDLE
  },
  FindNextVolumeW: {
    parameters: [
      "u64", // HANDLE hFindVolume
      "buffer", // LPWSTR lpszVolumeName
      "u32", // DWORD cchBufferLength
    ],
    result: "i32", // BOOL
  },
  FindVolumeClose: {
    parameters: [
      "u64", // HANDLE hFindVolume
    ],
    result: "i32", // BOOL
  },
  GetVolumePathNamesForVolumeNameW: {
    parameters: [
      "buffer", // LPCWSTR lpszVolumeName
      "buffer", // LPWCH lpszVolumePathNames
      "u32", // DWORD cchBufferLength
      "buffer", // PDWORD lpcchReturnLength
    ],
    result: "i32", // BOOL
  },
  SetVolumeMountPointW: {
    parameters: [
      "buffer", // LPCWSTR lpszVolumeMountPoint
      "buffer", // LPCWSTR lpszVolumeName
    ],
    result: "i32", // BOOL
  },
  DeleteVolumeMountPointW: {
    parameters: [
      "buffer", // LPCWSTR lpszVolumeMountPoint
    ],
    result: "i32", // BOOL
  },
} as const;

/**
 * The functions of kernel32.dll, callable.
 *
 * @category Functions
 */
export type Kernel32 = Deno.DynamicLibrary<typeof KERNEL32_FUNCTIONS>["symbols"];
