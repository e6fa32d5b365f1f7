/** Disks that are attached to the machine. */
import {
  BOOLEAN,
  BYTES,
  either,
  NUMBER,
  OBJECT,
  oneOf,
  type OptionKinds,
  PATH,
  SIGNAL,
} from "./arguments.ts";

/**
 * A part of a disk, in bytes.
 *
 * @category Windows only
 */
export interface RestrictedRange {
  /** Where it begins, in bytes from the start of the disk. */
  offset: number;
  /** How long it is, in bytes. */
  length: number;
}

/**
 * How a disk is attached. The newer flags need a newer Windows 10.
 *
 * @category Windows only
 */
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
   * @default {whether there is a `mountPoint`}
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
   * The system's usual security descriptor holds for the disk, whatever `securityDescriptor` names.
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
  /**
   * Who may use the disk as a device. What may be done with its files is for its file systems to say.
   *
   * - `"everyone"`: all users of the machine and their programs, as after a double click in Explorer. Programs
   *   that do not run elevated can use the volumes then.
   * - `"image-file"`: whoever may use the image file, and for the same. A file that only administrators may
   *   write makes Explorer report a damaged recycle bin to everybody else. This is what AttachVirtualDisk
   *   makes of NULL, and the default with `noLocalHost`.
   * - A self-relative SECURITY_DESCRIPTOR says so itself.
   *
   * @default {"everyone"}
   */
  securityDescriptor?: "everyone" | "image-file" | Uint8Array<ArrayBuffer> | undefined;
  /**
   * An empty folder of an NTFS volume, in which the largest volume of the disk is mounted; by default none.
   * The volumes get no drive letters then, unless `noDriveLetter` is `false`.
   */
  mountPoint?: string | URL | undefined;
  /**
   * How long to wait at most for the disk and its volumes to appear, in milliseconds: one for each partition
   * that has one. A disk that is blank or offline has none to wait for. If the time runs out, the attachment
   * has what there is by then, and its `complete` is `false`.
   *
   * @default {10000}
   */
  volumeTimeout?: number | undefined;
  /**
   * Gives up: the disk is detached again, and the promise is rejected with the signal's reason. Windows cannot
   * be stopped while it attaches, which takes a moment.
   */
  signal?: AbortSignal | undefined;
}

/**
 * How a disk is detached.
 *
 * @category Windows only
 */
export interface DetachOptions {
  /**
   * Detaches the disk even if a volume of it is in use: what programs have not written yet is lost, as when
   * a plug is pulled.
   *
   * @default {false}
   */
  force?: boolean | undefined;
}

/**
 * A volume of an attached disk.
 *
 * @category Windows only
 */
export interface AttachedVolume {
  /** Its own name: `\\?\Volume{…}\`. */
  readonly guidPath: string;
  /** Drive letters (`E:\`) and folders where it is mounted. */
  readonly mountPoints: readonly string[];
}

/**
 * A disk that is attached. `await using` detaches it at the end of the scope, unless it is permanent, and throws
 * as {@linkcode Attachment.detach} where a volume is in use.
 *
 * @category Windows only
 */
export interface Attachment extends AsyncDisposable {
  /** `\\.\PhysicalDriveN` or `\\.\CDROMN`; `undefined` with `noLocalHost`. */
  readonly physicalPath: string | undefined;
  /** The N therein. */
  readonly diskNumber: number | undefined;
  /** The volumes that had appeared when the attachment was made. */
  readonly volumes: readonly AttachedVolume[];
  /** Whether these are all; `false` if `volumeTimeout` ran out before. */
  readonly complete: boolean;
  /** Whether it outlives the scope. */
  readonly permanent: boolean;
  /**
   * Detaches the disk now, also if it is permanent, and removes its `mountPoint`. Its volumes are flushed,
   * locked and dismounted before, for which programs that use them have two seconds to let go. A second call
   * does nothing.
   *
   * @param options Whether to detach a disk that is in use.
   * @throws {VirtualDiskError} `ERROR_SHARING_VIOLATION` with the name of a volume that is in use;
   * `ERROR_ACCESS_DENIED` where a volume cannot be locked. The disk stays attached then.
   */
  detach(options?: DetachOptions): Promise<void>;
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
  securityDescriptor: either(oneOf("everyone", "image-file"), BYTES),
  mountPoint: PATH,
  volumeTimeout: NUMBER,
  signal: SIGNAL,
};

/** The kinds of options. */
export const DETACH_OPTIONS: OptionKinds<DetachOptions> = { force: BOOLEAN };

/** The kinds of the members. */
export const RESTRICTED_RANGE: OptionKinds<RestrictedRange> = { offset: NUMBER, length: NUMBER };
