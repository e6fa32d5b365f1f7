/**
 * What usually brings an error code about in an operation, and what to do: the knowledge that the
 * codes alone do not give. Sources: the Microsoft page of each function, and the behaviour noted in
 * the page of the flag or structure concerned.
 *
 * @module
 */
import {
  about,
  type Cause,
  causesThatHold,
  native,
  portable,
  posix,
  type Situation,
  windows,
} from "./cause.ts";
import { DRIVER_CAUSES } from "./driver_causes.ts";
import { type ErrorSymbol, errorSymbol } from "./codes.ts";
import { OPERATION_CAUSES } from "./operation_causes.ts";

/** Causes by code, the likeliest first. */
export type Causes = Partial<Record<ErrorSymbol, readonly Cause[]>>;

const DAMAGED: readonly Cause[] = [
  portable("See what checkVirtualDisk() finds, and restore the file from a copy."),
  native(
    "The file is damaged or was cut off: checkVirtualDisk() says where, and repairs what the file holds " +
      "twice; else restore it from a copy.",
  ),
];

const BOTH_COPIES: readonly Cause[] = [
  about(
    "both copies",
    "The file holds it twice, and both are damaged: nothing can be repaired from the other, so restore the " +
      "file from a copy of it.",
  ),
  about(
    "both copies",
    "If there is none, leave the file as it is: most of what the disk holds may be in it still, where a " +
      "program for data recovery finds partitions and files.",
  ),
];

const NEWER_VERSION: readonly Cause[] = [
  "The image needs what this program does not know: open it with the program that made it, and have " +
  "that write an older version or another format.",
];

const SHARED: readonly Cause[] = [
  about("file to write", portable("Close it there before the image is written.")),
  about("file", portable("Close it there.")),
  about(
    "another disk",
    portable("Close the other disk of the image first, as `using` does at the end of its scope."),
  ),
  about(
    "another program",
    portable("A virtual machine that has it must be shut down, or let go of the disk."),
  ),
  portable("Meanwhile open it with { getInfoOnly: true }, for information alone."),
];

const DENIED: readonly Cause[] = [
  about(
    "readOnly",
    portable(
      "Disks are opened for reading unless asked otherwise: open it with { readOnly: false }.",
    ),
  ),
  about(
    "file to write",
    posix(
      "This user may not write to the file: change its permissions (`chmod u+w`) or its owner.",
    ),
  ),
  about(
    "file to write",
    portable(
      windows("The file is read-only, or this user may not write to it: change its properties."),
    ),
  ),
  about(
    "file",
    posix(
      "This user may not read the file, or not enter a folder of its path: `ls -l` shows who may; " +
        "change the permissions, or run as a user who may.",
    ),
  ),
  about("file", portable(windows("This user has no right to read the file."))),
  about(
    "folder",
    portable(
      "This user may not make, rename or remove files in the folder: choose another, or change " +
        "its permissions.",
    ),
  ),
];

/** Causes that hold in every operation that does not know better. */
const GENERAL: Causes = {
  ERROR_INVALID_HANDLE: ["The disk was closed before this call: use it inside the `using` scope."],
  ERROR_TOO_MANY_OPEN_FILES: [
    "The process has too many files open: close disks with `using`.",
    posix("A chain opens every file of it: `ulimit -n` shows how many may be, and raises it."),
  ],
  ERROR_ACCESS_DENIED: DENIED,
  ERROR_SHARING_VIOLATION: SHARED,
  ERROR_DISK_FULL: [
    about("space", "Free space on the volume, or use another one."),
    about(
      "quota",
      "Remove files of this user, have the quota raised, or use another volume.",
    ),
  ],
  ERROR_WRITE_PROTECT: [
    portable(
      "The file system, or the medium under it, is mounted read-only: copy the image elsewhere.",
    ),
    native("The medium that holds the image is read-only: copy the image elsewhere."),
  ],
  ERROR_MOD_NOT_FOUND: [
    "VirtDisk.dll is missing from this Windows (trimmed or container editions leave it out): " +
    'use { backend: "portable" }.',
  ],
  ERROR_CALL_NOT_IMPLEMENTED: [native("This Windows is older than the function.")],
  ERROR_NOT_SUPPORTED: [
    portable(windows('The native backend can: open it with { backend: "native" }.')),
    posix("The native backend can, on Windows."),
  ],
  ERROR_IO_DEVICE: [
    "The disk that holds the image reports an I/O error: look at its health.",
    posix("`dmesg` says which disk it is."),
  ],
  ERROR_FILE_SYSTEM_LIMITATION: [
    about(
      "length of the file",
      portable("Use a file system for larger files: FAT32 ends at 4 GiB, ext4 at 16 TiB."),
    ),
    about(
      "length of the file",
      posix("Raise the limit of the process, which `ulimit -f` shows."),
    ),
  ],
  ERROR_FILENAME_EXCED_RANGE: [
    posix("A name has at most 255 bytes, and a path at most 4095: choose shorter ones."),
    windows(
      "A name has at most 255 characters, and a path 32,767 if it begins with \\\\?\\, else often " +
        "259: choose shorter ones.",
    ),
  ],
  ERROR_BAD_PATHNAME: [posix("Symbolic links in the path lead round in a circle.")],
  ERROR_FILE_CORRUPT: [...BOTH_COPIES.map(portable), ...DAMAGED],
  ERROR_VHD_DRIVE_FOOTER_MISSING: DAMAGED,
  ERROR_VHD_DRIVE_FOOTER_CHECKSUM_MISMATCH: DAMAGED,
  ERROR_VHD_DRIVE_FOOTER_CORRUPT: DAMAGED,
  ERROR_VHD_SPARSE_HEADER_CHECKSUM_MISMATCH: DAMAGED,
  ERROR_VHD_SPARSE_HEADER_CORRUPT: DAMAGED,
  ERROR_VHD_BLOCK_ALLOCATION_TABLE_CORRUPT: DAMAGED,
  ERROR_VHD_BITMAP_MISMATCH: DAMAGED,
  ERROR_VHD_METADATA_READ_FAILURE: DAMAGED,
  ERROR_HANDLE_EOF: [portable("The file is shorter than it should be: restore it from a copy.")],
  ERROR_VHD_FORMAT_UNSUPPORTED_VERSION: NEWER_VERSION,
  ERROR_VHD_SPARSE_HEADER_UNSUPPORTED_VERSION: NEWER_VERSION,
  ERROR_VHD_INVALID_TYPE: [
    native(
      "The request does not fit this kind of disk, for example a parent asked of a disk without one.",
    ),
  ],
  ERROR_VHD_INVALID_STATE: [native("The disk is not in a state that allows it.")],
};

const PARENT_MOVED: readonly Cause[] = [
  about(
    "moved parent",
    'The parent was moved, renamed or deleted: put it back, or open with the flag "no-parents" to ' +
      "inspect the child alone.",
  ),
  about(
    "moved parent",
    'If it was moved, tell the child: setInformation("parentPath", ...).',
  ),
  about(
    "refused parent",
    portable(windows(
      "An image may name any server or device, which would be opened with your rights. If you trust the path, " +
        'name it yourself: setInformation("parentPath", ...).',
    )),
  ),
  about(
    "refused parent",
    posix(
      "An image may name any server or device, which would be opened with your rights. If you trust it, mount " +
        'the share or copy the parent, and name it yourself: setInformation("parentPath", ...).',
    ),
  ),
  about(
    "refused parent",
    portable('For this time alone: open with the flag "custom-diff-chain", then addParent().'),
  ),
];

/** Causes in OpenVirtualDisk. */
const OPEN: Causes = {
  ERROR_FILE_NOT_FOUND: ["No file has that name: check the path and the current directory."],
  ERROR_PATH_NOT_FOUND: [
    windows("A folder of the path, or its drive, does not exist."),
    posix("A folder of the path does not exist: check it, and the current directory."),
  ],
  ERROR_ACCESS_DENIED: [
    ...DENIED,
    about(
      "file to write",
      native(
        "This user may not write to the file, or it is read-only: open it with { readOnly: true } or change " +
          "its permissions.",
      ),
    ),
    about("file", native("This user has no right to read the file: change its permissions.")),
    about(
      "vhdx to read",
      native(
        "If the VHDX was not closed properly, its log must be replayed before it can be read: open it once " +
          "with { readOnly: false }.",
      ),
    ),
    native(
      "The disk is permanently attached by another handle: open it with the `detach` access right, " +
        "and without write access if it was attached from a read-only open.",
    ),
    about("iso", native("An ISO image was opened for writing: it can only be read.")),
    native("The path is a folder."),
  ],
  ERROR_SHARING_VIOLATION: [
    ...SHARED,
    native(
      "The image is open or attached elsewhere in an incompatible way: close it there, detach it, or " +
        "open it with { getInfoOnly: true }.",
    ),
    native(
      "A virtual machine, a backup program or an indexer holds the file; shortly after a detach " +
        "Windows itself may, for some seconds.",
    ),
  ],
  ERROR_NOT_SUPPORTED: [
    native("This version of Windows cannot do what was asked."),
    ...GENERAL.ERROR_NOT_SUPPORTED ?? [],
  ],
  ERROR_INVALID_PARAMETER: [
    native("The storage type or the path is missing."),
    native(
      "The access mask has bits outside VIRTUAL_DISK_ACCESS_ALL, or a flag is not known to this system.",
    ),
    native("The parameters are of a version other than 1, 2 or 3 (3 needs Windows 10)."),
    native(
      "Access rights were combined with readOnly, getInfoOnly, resiliencyGuid or snapshotId: " +
        "version 2 and 3 opens take no access mask.",
    ),
  ],
  ERROR_INVALID_NAME: [windows("The file name has characters that are not allowed.")],
  ERROR_UNSUPPORTED_COMPRESSION: [
    native(
      "The image lies on a compressed volume or folder: switch NTFS compression off for the file " +
        '(`compact /u`), move it, or open it with the flag "support-compressed-volumes".',
    ),
  ],
  ERROR_FILE_SYSTEM_LIMITATION: [
    native("The path leads through a network share back to this machine: use the local path."),
  ],
  ERROR_PRIVILEGE_NOT_HELD: [
    native(
      "The process lacks the privilege to manage volumes (SeManageVolumePrivilege): run it elevated, " +
        "as an administrator.",
    ),
  ],
  ERROR_FILE_CORRUPT: [
    ...BOTH_COPIES.map(portable),
    portable("See what checkVirtualDisk() finds, and restore the file from a copy."),
    about(
      "iso",
      native(
        "An ISO image must be a multiple of 2048 bytes long: the file is cut off or is no ISO image.",
      ),
    ),
    about("iso", native("An ISO image must have at least 34816 bytes.")),
    about(
      "iso",
      native(
        "An ISO image must have a CDFS or UDFS volume identifier in sector 16: a raw (2352-byte sector), " +
          "CUE/BIN, NRG or MDF image must be converted first.",
      ),
    ),
    native(
      "The file is damaged or cut off: checkVirtualDisk() says where; restore it from a copy.",
    ),
  ],
  ERROR_FILE_ENCRYPTED: [
    native(
      "The image was encrypted by EFS: decrypt it (`cipher /d`), move it to a folder that is not " +
        'encrypted, or open it with the flag "support-encrypted-files".',
    ),
  ],
  ERROR_VIRTUAL_DISK_LIMITATION: [
    native(
      "The image file is compressed, encrypted, sparse or on ReFS with integrity streams: copy it to " +
        "a plain file.",
    ),
    native(
      "`fsutil sparse setflag FILE 0` makes a sparse file a plain one, if the volume has room for it.",
    ),
  ],
  ERROR_VIRTDISK_PROVIDER_NOT_FOUND: [
    portable('If it is a raw disk, the bytes of a disk and nothing else, pass { type: "raw" }.'),
    portable(
      "If it is another format, convert it first; if it should be an image, it is damaged or cut off.",
    ),
    native(
      "The file is no VHD, VHDX or ISO image, or its extension is unknown: pass the `type` option.",
    ),
    native("ISO and VHDX images need Windows 8 or Windows Server 2012; VHD Sets need Windows 10."),
  ],
  ERROR_VHD_FORMAT_UNKNOWN: [
    "The file has the extension of a VHD or VHDX image but not its contents: it may be another " +
    "format, renamed, or cut off.",
    portable('If it is a raw disk, the bytes of a disk and nothing else, pass { type: "raw" }.'),
    portable("If neither, diagnose() says more of it."),
  ],
  ERROR_VHD_PARENT_VHD_NOT_FOUND: PARENT_MOVED,
  ERROR_VHD_PARENT_VHD_ACCESS_DENIED: [
    "This user may not read the parent file: change its permissions, or run as a user who may.",
  ],
  ERROR_VHD_CHILD_PARENT_ID_MISMATCH: [
    native(
      "The file found as parent is another disk, or was written to after the child was made: restore it.",
    ),
    portable("Restore the parent as it was when the child was made."),
    portable("Go on knowingly with { ignoreMismatch: true }: the disk may show a mix."),
    native('{ backend: "portable", ignoreMismatch: true } opens it nevertheless.'),
  ],
  ERROR_VHD_CHILD_PARENT_TIMESTAMP_MISMATCH: [
    native(
      "The parent was written to, or copied, after the child was made: restore it; if only its time " +
        'has changed, tell the child: setInformation("parentPath", ...).',
    ),
  ],
  ERROR_VHD_CHILD_PARENT_SIZE_MISMATCH: [
    "The parent was resized after the child was made: give it its former size, or restore it.",
  ],
  ERROR_VHD_DIFFERENCING_CHAIN_CYCLE_DETECTED: [
    'One of the links is wrong: tell that image of its real parent, with the flag "no-parents" and ' +
    'setInformation("parentPath", ...).',
  ],
  ERROR_VHD_DIFFERENCING_CHAIN_ERROR_IN_PARENT: [
    "Put the parent right first: diagnose() says of it what to do.",
  ],
};

/** Causes in CreateVirtualDisk. */
const CREATE: Causes = {
  ERROR_FILE_EXISTS: ["A file of that name exists: choose another, or pass { overwrite: true }."],
  ERROR_PATH_NOT_FOUND: [
    about("folder", portable("The folder for the new file does not exist: make it first.")),
    about("file", portable("A folder of the path does not exist: check it.")),
    native("The folder for the new file does not exist: make it first."),
    about("parent", native("Or a folder of the parent's path does not exist.")),
    about("source", native("Or a folder of the source's path does not exist.")),
  ],
  ERROR_ACCESS_DENIED: [
    ...DENIED,
    native("This user may not write to the folder, or not read the parent or the source."),
  ],
  ERROR_INVALID_PARAMETER: [
    about(
      "size",
      "A size is at least 3 MiB, and a multiple of the sector size; a differencing disk takes its parent's.",
    ),
    about(
      "blockSize",
      "Block sizes: VHD 512 KiB or 2 MiB; VHDX a power of two from 1 MiB to 256 MiB; none for fixed disks.",
    ),
    about(
      "sectorSize",
      "Sectors have 512 bytes, or in a VHDX 4096; those of a differencing disk are its parent's.",
    ),
    about("physicalSectorSize", "Physical sectors have 512 bytes, or in a VHDX 4096."),
    native("This Windows is older than a flag, or than an option of version 3 or 4."),
  ],
  ERROR_VHD_INVALID_SIZE: ["A VHD holds at most 2040 GiB, a VHDX at most 64 TiB."],
  ERROR_SHARING_VIOLATION: [
    native("The parent or the source is open for writing: close it first."),
    ...SHARED,
  ],
  ERROR_DISK_FULL: [
    about("space", portable("Free space on the volume, or use another one.")),
    about(
      "quota",
      portable("Remove files of this user, have the quota raised, or use another volume."),
    ),
    about(
      "fixed",
      native("A fixed disk takes all of its size at once: free space, or make it dynamic."),
    ),
    native("Free space on the volume, or use another one."),
  ],
  ERROR_VHD_INVALID_BLOCK_SIZE: [
    "Block sizes: VHD 512 KiB or 2 MiB; VHDX a power of two from 1 MiB to 256 MiB; none for fixed disks.",
  ],
  ERROR_VIRTDISK_DISK_ALREADY_OWNED: [
    native("Another disk is being made of the source disk: wait for it."),
  ],
  ERROR_VIRTDISK_DISK_ONLINE_AND_WRITABLE: [
    native(
      "The source disk is online: take it offline, or make it read-only, in the disk management.",
    ),
  ],
};

const BY_OPERATION: Record<string, Causes> = {
  ...DRIVER_CAUSES,
  ...OPERATION_CAUSES,
  OpenVirtualDisk: OPEN,
  // A disk that was created is opened at once, and opening its parent is an open too.
  CreateVirtualDisk: { ...OPEN, ...CREATE },
  GetVirtualDiskInformation: {
    ERROR_ACCESS_DENIED: [
      "The disk was opened without the `get-info` access right.",
    ],
    ERROR_VHD_INVALID_TYPE: [native("Parent classes apply to differencing disks only.")],
  },
  ReadFile: {
    ...OPERATION_CAUSES["ReadFile"],
    ERROR_ACCESS_DENIED: [
      portable(
        "To read its data, open it without { getInfoOnly: true }, or with `attach-ro` among its access rights.",
      ),
      native("The disk was opened for information only, or without an attach right."),
    ],
    ERROR_VHD_INVALID_STATE: [
      'The disk was opened with the flag "no-parents": extents() tells which ranges its parent holds.',
    ],
  },
};

/**
 * The causes of `code` in `operation` that hold in a situation, the likeliest first; empty if none is known.
 */
export function causesOf(
  operation: string,
  code: number,
  situation: Situation,
): readonly string[] {
  const symbol = errorSymbol(code) as ErrorSymbol;
  const own = causesThatHold(BY_OPERATION[operation]?.[symbol] ?? [], situation);
  return own.length > 0 ? own : causesThatHold(GENERAL[symbol] ?? [], situation);
}
