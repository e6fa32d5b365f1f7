/**
 * What usually brings an error code about in the calls that Windows' driver answers at once: settings,
 * user metadata, dependencies, change tracking, hand-made chains, SCSI commands, VHD Sets.
 *
 * @module
 */
import { native, portable, posix, windows } from "./cause.ts";
import type { Causes } from "./causes.ts";

const NEEDS_WRITING = native(
  "The disk was opened for reading: open it with { readOnly: false }, or with the " +
    "`metaops` access right.",
);
const ATTACHED = native("The disk is attached: detach it first.");
const NO_METADATA = "Only VHDX images have user metadata: convert the image.";
const NOT_VERSION_2 = native(
  "The disk was opened by access rights (version 1): open it with { readOnly } instead.",
);
/** What no system but Windows does. */
const NO_ATTACHING = [
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
    'The disk is no VHD Set: open a .vhds file, with { type: "vhdset" }.',
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

/** By function of virtdisk.h. */
export const DRIVER_CAUSES: Record<string, Causes> = {
  SetVirtualDiskInformation: {
    ERROR_ACCESS_DENIED: [NEEDS_WRITING, ATTACHED],
    ERROR_WRITE_PROTECT: [NEEDS_WRITING],
    ERROR_SHARING_VIOLATION: [ATTACHED, native("A file of the chain is open elsewhere.")],
    ERROR_VHD_CHILD_PARENT_ID_MISMATCH: [
      "The new parent is another disk, or was written to after the child was made: nothing was changed.",
      portable("If it shall be the parent nevertheless, pass { path, ignoreMismatch: true }."),
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
    ERROR_VHD_INVALID_STATE: [ATTACHED],
  },
  EnumerateVirtualDiskMetadata: METADATA,
  GetVirtualDiskMetadata: METADATA,
  SetVirtualDiskMetadata: METADATA_CHANGE,
  DeleteVirtualDiskMetadata: METADATA_CHANGE,
  GetVirtualDiskPhysicalPath: {
    ERROR_NOT_SUPPORTED: NO_ATTACHING,
    ERROR_DEV_NOT_EXIST: [
      "The disk is not attached (an attachment that is not { permanent: true } ends when its disk is " +
      "closed), or was attached with { noLocalHost: true }: then it has no device.",
    ],
    ERROR_NOT_READY: ["The disk is being attached: try again."],
    ERROR_ACCESS_DENIED: ["The disk was opened without the `get-info` access right."],
  },
  GetStorageDependencyInformation: {
    ERROR_NOT_SUPPORTED: NO_ATTACHING,
    ERROR_VIRTDISK_NOT_VIRTUAL_DISK: ["The volume or disk rests on no image: it is a plain one."],
    ERROR_FILE_NOT_FOUND: ["There is no such volume, disk or file."],
    ERROR_PATH_NOT_FOUND: ["There is no such volume, disk or folder."],
    ERROR_ACCESS_DENIED: ["Disks can be asked about by administrators only: run elevated."],
    ERROR_INVALID_PARAMETER: [
      "The path is no volume or disk of this machine, but perhaps a share.",
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
