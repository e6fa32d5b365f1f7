/**
 * What usually brings an error code about in the operations that take long or need the machine:
 * attaching, compacting, merging, resizing, mirroring. Sources: the Microsoft page of each function, and
 * what users of these functions have met.
 *
 * @module
 */
import { native, portable, posix, windows } from "./cause.ts";
import type { Causes } from "./causes.ts";

const NEEDS_WRITING = native(
  "The disk was opened for reading: open it with { readOnly: false }, or with the " +
    "`metaops` access right.",
);
/** What no system but Windows does. */
const NO_ATTACHING = [
  portable(windows('The native backend can: open it with { backend: "native" }.')),
  posix(
    "Only Windows attaches disks. Here a disk is read and written without: readSync(), writeSync(), readable().",
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

/** By function. */
export const OPERATION_CAUSES: Record<string, Causes> = {
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
    ERROR_INVALID_PARAMETER: [SIZE, "It must be larger than the present size."],
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
      "The disk has no partition table, or a damaged one: pass a size and { allowUnsafe: true }.",
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
      "The ancestor has no room for the metadata items of the disk: delete some of either's.",
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
  ReadFile: SECTORS,
  SetVolumeMountPointW: MOUNTING,
  DeleteVolumeMountPointW: MOUNTING,
};
