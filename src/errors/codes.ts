/**
 * The error codes that VirtDisk.dll and the portable backend return: winerror.h's symbols and numbers,
 * each with what it means in a word.
 *
 * @module
 */
import { formatCode } from "../text/error_code.ts";

/**
 * The name of an error code in winerror.h, for example `"ERROR_FILE_CORRUPT"`; a code that has no name here is its
 * number in hexadecimal, for example `"0xC03A00FF"`. A name that is mistyped is an error of the compiler.
 *
 * @category Errors
 */
export type ErrorSymbol =
  | "ERROR_SUCCESS"
  | "ERROR_INVALID_FUNCTION"
  | "ERROR_FILE_NOT_FOUND"
  | "ERROR_PATH_NOT_FOUND"
  | "ERROR_TOO_MANY_OPEN_FILES"
  | "ERROR_ACCESS_DENIED"
  | "ERROR_INVALID_HANDLE"
  | "ERROR_NOT_ENOUGH_MEMORY"
  | "ERROR_INVALID_DATA"
  | "ERROR_OUTOFMEMORY"
  | "ERROR_WRITE_PROTECT"
  | "ERROR_BAD_UNIT"
  | "ERROR_NOT_READY"
  | "ERROR_BAD_COMMAND"
  | "ERROR_CRC"
  | "ERROR_SEEK"
  | "ERROR_SECTOR_NOT_FOUND"
  | "ERROR_WRITE_FAULT"
  | "ERROR_READ_FAULT"
  | "ERROR_GEN_FAILURE"
  | "ERROR_SHARING_VIOLATION"
  | "ERROR_LOCK_VIOLATION"
  | "ERROR_HANDLE_EOF"
  | "ERROR_HANDLE_DISK_FULL"
  | "ERROR_NOT_SUPPORTED"
  | "ERROR_BAD_NETPATH"
  | "ERROR_DEV_NOT_EXIST"
  | "ERROR_FILE_EXISTS"
  | "ERROR_INVALID_PARAMETER"
  | "ERROR_DISK_FULL"
  | "ERROR_CALL_NOT_IMPLEMENTED"
  | "ERROR_SEM_TIMEOUT"
  | "ERROR_INSUFFICIENT_BUFFER"
  | "ERROR_INVALID_NAME"
  | "ERROR_INVALID_LEVEL"
  | "ERROR_MOD_NOT_FOUND"
  | "ERROR_PROC_NOT_FOUND"
  | "ERROR_NEGATIVE_SEEK"
  | "ERROR_BAD_ARGUMENTS"
  | "ERROR_BAD_PATHNAME"
  | "ERROR_BUSY"
  | "ERROR_ALREADY_EXISTS"
  | "ERROR_FILENAME_EXCED_RANGE"
  | "ERROR_MORE_DATA"
  | "ERROR_NO_MORE_ITEMS"
  | "ERROR_DIRECTORY"
  | "ERROR_DEVICE_FEATURE_NOT_SUPPORTED"
  | "ERROR_OFFSET_ALIGNMENT_VIOLATION"
  | "ERROR_NO_SUCH_DEVICE"
  | "ERROR_INVALID_ADDRESS"
  | "ERROR_ARITHMETIC_OVERFLOW"
  | "ERROR_UNSUPPORTED_COMPRESSION"
  | "ERROR_FILE_SYSTEM_LIMITATION"
  | "ERROR_REQUEST_OUT_OF_SEQUENCE"
  | "ERROR_OPERATION_ABORTED"
  | "ERROR_IO_INCOMPLETE"
  | "ERROR_IO_PENDING"
  | "ERROR_NOACCESS"
  | "ERROR_INVALID_FLAGS"
  | "ERROR_UNRECOGNIZED_VOLUME"
  | "ERROR_FILE_INVALID"
  | "ERROR_IO_DEVICE"
  | "ERROR_NOT_FOUND"
  | "ERROR_CANCELLED"
  | "ERROR_RETRY"
  | "ERROR_ALREADY_INITIALIZED"
  | "ERROR_PRIVILEGE_NOT_HELD"
  | "ERROR_FILE_CORRUPT"
  | "ERROR_DISK_CORRUPT"
  | "ERROR_NO_SYSTEM_RESOURCES"
  | "ERROR_WORKING_SET_QUOTA"
  | "ERROR_TIMEOUT"
  | "ERROR_INCORRECT_SIZE"
  | "ERROR_INVALID_USER_BUFFER"
  | "ERROR_UNRECOGNIZED_MEDIA"
  | "ERROR_NOT_ENOUGH_QUOTA"
  | "ERROR_DEVICE_IN_USE"
  | "ERROR_NOT_A_REPARSE_POINT"
  | "ERROR_INVALID_STATE"
  | "ERROR_ENCRYPTION_FAILED"
  | "ERROR_FILE_ENCRYPTED"
  | "ERROR_QUERY_STORAGE_ERROR"
  | "ERROR_VHD_DRIVE_FOOTER_MISSING"
  | "ERROR_VHD_DRIVE_FOOTER_CHECKSUM_MISMATCH"
  | "ERROR_VHD_DRIVE_FOOTER_CORRUPT"
  | "ERROR_VHD_FORMAT_UNKNOWN"
  | "ERROR_VHD_FORMAT_UNSUPPORTED_VERSION"
  | "ERROR_VHD_SPARSE_HEADER_CHECKSUM_MISMATCH"
  | "ERROR_VHD_SPARSE_HEADER_UNSUPPORTED_VERSION"
  | "ERROR_VHD_SPARSE_HEADER_CORRUPT"
  | "ERROR_VHD_BLOCK_ALLOCATION_FAILURE"
  | "ERROR_VHD_BLOCK_ALLOCATION_TABLE_CORRUPT"
  | "ERROR_VHD_INVALID_BLOCK_SIZE"
  | "ERROR_VHD_BITMAP_MISMATCH"
  | "ERROR_VHD_PARENT_VHD_NOT_FOUND"
  | "ERROR_VHD_CHILD_PARENT_ID_MISMATCH"
  | "ERROR_VHD_CHILD_PARENT_TIMESTAMP_MISMATCH"
  | "ERROR_VHD_METADATA_READ_FAILURE"
  | "ERROR_VHD_METADATA_WRITE_FAILURE"
  | "ERROR_VHD_INVALID_SIZE"
  | "ERROR_VHD_INVALID_FILE_SIZE"
  | "ERROR_VIRTDISK_PROVIDER_NOT_FOUND"
  | "ERROR_VIRTDISK_NOT_VIRTUAL_DISK"
  | "ERROR_VHD_PARENT_VHD_ACCESS_DENIED"
  | "ERROR_VHD_CHILD_PARENT_SIZE_MISMATCH"
  | "ERROR_VHD_DIFFERENCING_CHAIN_CYCLE_DETECTED"
  | "ERROR_VHD_DIFFERENCING_CHAIN_ERROR_IN_PARENT"
  | "ERROR_VIRTUAL_DISK_LIMITATION"
  | "ERROR_VHD_INVALID_TYPE"
  | "ERROR_VHD_INVALID_STATE"
  | "ERROR_VIRTDISK_UNSUPPORTED_DISK_SECTOR_SIZE"
  | "ERROR_VIRTDISK_DISK_ALREADY_OWNED"
  | "ERROR_VIRTDISK_DISK_ONLINE_AND_WRITABLE"
  | "ERROR_CTLOG_TRACKING_NOT_INITIALIZED"
  | "ERROR_CTLOG_LOGFILE_SIZE_EXCEEDED_MAXSIZE"
  | "ERROR_CTLOG_VHD_CHANGED_OFFLINE"
  | "ERROR_CTLOG_INVALID_TRACKING_STATE"
  | "ERROR_CTLOG_INCONSISTENT_TRACKING_FILE"
  | "ERROR_VHD_RESIZE_WOULD_TRUNCATE_DATA"
  | "ERROR_VHD_COULD_NOT_COMPUTE_MINIMUM_VIRTUAL_SIZE"
  | "ERROR_VHD_ALREADY_AT_OR_BELOW_MINIMUM_VIRTUAL_SIZE"
  | "ERROR_VHD_METADATA_FULL"
  | "ERROR_VHD_INVALID_CHANGE_TRACKING_ID"
  | "ERROR_VHD_CHANGE_TRACKING_DISABLED"
  | "ERROR_VHD_MISSING_CHANGE_TRACKING_INFORMATION"
  | `0x${string}`;

type KnownSymbol = Exclude<ErrorSymbol, `0x${string}`>;

/** Number and meaning of each code. */
const TABLE: Readonly<Record<KnownSymbol, readonly [number, string]>> = {
  ERROR_SUCCESS: [0, "the operation succeeded"],
  ERROR_INVALID_FUNCTION: [1, "the driver does not know the request"],
  ERROR_FILE_NOT_FOUND: [2, "the file does not exist"],
  ERROR_PATH_NOT_FOUND: [3, "a folder of the path does not exist"],
  ERROR_TOO_MANY_OPEN_FILES: [4, "too many files are open"],
  ERROR_ACCESS_DENIED: [5, "access is denied"],
  ERROR_INVALID_HANDLE: [6, "the handle is not open"],
  ERROR_NOT_ENOUGH_MEMORY: [8, "out of memory"],
  ERROR_INVALID_DATA: [13, "the data are not valid"],
  ERROR_OUTOFMEMORY: [14, "out of memory"],
  ERROR_WRITE_PROTECT: [19, "medium is write-protected"],
  ERROR_BAD_UNIT: [20, "no such device"],
  ERROR_NOT_READY: [21, "the device is not ready"],
  ERROR_BAD_COMMAND: [22, "the command does not fit the present state"],
  ERROR_CRC: [23, "a checksum of the device did not match"],
  ERROR_SEEK: [25, "the position does not exist on the device"],
  ERROR_SECTOR_NOT_FOUND: [27, "a sector was not found"],
  ERROR_WRITE_FAULT: [29, "the device could not be written"],
  ERROR_READ_FAULT: [30, "the device could not be read"],
  ERROR_GEN_FAILURE: [31, "the device or file system does not work"],
  ERROR_SHARING_VIOLATION: [32, "the file is in use in an incompatible way"],
  ERROR_LOCK_VIOLATION: [33, "part of the file is locked by another process"],
  ERROR_HANDLE_EOF: [38, "the end of the file was reached"],
  ERROR_HANDLE_DISK_FULL: [39, "the volume is full"],
  ERROR_NOT_SUPPORTED: [50, "the request is not supported here"],
  ERROR_BAD_NETPATH: [53, "the network path was not found"],
  ERROR_DEV_NOT_EXIST: [55, "device not there"],
  ERROR_FILE_EXISTS: [80, "the file exists already"],
  ERROR_INVALID_PARAMETER: [87, "an argument is not acceptable"],
  ERROR_DISK_FULL: [112, "the volume is full"],
  ERROR_CALL_NOT_IMPLEMENTED: [120, "the function is not there on this system"],
  ERROR_SEM_TIMEOUT: [121, "the wait timed out"],
  ERROR_INSUFFICIENT_BUFFER: [122, "buffer too small, size returned"],
  ERROR_INVALID_NAME: [123, "the file name is not legal"],
  ERROR_INVALID_LEVEL: [124, "the request is not of a known kind"],
  ERROR_MOD_NOT_FOUND: [126, "the library was not found"],
  ERROR_PROC_NOT_FOUND: [127, "the library does not export the function"],
  ERROR_NEGATIVE_SEEK: [131, "the position lies before the start of the file"],
  ERROR_BAD_ARGUMENTS: [160, "the arguments are not acceptable"],
  ERROR_BAD_PATHNAME: [161, "the path is not legal"],
  ERROR_BUSY: [170, "the resource is in use"],
  ERROR_ALREADY_EXISTS: [183, "the object exists already"],
  ERROR_FILENAME_EXCED_RANGE: [206, "the path is too long"],
  ERROR_MORE_DATA: [234, "more data than fits"],
  ERROR_NO_MORE_ITEMS: [259, "nothing further"],
  ERROR_DIRECTORY: [267, "the directory name is not valid"],
  ERROR_DEVICE_FEATURE_NOT_SUPPORTED: [316, "the device does not have that feature"],
  ERROR_OFFSET_ALIGNMENT_VIOLATION: [327, "the offset is not aligned"],
  ERROR_NO_SUCH_DEVICE: [433, "the device does not exist"],
  ERROR_INVALID_ADDRESS: [487, "the memory address is not valid"],
  ERROR_ARITHMETIC_OVERFLOW: [534, "a result does not fit in 32 bits"],
  ERROR_UNSUPPORTED_COMPRESSION: [618, "the file is compressed in a way that is not acceptable"],
  ERROR_FILE_SYSTEM_LIMITATION: [665, "the file system cannot do it"],
  ERROR_REQUEST_OUT_OF_SEQUENCE: [776, "the request came out of order"],
  ERROR_OPERATION_ABORTED: [995, "operation cancelled"],
  ERROR_IO_INCOMPLETE: [996, "not finished yet"],
  ERROR_IO_PENDING: [997, "started, not finished"],
  ERROR_NOACCESS: [998, "bad memory address"],
  ERROR_INVALID_FLAGS: [1004, "the flags are not valid"],
  ERROR_UNRECOGNIZED_VOLUME: [1005, "the volume holds no known file system"],
  ERROR_FILE_INVALID: [1006, "the file was changed from outside and is no longer valid"],
  ERROR_IO_DEVICE: [1117, "an I/O error occurred on the device"],
  ERROR_NOT_FOUND: [1168, "element not found"],
  ERROR_CANCELLED: [1223, "cancelled by the user"],
  ERROR_RETRY: [1237, "the operation could not be completed; try again"],
  ERROR_ALREADY_INITIALIZED: [1247, "it has been initialized already"],
  ERROR_PRIVILEGE_NOT_HELD: [1314, "a privilege is missing"],
  ERROR_FILE_CORRUPT: [1392, "the file is damaged"],
  ERROR_DISK_CORRUPT: [1393, "the disk structure is damaged"],
  ERROR_NO_SYSTEM_RESOURCES: [1450, "the system is short of resources"],
  ERROR_WORKING_SET_QUOTA: [1453, "the memory quota of the process is exhausted"],
  ERROR_TIMEOUT: [1460, "the time ran out"],
  ERROR_INCORRECT_SIZE: [1462, "the size is not the expected one"],
  ERROR_INVALID_USER_BUFFER: [1784, "the buffer is not valid for the request"],
  ERROR_UNRECOGNIZED_MEDIA: [1785, "the medium is not recognised"],
  ERROR_NOT_ENOUGH_QUOTA: [1816, "the quota is exhausted"],
  ERROR_DEVICE_IN_USE: [2404, "the device is in use"],
  ERROR_NOT_A_REPARSE_POINT: [4390, "the file is not a reparse point"],
  ERROR_INVALID_STATE: [5023, "the state does not allow the operation"],
  ERROR_ENCRYPTION_FAILED: [6000, "the file could not be encrypted"],
  ERROR_FILE_ENCRYPTED: [6002, "the file is encrypted"],
  ERROR_QUERY_STORAGE_ERROR: [0x803a0001, "the storage virtualisation layer reported an error"],
  ERROR_VHD_DRIVE_FOOTER_MISSING: [0xc03a0001, "VHD has no footer"],
  ERROR_VHD_DRIVE_FOOTER_CHECKSUM_MISMATCH: [0xc03a0002, "VHD footer checksum wrong"],
  ERROR_VHD_DRIVE_FOOTER_CORRUPT: [0xc03a0003, "VHD footer contents not valid"],
  ERROR_VHD_FORMAT_UNKNOWN: [0xc03a0004, "file format not recognised"],
  ERROR_VHD_FORMAT_UNSUPPORTED_VERSION: [0xc03a0005, "format version not supported"],
  ERROR_VHD_SPARSE_HEADER_CHECKSUM_MISMATCH: [0xc03a0006, "dynamic header checksum wrong"],
  ERROR_VHD_SPARSE_HEADER_UNSUPPORTED_VERSION: [0xc03a0007, "dynamic header version not supported"],
  ERROR_VHD_SPARSE_HEADER_CORRUPT: [0xc03a0008, "dynamic header contents not valid"],
  ERROR_VHD_BLOCK_ALLOCATION_FAILURE: [0xc03a0009, "a new block could not be allocated on write"],
  ERROR_VHD_BLOCK_ALLOCATION_TABLE_CORRUPT: [0xc03a000a, "block table not valid"],
  ERROR_VHD_INVALID_BLOCK_SIZE: [0xc03a000b, "block size not acceptable"],
  ERROR_VHD_BITMAP_MISMATCH: [0xc03a000c, "sector bitmap disagrees with block data"],
  ERROR_VHD_PARENT_VHD_NOT_FOUND: [0xc03a000d, "parent file not found"],
  ERROR_VHD_CHILD_PARENT_ID_MISMATCH: [0xc03a000e, "parent's id is not the one the child expects"],
  ERROR_VHD_CHILD_PARENT_TIMESTAMP_MISMATCH: [
    0xc03a000f,
    "parent's time stamp is not the expected one",
  ],
  ERROR_VHD_METADATA_READ_FAILURE: [0xc03a0010, "metadata could not be read"],
  ERROR_VHD_METADATA_WRITE_FAILURE: [0xc03a0011, "metadata could not be written"],
  ERROR_VHD_INVALID_SIZE: [0xc03a0012, "virtual size not acceptable"],
  ERROR_VHD_INVALID_FILE_SIZE: [0xc03a0013, "file length not acceptable"],
  ERROR_VIRTDISK_PROVIDER_NOT_FOUND: [0xc03a0014, "no provider for this file"],
  ERROR_VIRTDISK_NOT_VIRTUAL_DISK: [0xc03a0015, "the disk is not a virtual disk"],
  ERROR_VHD_PARENT_VHD_ACCESS_DENIED: [0xc03a0016, "no right to the parent file"],
  ERROR_VHD_CHILD_PARENT_SIZE_MISMATCH: [0xc03a0017, "parent and child differ in virtual size"],
  ERROR_VHD_DIFFERENCING_CHAIN_CYCLE_DETECTED: [0xc03a0018, "a disk is its own ancestor"],
  ERROR_VHD_DIFFERENCING_CHAIN_ERROR_IN_PARENT: [0xc03a0019, "an ancestor failed to open"],
  ERROR_VIRTUAL_DISK_LIMITATION: [0xc03a001a, "host file cannot carry an image"],
  ERROR_VHD_INVALID_TYPE: [0xc03a001b, "operation does not fit this kind of disk"],
  ERROR_VHD_INVALID_STATE: [0xc03a001c, "operation does not fit the present state"],
  ERROR_VIRTDISK_UNSUPPORTED_DISK_SECTOR_SIZE: [
    0xc03a001d,
    "sector size of the host disk not supported",
  ],
  ERROR_VIRTDISK_DISK_ALREADY_OWNED: [0xc03a001e, "the source disk has another owner"],
  ERROR_VIRTDISK_DISK_ONLINE_AND_WRITABLE: [0xc03a001f, "disk must be offline or read-only"],
  ERROR_CTLOG_TRACKING_NOT_INITIALIZED: [0xc03a0020, "change tracking was never started"],
  ERROR_CTLOG_LOGFILE_SIZE_EXCEEDED_MAXSIZE: [0xc03a0021, "tracking file too large"],
  ERROR_CTLOG_VHD_CHANGED_OFFLINE: [0xc03a0022, "image changed behind the tracker's back"],
  ERROR_CTLOG_INVALID_TRACKING_STATE: [0xc03a0023, "tracking state does not allow it"],
  ERROR_CTLOG_INCONSISTENT_TRACKING_FILE: [0xc03a0024, "tracking file not valid"],
  ERROR_VHD_RESIZE_WOULD_TRUNCATE_DATA: [0xc03a0025, "shrink would cut data"],
  ERROR_VHD_COULD_NOT_COMPUTE_MINIMUM_VIRTUAL_SIZE: [0xc03a0026, "smallest safe size unknown"],
  ERROR_VHD_ALREADY_AT_OR_BELOW_MINIMUM_VIRTUAL_SIZE: [0xc03a0027, "cannot shrink further"],
  ERROR_VHD_METADATA_FULL: [0xc03a0028, "no room for the item"],
  ERROR_VHD_INVALID_CHANGE_TRACKING_ID: [0xc03a0029, "tracking id not valid"],
  ERROR_VHD_CHANGE_TRACKING_DISABLED: [0xc03a002a, "tracking is off"],
  ERROR_VHD_MISSING_CHANGE_TRACKING_INFORMATION: [0xc03a0030, "no tracking data for that id"],
};

const SYMBOL_BY_CODE = new Map<number, KnownSymbol>();
for (const symbol of Object.keys(TABLE) as KnownSymbol[]) {
  SYMBOL_BY_CODE.set(TABLE[symbol][0], symbol);
}

/** The number of a symbol: `errorCode("ERROR_FILE_CORRUPT")` is 1392. */
export function errorCode(symbol: ErrorSymbol): number {
  return isNumber(symbol) ? Number(symbol) : TABLE[symbol][0];
}

function isNumber(symbol: ErrorSymbol): symbol is `0x${string}` {
  return symbol.startsWith("0x");
}

/** All symbols that are names, in the order of their numbers. */
export function errorSymbols(): KnownSymbol[] {
  return [...SYMBOL_BY_CODE.values()];
}

/** The symbol of a code that has one here. */
export function knownSymbol(code: number): KnownSymbol | undefined {
  return SYMBOL_BY_CODE.get(code);
}

/** The symbol of a code, or the number in hexadecimal if the code has no name here. */
export function errorSymbol(code: number): ErrorSymbol {
  return SYMBOL_BY_CODE.get(code) ?? formatCode(code, true);
}

/** What a code means, in a few words. */
export function errorMeaning(code: number): string {
  const symbol = SYMBOL_BY_CODE.get(code);
  return symbol === undefined ? "the system gave a code that has no name here" : TABLE[symbol][1];
}
