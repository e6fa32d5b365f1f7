/** Disks that are attached to the machine. */
import { BOOLEAN, BYTES, NUMBER, OBJECT, type OptionKinds, PATH, SIGNAL } from "./arguments.ts";

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
  readOnly?: boolean | undefined;
  /**
   * Volumes get no drive letter.
   *
   * @default {false}
   */
  noDriveLetter?: boolean | undefined;
  /**
   * The disk stays attached when this handle, and the process, has ended: until `detach()`.
   *
   * @default {false}
   */
  permanent?: boolean | undefined;
  /**
   * The disk is attached again when the machine starts; together with `permanent`.
   *
   * @default {false}
   */
  atBoot?: boolean | undefined;
  /**
   * No disk appears on this machine; `readSync` and `writeSync` give its sectors. Not for ISO images.
   *
   * @default {false}
   */
  noLocalHost?: boolean | undefined;
  /**
   * The system's usual security descriptor holds for the disk, not the image file's.
   *
   * @default {false}
   */
  noSecurityDescriptor?: boolean | undefined;
  /**
   * The default encryption policy for volumes does not hold for the disk.
   *
   * @default {false}
   */
  bypassDefaultEncryptionPolicy?: boolean | undefined;
  /**
   * Attaches outside of plug and play.
   *
   * @default {false}
   */
  nonPnp?: boolean | undefined;
  /**
   * Shows the one data partition alone.
   *
   * @default {false}
   */
  singlePartition?: boolean | undefined;
  /**
   * Has the mount manager know a disk attached with `nonPnp`.
   *
   * @default {false}
   */
  registerVolume?: boolean | undefined;
  /** Shows a part of the disk alone; by default all of it. */
  restrictedRange?: RestrictedRange | undefined;
  /** A self-relative SECURITY_DESCRIPTOR for the disk; by default that of the image file holds. */
  securityDescriptor?: Uint8Array<ArrayBuffer> | undefined;
  /** An empty folder of an NTFS volume, in which the largest volume of the disk is mounted; by default none. */
  mountPoint?: string | URL | undefined;
  /**
   * How long to wait for the disk and its volumes to appear, in milliseconds; then the attachment has what
   * there is by then. A disk without partitions is not waited for.
   *
   * @default {10000}
   */
  volumeTimeout?: number | undefined;
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

/** The kinds of options. */
export const ATTACH_OPTIONS: OptionKinds<AttachOptions> = {
  readOnly: BOOLEAN,
  noDriveLetter: BOOLEAN,
  permanent: BOOLEAN,
  atBoot: BOOLEAN,
  noLocalHost: BOOLEAN,
  noSecurityDescriptor: BOOLEAN,
  bypassDefaultEncryptionPolicy: BOOLEAN,
  nonPnp: BOOLEAN,
  singlePartition: BOOLEAN,
  registerVolume: BOOLEAN,
  restrictedRange: OBJECT,
  securityDescriptor: BYTES,
  mountPoint: PATH,
  volumeTimeout: NUMBER,
  signal: SIGNAL,
};

/** The kinds of the members. */
export const RESTRICTED_RANGE: OptionKinds<RestrictedRange> = { offset: NUMBER, length: NUMBER };
