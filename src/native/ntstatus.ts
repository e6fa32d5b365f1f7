/**
 * The NTSTATUS that OVERLAPPED.Internal holds when a call is over. The function that translates all of
 * them, RtlNtStatusToDosError, is in ntdll.dll, for which scripts would have to grant one more library.
 *
 * @see {@link https://learn.microsoft.com/openspecs/windows_protocols/ms-erref/596a1078-e883-4972-9bbc-49e60bebca55}
 * @module
 */
import { errorCode, type ErrorSymbol } from "../errors/codes.ts";

/** The statuses that requests to a disk end with. */
const SYMBOLS = new Map<number, ErrorSymbol>([
  [0x00000000, "ERROR_SUCCESS"],
  [0x00000103, "ERROR_IO_PENDING"],
  [0xc0000008, "ERROR_INVALID_HANDLE"],
  [0xc000000d, "ERROR_INVALID_PARAMETER"],
  [0xc000000e, "ERROR_FILE_NOT_FOUND"],
  [0xc0000010, "ERROR_INVALID_FUNCTION"],
  [0xc0000011, "ERROR_HANDLE_EOF"],
  [0xc0000022, "ERROR_ACCESS_DENIED"],
  [0xc0000043, "ERROR_SHARING_VIOLATION"],
  [0xc000007f, "ERROR_DISK_FULL"],
  [0xc000009a, "ERROR_NO_SYSTEM_RESOURCES"],
  [0xc00000a2, "ERROR_WRITE_PROTECT"],
  [0xc00000a3, "ERROR_NOT_READY"],
  [0xc00000bb, "ERROR_NOT_SUPPORTED"],
  [0xc0000120, "ERROR_OPERATION_ABORTED"],
  [0xc0000184, "ERROR_BAD_COMMAND"],
  [0xc0000185, "ERROR_IO_DEVICE"],
]);

/** Virtual disks have the same codes in both worlds. */
const FACILITY_MASK = 0xffff0000;
const VIRTUAL_DISK_FACILITY = 0xc03a0000;

/** How a request ended. */
export interface Outcome {
  /** A Win32 code. */
  readonly code: number;
  /** What the code does not say: the number of a status that has no code here. */
  readonly reason?: string;
}

/** STATUS_PENDING: the request goes on. */
export const STATUS_PENDING = 0x103;

/** How a request ended, by its NTSTATUS; one that is not known here is `ERROR_GEN_FAILURE`, with its number. */
export function outcomeOfStatus(status: number): Outcome {
  if ((status & FACILITY_MASK) >>> 0 === VIRTUAL_DISK_FACILITY) return { code: status };
  const symbol = SYMBOLS.get(status);
  if (symbol !== undefined) return { code: errorCode(symbol) };
  const number = `0x${status.toString(16).toUpperCase().padStart(8, "0")}`;
  return {
    code: errorCode("ERROR_GEN_FAILURE"),
    reason: `Windows ended the request with NTSTATUS ${number}`,
  };
}
