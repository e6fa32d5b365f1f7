/** Disks that are attached to the machine. */

/** A part of a disk, in bytes. */
export interface RestrictedRange {
  /** Where it begins, in bytes from the start of the disk. */
  offset: number;
  /** How long it is, in bytes. */
  length: number;
}

/** How a disk is attached. The newer flags need a newer Windows 10. */
export interface AttachOptions {
  /**
   * Whether nothing can be written to the disk; of an ISO image nothing else is possible.
   *
   * @default {as the disk was opened}
   */
  readOnly?: boolean;
  /**
   * Volumes get no drive letter.
   *
   * @default {false}
   */
  noDriveLetter?: boolean;
  /**
   * The disk stays attached when this handle, and the process, has ended: until `detach()`.
   *
   * @default {false}
   */
  permanent?: boolean;
  /**
   * The disk is attached again when the machine starts; together with `permanent`.
   *
   * @default {false}
   */
  atBoot?: boolean;
  /**
   * No disk appears on this machine; `readSync` and `writeSync` give its sectors. Not for ISO images.
   *
   * @default {false}
   */
  noLocalHost?: boolean;
  /**
   * The system's usual security descriptor holds for the disk, not the image file's.
   *
   * @default {false}
   */
  noSecurityDescriptor?: boolean;
  /**
   * The default encryption policy for volumes does not hold for the disk.
   *
   * @default {false}
   */
  bypassDefaultEncryptionPolicy?: boolean;
  /**
   * Attaches outside of plug and play.
   *
   * @default {false}
   */
  nonPnp?: boolean;
  /**
   * Shows the one data partition alone.
   *
   * @default {false}
   */
  singlePartition?: boolean;
  /**
   * Has the mount manager know a disk attached with `nonPnp`.
   *
   * @default {false}
   */
  registerVolume?: boolean;
  /** Shows a part of the disk alone; by default all of it. */
  restrictedRange?: RestrictedRange;
  /** A self-relative SECURITY_DESCRIPTOR for the disk; by default that of the image file holds. */
  securityDescriptor?: Uint8Array<ArrayBuffer>;
  /** An empty folder of an NTFS volume, in which the largest volume of the disk is mounted; by default none. */
  mountPoint?: string | URL;
  /**
   * How long to wait for the disk and its volumes to appear, in milliseconds; then the attachment has what
   * there is by then. A disk without partitions is not waited for.
   *
   * @default {10000}
   */
  volumeTimeout?: number;
  /** Gives up: the disk is detached again, and the promise is rejected with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** A volume of an attached disk. */
export interface AttachedVolume {
  /** Its own name: `\\?\Volume{…}\`. */
  readonly guidPath: string;
  /** Drive letters (`E:\`) and folders where it is mounted. */
  readonly mountPoints: readonly string[];
}

/** A disk that is attached. `await using` detaches it at the end of the scope, unless it is permanent. */
export interface Attachment extends AsyncDisposable {
  /** `\\.\PhysicalDriveN` or `\\.\CDRomN`; `undefined` with `noLocalHost`. */
  readonly physicalPath: string | undefined;
  /** The N therein. */
  readonly diskNumber: number | undefined;
  /** The volumes that had appeared when the attachment was made. */
  readonly volumes: readonly AttachedVolume[];
  /** Whether it outlives the scope. */
  readonly permanent: boolean;
  /**
   * Detaches the disk now, also where it is permanent, and removes its `mountPoint`. A second call does
   * nothing.
   *
   * @throws {VirtualDiskError} As `VirtualDisk.detach`.
   */
  detach(): Promise<void>;
}
