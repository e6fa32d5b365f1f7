/**
 * What usually brings an error code about in an operation, and what to do: the knowledge that the
 * codes alone do not give. Each sentence has when it can be true: advice that does not hold for the backend,
 * the system or the argument at fault is not given. Sources: the Microsoft page of each function, the behaviour
 * noted in the page of the flag or structure concerned, and what users of these functions have met.
 *
 * @module
 */
import { type ErrorSymbol, errorSymbol } from "./codes.ts";

/** A sentence that says what is the matter, and what to do. Alone it always holds. */
export type Cause = string | ConditionalCause;

/** A sentence that holds under conditions; one that is left out is no condition. */
export interface ConditionalCause {
  readonly text: string;
  readonly backend?: Backend;
  /** Of the system that the program runs on. The native backend runs on Windows alone. */
  readonly system?: System;
  /** The option that is at fault, by its name; or what is: see {@linkcode Situation.about}. */
  readonly about?: string;
}

/** Which backend failed. */
export type Backend = "native" | "portable";

/** All systems but Windows have the permissions, the locks and the tools of POSIX. */
export type System = "windows" | "posix";

/** In which circumstances an operation failed. */
export interface Situation {
  readonly backend: Backend;
  readonly system: System;
  /**
   * What may be at fault, the likeliest first: names of options, or `"file"` (it cannot be read), `"file to
   * write"`, `"folder"` (it cannot be written). Unknown if absent.
   */
  readonly about?: readonly string[] | undefined;
}

/**
 * The circumstances of a failure here and now.
 *
 * @param os Where the program runs. Whatever stands in for Windows' functions elsewhere stands for Windows.
 */
export function situationOf(
  backend: Backend,
  about?: readonly string[],
  os: typeof Deno.build.os = Deno.build.os,
): Situation {
  const isWindows = backend === "native" || os === "windows";
  return { backend, system: isWindows ? "windows" : "posix", about };
}

/**
 * The sentences that hold. Those about what is at fault come first, and those about anything else are left
 * out; if nobody knows what is at fault, all may be right.
 */
export function causesThatHold(causes: readonly Cause[], situation: Situation): string[] {
  const { backend, system, about } = situation;
  const holding = causes
    .map((cause): ConditionalCause => typeof cause === "string" ? { text: cause } : cause)
    .filter((cause) => (cause.backend ?? backend) === backend)
    .filter((cause) => (cause.system ?? system) === system);
  const chosen = about === undefined ? holding : [
    ...about.flatMap((each) => holding.filter((cause) => cause.about === each)),
    ...holding.filter((cause) => cause.about === undefined),
  ];
  return chosen.map(({ text }) => text);
}

/** A sentence about what Windows' own functions do. */
function native(cause: Cause): ConditionalCause {
  return { ...conditional(cause), backend: "native" };
}

/** A sentence about what the portable backend does. */
function portable(cause: Cause): ConditionalCause {
  return { ...conditional(cause), backend: "portable" };
}

/** A sentence for Windows, whichever the backend. */
function windows(cause: Cause): ConditionalCause {
  return { ...conditional(cause), system: "windows" };
}

/** A sentence for all other systems. */
function posix(cause: Cause): ConditionalCause {
  return { ...conditional(cause), system: "posix" };
}

/** A sentence about an option, or about what else may be at fault. */
function about(what: string, cause: Cause): ConditionalCause {
  return { ...conditional(cause), about: what };
}

function conditional(cause: Cause): ConditionalCause {
  return typeof cause === "string" ? { text: cause } : cause;
}

/** Causes by code, the likeliest first. */
export type Causes = Partial<Record<ErrorSymbol, readonly Cause[]>>;

/** What a damaged disk is opened with, for what is left of it. */
const SALVAGE: Cause = about(
  "salvage",
  portable('Save what is left of the disk: openVirtualDisk(path, { damage: "tolerate" }).'),
);

const DAMAGED: readonly Cause[] = [
  SALVAGE,
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
export const GENERAL: Causes = {
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
    'If it was moved, say so in the child: setInformation("parentPath", ...).',
  ),
  about(
    "moved parent",
    portable(
      'If it is gone for good, save what the child holds: openVirtualDisk(path, { damage: "tolerate" }).',
    ),
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
    SALVAGE,
    portable("See what checkVirtualDisk() finds, and restore the file from a copy."),
    about(
      "iso",
      native(
        "An ISO image must be a multiple of 2048 bytes long: the file is cut off or is not an ISO image.",
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
      "`fsutil sparse setflag FILE 0` makes a sparse file a plain one, if it fits on the volume.",
    ),
  ],
  ERROR_VIRTDISK_PROVIDER_NOT_FOUND: [
    portable('If it is a raw disk, the bytes of a disk and nothing else, pass { type: "raw" }.'),
    portable(
      "If it is another format, convert it first; if it should be an image, it is damaged or cut off.",
    ),
    native(
      "The file is not a VHD, VHDX or ISO image, or its extension is unknown: pass the `type` option.",
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
        'has changed, say so in the child: setInformation("parentPath", ...).',
    ),
  ],
  ERROR_VHD_CHILD_PARENT_SIZE_MISMATCH: [
    "The parent was resized after the child was made: give it its former size, or restore it.",
  ],
  ERROR_VHD_DIFFERENCING_CHAIN_CYCLE_DETECTED: [
    'One of the links is wrong: set the real parent of that image, with the flag "no-parents" and ' +
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

// Attaching, compacting, merging, resizing, mirroring: what takes long or needs the machine.

const NEEDS_WRITING = native(
  "The disk was opened for reading: open it with { readOnly: false }, or with the " +
    "`metaops` access right.",
);
/** What no system but Windows does. */
const NO_ATTACHING = [
  portable(windows('The native backend can: open it with { backend: "native" }.')),
  posix(
    "Only Windows attaches disks. Here a disk is read and written without: readSync(), writeSync(), readable(). " +
      "To mount it or to boot from it, serve it: serveVirtualDisk() of @virtdisk/virtdisk/serve, or `virtdisk serve`.",
  ),
];
const ATTACHED = native("The disk is attached, or attached for writing: detach it first.");
const IN_USE = native(
  "The image is open or attached elsewhere: close it there. A virtual machine, a backup program " +
    "or an indexer may hold it; shortly after a detach Windows itself may, for some seconds.",
);
const NOT_ELEVATED =
  "The process lacks the privilege to manage volumes (SeManageVolumePrivilege): " +
  "run it elevated, as an administrator. An ISO image needs it on Windows Server only.";
const NOT_DIFFERENCING = "Only a differencing disk can be merged: this one has no parent.";
const CHAIN_DEPTH = "The chain has fewer files than the depths say; the open file is 1.";
const SIZE = "The size must be a whole number of sectors, and fit the format.";
const PATH = "The path of the copy must be absolute, and lie on a local volume.";

/** Whoever has a file of the disk open keeps it attached. */
const HOLDERS = [
  "Somebody uses a volume of the disk: close the Explorer windows, shells, editors and media " +
  "players that have a file or their current folder there. The Resource Monitor (CPU, Associated " +
  "Handles), or Sysinternals' handle.exe with the drive letter, name them.",
  "Another handle of the same image is open, in this process or another one: close it first.",
  "A virtual machine, a virus scanner or an indexer reads the disk: wait some seconds and try again.",
];

const METAOPS: Causes = {
  ERROR_ACCESS_DENIED: [
    NEEDS_WRITING,
    native("This user may not write to the file, or to its folder."),
  ],
  ERROR_SHARING_VIOLATION: [IN_USE],
  ERROR_VHD_INVALID_STATE: [ATTACHED],
  ERROR_WRITE_PROTECT: [NEEDS_WRITING],
};

const COPY: Causes = {
  ERROR_ACCESS_DENIED: [
    NEEDS_WRITING,
    "The disk was opened by access rights (version 1): open it with { readOnly: false } instead.",
  ],
  ERROR_FILE_EXISTS: ["The copy is there already: delete it, or pass { existingFile: true }."],
  ERROR_FILE_NOT_FOUND: ["With { existingFile: true } the copy must be there already."],
  ERROR_PATH_NOT_FOUND: ["The folder for the copy does not exist."],
  ERROR_INVALID_PARAMETER: [PATH],
  ERROR_SHARING_VIOLATION: [IN_USE],
};

const NO_COPY: Causes = {
  ERROR_VHD_INVALID_STATE: [
    "There is no copy that is in step: start one on this disk, and await it.",
  ],
};

const SECTORS: Causes = {
  ERROR_INVALID_PARAMETER: [
    native('Offset and length must be whole sectors: see getInformation("size").sectorSize.'),
    native("The disk is not attached, or not with { noLocalHost: true }."),
  ],
  ERROR_INVALID_FUNCTION: [native("The disk is not attached with { noLocalHost: true }.")],
};

const MOUNTING: Causes = {
  ERROR_INVALID_PARAMETER: ["The folder must be empty, and lie on an NTFS volume."],
  ERROR_DIRECTORY: ["The folder does not exist: make it first."],
  ERROR_FILE_NOT_FOUND: ["The folder does not exist: make it first."],
  ERROR_PATH_NOT_FOUND: ["The folder does not exist: make it first."],
  ERROR_ACCESS_DENIED: ["Mounting needs an elevated process."],
};

// What Windows' driver answers at once: settings, user metadata, dependencies, change tracking, hand-made
// chains, SCSI commands, VHD Sets.

const STILL_ATTACHED = native("The disk is attached: detach it first.");
const NO_METADATA = "Only VHDX images have user metadata: convert the image.";
const NOT_VERSION_2 = native(
  "The disk was opened by access rights (version 1): open it with { readOnly } instead.",
);
/** What no system but Windows does. */
const NO_DEVICE = [
  portable(windows('The native backend can: open it with { backend: "native" }.')),
  posix("Only Windows attaches disks: here none has a device."),
];

const METADATA: Causes = {
  ERROR_NOT_SUPPORTED: [NO_METADATA],
  ERROR_VHD_INVALID_TYPE: [NO_METADATA],
  ERROR_INVALID_PARAMETER: [NOT_VERSION_2, "The item's id is all zeros."],
};

const METADATA_CHANGE: Causes = {
  ...METADATA,
  ERROR_ACCESS_DENIED: [NEEDS_WRITING],
  ERROR_WRITE_PROTECT: [NEEDS_WRITING],
  ERROR_VHD_METADATA_FULL: [
    "An image holds at most 1024 items of at most 1 MiB each: delete some, or store less.",
  ],
};

const VHD_SET: Causes = {
  ERROR_INVALID_PARAMETER: [
    'The disk is not a VHD Set: open a .vhds file, with { type: "vhdset" }.',
    "The set has no snapshot of that id, or has one already.",
  ],
  ERROR_NOT_SUPPORTED: [
    native('Only VHD Sets have snapshots: open a .vhds file, with { type: "vhdset" }.'),
  ],
  ERROR_VHD_INVALID_TYPE: [
    'Only VHD Sets have snapshots: open a .vhds file, with { type: "vhdset" }.',
  ],
  ERROR_NOT_FOUND: ["The set has no snapshot of that id."],
  ERROR_ACCESS_DENIED: [NEEDS_WRITING],
  ERROR_SHARING_VIOLATION: ["A virtual machine has the set open: ask Hyper-V for the snapshot."],
};

/** By function, of virtdisk.h or kernel32.dll. */
export const CAUSES: Record<string, Causes> = {
  OpenVirtualDisk: OPEN,
  // A disk that was created is opened at once, and opening its parent is an open too.
  CreateVirtualDisk: { ...OPEN, ...CREATE },
  GetVirtualDiskInformation: {
    ERROR_ACCESS_DENIED: [
      "The disk was opened without the `get-info` access right.",
    ],
    ERROR_VHD_INVALID_TYPE: [native("Parent classes apply to differencing disks only.")],
  },
  AttachVirtualDisk: {
    ERROR_PRIVILEGE_NOT_HELD: [NOT_ELEVATED],
    ERROR_ACCESS_DENIED: [
      "The disk was opened for reading: attach it with { readOnly: true }, or open it with " +
      "{ readOnly: false }.",
      "The process is not elevated (which an ISO image needs on Windows Server only), or the handle lacks the " +
      "right `attach-ro` or `attach-rw`.",
    ],
    ERROR_SHARING_VIOLATION: [IN_USE],
    ERROR_BAD_COMMAND: ["The image is attached already: see attachedVirtualDisks()."],
    ERROR_NOT_SUPPORTED: [
      native("An ISO image can only be attached for reading."),
      ...NO_ATTACHING,
    ],
    ERROR_FILE_NOT_FOUND: ["The image lies on an SD card in a built-in reader: copy it elsewhere."],
    ERROR_INVALID_PARAMETER: [
      "This Windows is older than one of the flags, or than `restrictedRange`.",
      "An ISO image takes no `noLocalHost`.",
    ],
    ERROR_TIMEOUT: [
      "The disk has no volume yet: partition and format it first, or raise `volumeTimeout`.",
    ],
    ERROR_VIRTUAL_DISK_LIMITATION: [
      "The image file is compressed, encrypted or sparse: copy it to a plain file on NTFS.",
    ],
  },
  DetachVirtualDisk: {
    ERROR_NOT_SUPPORTED: NO_ATTACHING,
    ERROR_NOT_FOUND: [
      "The disk is not attached. An attachment that is not { permanent: true } ends when its disk is closed.",
    ],
    ERROR_PRIVILEGE_NOT_HELD: [NOT_ELEVATED],
    ERROR_ACCESS_DENIED: [
      ...HOLDERS,
      "The handle lacks the right `detach`, or the process is not elevated.",
    ],
    ERROR_SHARING_VIOLATION: HOLDERS,
    ERROR_LOCK_VIOLATION: HOLDERS,
    ERROR_BUSY: HOLDERS,
    ERROR_DEVICE_IN_USE: HOLDERS,
  },
  CompactVirtualDisk: {
    ...METAOPS,
    ERROR_VHD_INVALID_TYPE: ["Only dynamic and differencing disks can be compacted."],
    ERROR_VHD_INVALID_STATE: [
      native("The disk is attached for writing: detach it, or attach it read-only."),
    ],
    ERROR_INVALID_PARAMETER: [native("This Windows is older than the flags.")],
  },
  ExpandVirtualDisk: {
    ...METAOPS,
    ERROR_VHD_INVALID_TYPE: ["A differencing disk cannot be expanded: merge it first."],
    ERROR_INVALID_PARAMETER: [SIZE, native("It must be larger than the present size.")],
    ERROR_VHD_INVALID_SIZE: [SIZE],
  },
  ResizeVirtualDisk: {
    ...METAOPS,
    ERROR_VHD_INVALID_TYPE: ["Only VHDX images can shrink: convert the image."],
    ERROR_INVALID_PARAMETER: [SIZE, "Nothing is both `smallest-safe` and `allowUnsafe`."],
    ERROR_VHD_INVALID_SIZE: [SIZE],
    ERROR_VHD_RESIZE_WOULD_TRUNCATE_DATA: [
      windows(
        "A partition reaches beyond the new size: shrink it first (Resize-Partition), or look at " +
          'getInformation("smallestSafeVirtualSize").',
      ),
    ],
    ERROR_VHD_COULD_NOT_COMPUTE_MINIMUM_VIRTUAL_SIZE: [
      "The disk has no partition table, or a damaged one. With { allowUnsafe: true } it gets the size that is asked for.",
    ],
    ERROR_VHD_ALREADY_AT_OR_BELOW_MINIMUM_VIRTUAL_SIZE: ["The last partition ends with the disk."],
  },
  MergeVirtualDisk: {
    ...METAOPS,
    ERROR_VHD_INVALID_TYPE: [NOT_DIFFERENCING],
    ERROR_INVALID_PARAMETER: [
      CHAIN_DEPTH,
      native(
        "The option `depth` is for disks opened with `access` and `rwDepth`; for others there are " +
          "`sourceDepth` and `targetDepth`.",
      ),
    ],
    ERROR_ACCESS_DENIED: [
      NEEDS_WRITING,
      native("The files to be written were not opened so: raise `rwDepth`."),
    ],
    ERROR_FILE_EXISTS: ["A merge into a new file overwrites none: choose another name."],
    ERROR_VHD_METADATA_FULL: [
      "The metadata items of the disk do not fit into the ancestor: delete some of either's.",
    ],
  },
  MirrorVirtualDisk: COPY,
  BreakMirrorVirtualDisk: NO_COPY,
  ForkVirtualDisk: COPY,
  CompleteForkVirtualDisk: NO_COPY,
  CloseHandle: {
    ERROR_INVALID_STATE: [
      "Await the operation before the disk is closed, or abort its signal and await it then; a " +
      "mirror or fork is ended by breakMirror() or completeFork().",
    ],
  },
  WriteFile: {
    ...SECTORS,
    ERROR_ACCESS_DENIED: [native("The disk was opened, or attached, for reading.")],
    ERROR_WRITE_PROTECT: [native("The disk was opened, or attached, for reading.")],
  },
  ReadFile: {
    ...SECTORS,
    ERROR_ACCESS_DENIED: [
      portable(
        "To read its data, open it without { getInfoOnly: true }, or with `attach-ro` among its access rights.",
      ),
      native("The disk was opened for information only, or without an attach right."),
    ],
    ERROR_VHD_INVALID_STATE: [
      'The disk was opened with the flag "no-parents": extents() says which ranges its parent holds.',
    ],
  },
  SetVolumeMountPointW: MOUNTING,
  DeleteVolumeMountPointW: MOUNTING,
  SetVirtualDiskInformation: {
    ERROR_ACCESS_DENIED: [NEEDS_WRITING, STILL_ATTACHED],
    ERROR_WRITE_PROTECT: [NEEDS_WRITING],
    ERROR_SHARING_VIOLATION: [STILL_ATTACHED, native("A file of the chain is open elsewhere.")],
    ERROR_VHD_CHILD_PARENT_ID_MISMATCH: [
      "The new parent is another disk, or was written to after the child was made: nothing was changed.",
      portable("If it is to be the parent all the same, pass { path, ignoreMismatch: true }."),
    ],
    ERROR_FILE_NOT_FOUND: ["The new parent does not exist: nothing was changed."],
    ERROR_PATH_NOT_FOUND: ["A folder of the new parent's path does not exist."],
    ERROR_NOT_SUPPORTED: [
      native(
        "This format, or this version of Windows, does not have the class: `identifier` is for VHD, " +
          "`virtualDiskId` and `vhdPhysicalSectorSize` are for VHDX.",
      ),
      portable(windows('The native backend can: open it with { backend: "native" }.')),
      posix("The native backend can, on Windows."),
    ],
    ERROR_INVALID_PARAMETER: [
      native(
        "The value does not suit the class, or this Windows is older than the class: change tracking " +
          "and parent locators need Windows 10.",
      ),
      native(
        'The child was opened with its parents: open it with the flag "no-parents" to set where they are.',
      ),
    ],
    ERROR_VHD_PARENT_VHD_NOT_FOUND: ["The new parent does not exist: nothing was changed."],
    ERROR_VHD_INVALID_TYPE: [
      native(
        "Parent classes are for differencing disks; `identifier` is for VHD, `virtualDiskId` and " +
          "`vhdPhysicalSectorSize` are for VHDX.",
      ),
    ],
    ERROR_VHD_INVALID_STATE: [STILL_ATTACHED],
  },
  EnumerateVirtualDiskMetadata: METADATA,
  GetVirtualDiskMetadata: METADATA,
  SetVirtualDiskMetadata: METADATA_CHANGE,
  DeleteVirtualDiskMetadata: METADATA_CHANGE,
  GetVirtualDiskPhysicalPath: {
    ERROR_NOT_SUPPORTED: NO_DEVICE,
    ERROR_DEV_NOT_EXIST: [
      "The disk is not attached (an attachment that is not { permanent: true } ends when its disk is " +
      "closed), or was attached with { noLocalHost: true }: then it has no device.",
    ],
    ERROR_NOT_READY: ["The disk is being attached: try again."],
    ERROR_ACCESS_DENIED: ["The disk was opened without the `get-info` access right."],
  },
  GetStorageDependencyInformation: {
    ERROR_NOT_SUPPORTED: NO_DEVICE,
    ERROR_VIRTDISK_NOT_VIRTUAL_DISK: ["The volume or disk rests on no image: it is a plain one."],
    ERROR_FILE_NOT_FOUND: ["There is no such volume, disk or file."],
    ERROR_PATH_NOT_FOUND: ["There is no such volume, disk or folder."],
    ERROR_ACCESS_DENIED: ["Disks can be asked about by administrators only: run elevated."],
    ERROR_INVALID_PARAMETER: [
      "The path is not a volume or disk of this machine; it may be a share.",
    ],
    ERROR_NOT_READY: ["The drive has no medium."],
  },
  AddVirtualDiskParent: {
    ERROR_INVALID_PARAMETER: [
      'The disk must be open for reading, with the flag "custom-diff-chain" and without access rights.',
    ],
    ERROR_VHD_INVALID_TYPE: [
      "Only a differencing disk has a parent: the chain is complete already.",
    ],
    ERROR_VHD_CHILD_PARENT_ID_MISMATCH: [
      "The file is another disk, or was written to after the child was made.",
      "Parents are added in order: that of the open image first, then its own.",
    ],
    ERROR_VHD_CHILD_PARENT_TIMESTAMP_MISMATCH: [
      "The parent was written to after the child was made: the child no longer fits it.",
    ],
    ERROR_VHD_CHILD_PARENT_SIZE_MISMATCH: ["The parent was resized after the child was made."],
    ERROR_FILE_NOT_FOUND: ["The parent does not exist: check its path."],
    ERROR_PATH_NOT_FOUND: ["A folder of the parent's path does not exist."],
  },
  QueryChangesVirtualDisk: {
    ERROR_VHD_INVALID_CHANGE_TRACKING_ID: [
      'The id is none that this disk gave: keep the `mostRecentId` of getInformation("changeTrackingState").',
    ],
    ERROR_VHD_CHANGE_TRACKING_DISABLED: [
      'Tracking is off: setInformation("changeTrackingEnabled", true), then take a full copy.',
    ],
    ERROR_VHD_MISSING_CHANGE_TRACKING_INFORMATION: [
      "The tracking point is too old: take a full copy, and go on from the newest id.",
    ],
    ERROR_CTLOG_TRACKING_NOT_INITIALIZED: [
      'Tracking was never started: setInformation("changeTrackingEnabled", true).',
    ],
    ERROR_CTLOG_VHD_CHANGED_OFFLINE: [
      "The image was compacted, resized or edited behind the tracker: take a full copy.",
    ],
    ERROR_CTLOG_INCONSISTENT_TRACKING_FILE: [
      "The tracking file is damaged: switch tracking off and on, and take a full copy.",
    ],
    ERROR_NOT_SUPPORTED: [native("Only VHDX images are tracked, and not shared ones.")],
    ERROR_VHD_INVALID_TYPE: ["Only VHDX images are tracked, and not shared ones."],
    ERROR_ACCESS_DENIED: ["The disk was opened without the `get-info` access right."],
  },
  RawSCSIVirtualDisk: {
    ERROR_INVALID_PARAMETER: [
      "The command is longer than the disk takes, or its transfer length differs from that of `data`.",
    ],
    ERROR_ACCESS_DENIED: [NEEDS_WRITING],
    ERROR_VHD_INVALID_STATE: ["The disk must be attached, if only with { noLocalHost: true }."],
    ERROR_NOT_SUPPORTED: [
      native("The disk knows no such command, or the image is not on a file server (rsvd)."),
    ],
  },
  TakeSnapshotVhdSet: VHD_SET,
  DeleteSnapshotVhdSet: VHD_SET,
  ApplySnapshotVhdSet: VHD_SET,
  ModifyVhdSet: VHD_SET,
};

/**
 * The causes of `code` in `operation` that hold in a situation, the likeliest first; empty if none is known.
 */
export function causesOf(
  operation: string,
  code: number,
  situation: Situation,
): readonly string[] {
  const symbol = errorSymbol(code);
  const own = causesThatHold(CAUSES[operation]?.[symbol] ?? [], situation);
  return own.length > 0 ? own : causesThatHold(GENERAL[symbol] ?? [], situation);
}
