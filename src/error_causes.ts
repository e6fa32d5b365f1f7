/**
 * What usually brings an error code about in an operation, and what to do: the knowledge that the
 * codes alone do not give. Sources: the Microsoft page of each function, and the behaviour noted in
 * the page of the flag or structure concerned.
 *
 * @module
 */
import { DRIVER_CAUSES } from "./driver_error_causes.ts";
import { type ErrorSymbol, errorSymbol } from "./error_codes.ts";
import { OPERATION_CAUSES } from "./operation_error_causes.ts";

/** Causes by code, the likeliest first. */
export type Causes = Partial<Record<ErrorSymbol, readonly string[]>>;

/** Causes that hold in every operation. */
const GENERAL: Causes = {
  ERROR_INVALID_HANDLE: ["The disk was closed before this call: use it inside the `using` scope."],
  ERROR_TOO_MANY_OPEN_FILES: ["The process has too many files open: close disks with `using`."],
  ERROR_DISK_FULL: ["The volume of the image file is full: free space or use another volume."],
  ERROR_MOD_NOT_FOUND: [
    "VirtDisk.dll is missing from this Windows (trimmed or container editions leave it out): " +
    'use { backend: "portable" }.',
  ],
  ERROR_CALL_NOT_IMPLEMENTED: ["This Windows is older than the function."],
  ERROR_IO_DEVICE: ["The disk that holds the image reports an I/O error: look at its health."],
  ERROR_VHD_INVALID_TYPE: [
    "The request does not fit this kind of disk, for example a parent asked of a disk without one.",
  ],
  ERROR_VHD_INVALID_STATE: ["The disk is not in a state that allows it."],
};

/** Causes in OpenVirtualDisk. */
const OPEN: Causes = {
  ERROR_FILE_NOT_FOUND: ["No file has that name: check the path and the current directory."],
  ERROR_PATH_NOT_FOUND: ["A folder of the path, or its drive, does not exist."],
  ERROR_ACCESS_DENIED: [
    "This user has no right to the file, or it is read-only and was opened for writing: " +
    "open it with { readOnly: true } or change its permissions.",
    "The disk is permanently attached by another handle: open it with the `detach` access right, " +
    "and without write access if it was attached from a read-only open.",
    "An ISO image was opened for writing: it can only be read.",
    "The path is a folder.",
  ],
  ERROR_SHARING_VIOLATION: [
    "The image is open or attached elsewhere in an incompatible way: close it there, detach it, or " +
    "open it with { getInfoOnly: true }.",
    "A virtual machine, a backup program or an indexer holds the file; shortly after a detach " +
    "Windows itself may, for some seconds.",
  ],
  ERROR_NOT_SUPPORTED: ["The backend, or this version of Windows, cannot do what was asked."],
  ERROR_INVALID_PARAMETER: [
    "The storage type or the path is missing.",
    "The access mask has bits outside VIRTUAL_DISK_ACCESS_ALL, or a flag is not known to this system.",
    "The parameters are of a version other than 1, 2 or 3 (3 needs Windows 10).",
    "Access rights were combined with readOnly, getInfoOnly, resiliencyGuid or snapshotId: " +
    "version 2 and 3 opens take no access mask.",
  ],
  ERROR_INVALID_NAME: ["The file name has characters that are not allowed."],
  ERROR_FILENAME_EXCED_RANGE: [
    "A name in the path, or the whole path, is longer than the system allows.",
  ],
  ERROR_UNSUPPORTED_COMPRESSION: [
    "The image lies on a compressed volume or folder: switch NTFS compression off for the file " +
    '(`compact /u`), move it, or open it with the flag "support-compressed-volumes".',
  ],
  ERROR_FILE_SYSTEM_LIMITATION: [
    "The path leads through a network share back to this machine: use the local path.",
  ],
  ERROR_PRIVILEGE_NOT_HELD: [
    "The process lacks the privilege to manage volumes (SeManageVolumePrivilege): run it elevated, " +
    "as an administrator.",
  ],
  ERROR_FILE_CORRUPT: [
    "An ISO image must be a multiple of 2048 bytes long: the file is cut off or is no ISO image.",
    "An ISO image must have at least 34816 bytes.",
    "An ISO image must have a CDFS or UDFS volume identifier in sector 16: a raw (2352-byte sector), " +
    "CUE/BIN, NRG or MDF image must be converted first.",
    "A VHDX file is damaged: restore it, or look at where with error.detail (portable backend).",
  ],
  ERROR_FILE_ENCRYPTED: [
    "The image was encrypted by EFS: decrypt it (`cipher /d`), move it to a folder that is not " +
    'encrypted, or open it with the flag "support-encrypted-files".',
  ],
  ERROR_VIRTUAL_DISK_LIMITATION: [
    "The image file is compressed, encrypted, sparse or on ReFS with integrity streams: copy it to " +
    "a plain file.",
  ],
  ERROR_VIRTDISK_PROVIDER_NOT_FOUND: [
    "The file is no VHD, VHDX or ISO image, or its extension is unknown: pass the `type` option.",
    "ISO and VHDX images need Windows 8 or Windows Server 2012; VHD Sets need Windows 10.",
  ],
  ERROR_VHD_FORMAT_UNKNOWN: [
    "The file has the extension of a VHD or VHDX image but not its contents: it may be another " +
    "format, renamed, or cut off.",
  ],
  ERROR_VHD_PARENT_VHD_NOT_FOUND: [
    'The parent was moved, renamed or deleted: put it back, or open with the flag "no-parents" to ' +
    "inspect the child alone.",
    'Where it was moved, tell the child: setInformation("parentPath", ...).',
  ],
  ERROR_VHD_PARENT_VHD_ACCESS_DENIED: ["This user may not read the parent file."],
  ERROR_VHD_CHILD_PARENT_ID_MISMATCH: [
    "The file found as parent is another disk, or was written to after the child was made.",
    "Restore the parent, or go on knowingly with { ignoreMismatch: true } (portable backend).",
  ],
  ERROR_VHD_CHILD_PARENT_SIZE_MISMATCH: ["The parent was resized after the child was made."],
  ERROR_VHD_DIFFERENCING_CHAIN_CYCLE_DETECTED: ["The parent links of the images form a circle."],
  ERROR_VHD_DIFFERENCING_CHAIN_ERROR_IN_PARENT: ["A parent could not be opened: see error.cause."],
};

/** Causes in CreateVirtualDisk. */
const CREATE: Causes = {
  ERROR_FILE_EXISTS: ["A file of that name exists: choose another, or pass { overwrite: true }."],
  ERROR_PATH_NOT_FOUND: ["The folder for the new file does not exist."],
  ERROR_ACCESS_DENIED: ["This user may not write to the folder."],
  ERROR_INVALID_PARAMETER: [
    "The size must be at least 3 MiB and a multiple of the sector size; a differencing disk takes " +
    "its size from the parent.",
    "This Windows is older than a flag, or than an option of version 3 or 4.",
    "Block sizes: VHD 512 KiB or 2 MiB; VHDX a power of two from 1 MiB to 256 MiB; none for fixed disks.",
  ],
  ERROR_VHD_INVALID_SIZE: ["A VHD holds at most 2040 GiB, a VHDX at most 64 TiB."],
  ERROR_SHARING_VIOLATION: ["The parent or the source is open for writing: close it first."],
  ERROR_DISK_FULL: ["A fixed disk takes all of its size at once: free space, or make it dynamic."],
  ERROR_VHD_INVALID_BLOCK_SIZE: [
    "Block sizes: VHD 512 KiB or 2 MiB; VHDX a power of two from 1 MiB to 256 MiB; none for fixed disks.",
  ],
  ERROR_VIRTDISK_DISK_ALREADY_OWNED: [
    "Another disk is being made of the source disk: wait for it.",
  ],
  ERROR_VIRTDISK_DISK_ONLINE_AND_WRITABLE: [
    "The source disk is online: take it offline, or make it read-only, in the disk management.",
  ],
};

const BY_OPERATION: Record<string, Causes> = {
  ...DRIVER_CAUSES,
  ...OPERATION_CAUSES,
  OpenVirtualDisk: OPEN,
  // A disk that was created is opened at once, and opening its parent is an open too.
  CreateVirtualDisk: { ...OPEN, ...CREATE },
  GetVirtualDiskInformation: {
    ERROR_ACCESS_DENIED: ["The disk was opened without the `get-info` access right."],
    ERROR_VHD_INVALID_TYPE: ["Parent classes apply to differencing disks only."],
  },
  ReadFile: {
    ...OPERATION_CAUSES["ReadFile"],
    ERROR_ACCESS_DENIED: ["The disk was opened for information only, or without an attach right."],
    ERROR_VHD_INVALID_STATE: [
      'The disk was opened with the flag "no-parents": extents() tells which ranges its parent holds.',
    ],
  },
};

/** The causes of `code` in `operation`, the likeliest first; empty where nothing is known. */
export function causesOf(operation: string, code: number): readonly string[] {
  const symbol = errorSymbol(code) as ErrorSymbol;
  return BY_OPERATION[operation]?.[symbol] ?? GENERAL[symbol] ?? [];
}
