/**
 * What can be asked of an open disk, and set: the classes of GET_VIRTUAL_DISK_INFO and SET_VIRTUAL_DISK_INFO. What
 * a script wants to set is checked here, and both backends work from that.
 *
 * @see {@link https://learn.microsoft.com/windows/win32/api/virtdisk/ns-virtdisk-get_virtual_disk_info}
 * @module
 */
import { isErrorOf, VirtualDiskError } from "../errors/error.ts";
import {
  BOOLEAN,
  checkArgument,
  checkGuid,
  checkOptions,
  either,
  type Kind,
  NUMBER,
  OBJECT,
  oneOf,
  type OptionKinds,
  PATH,
  STRING,
  toHostPath,
  uint32,
} from "./arguments.ts";

/**
 * Sizes of a disk, in bytes.
 *
 * @category Information
 */
export interface DiskSize {
  /** Bytes of the disk that a machine would see. */
  virtualSize: number;
  /** Bytes of the image file. */
  physicalSize: number;
  /** Bytes of the unit of allocation; 0 where the format has none. */
  blockSize: number;
  /** Bytes of a logical sector: 512, 4096, or 2048 for an ISO image. */
  sectorSize: number;
}

/**
 * Where a differencing disk's parent is.
 *
 * @category Information
 */
export interface ParentLocation {
  /** Whether the parent was found. */
  resolved: boolean;
  /** The parent's path where it was found, else every path that the image names. */
  paths: string[];
}

/**
 * The format of an image.
 *
 * @category Information
 */
export interface StorageType {
  /** The kind of image. */
  device: "iso" | "vhd" | "vhdx" | "vhdset" | "unknown";
  /** The vendor GUID, lower case: `ec984aec-a0f9-47e9-901f-71415a66345b` is Microsoft. */
  vendor: string;
}

/**
 * The disk that the image file lies on.
 *
 * @category Information
 */
export interface PhysicalDiskInformation {
  /** Bytes. */
  logicalSectorSize: number;
  /** Bytes. */
  physicalSectorSize: number;
  /** Whether it is reached over a network. */
  isRemote: boolean;
}

/**
 * Resilient change tracking, Windows 10 and later.
 *
 * @category Information
 */
export interface ChangeTrackingState {
  /** Whether changes are tracked. */
  enabled: boolean;
  /** Whether the disk has changed since `mostRecentId`. */
  newerChanges: boolean;
  /** The id of the newest tracking point. */
  mostRecentId: string;
}

/**
 * How the space of a disk is allocated; `"unknown"` for ISO images.
 *
 * @category Information
 */
export type ProviderSubtype = "fixed" | "dynamic" | "differencing" | "unknown";

/**
 * One key per information class. GUIDs are lower-case strings without braces; sizes are bytes.
 *
 * @category Information
 */
export interface VirtualDiskInformation {
  /** Sizes. Every disk. */
  size: DiskSize;
  /** VHD: the footer's unique id. VHDX: the data write GUID, which changes as the disk is written. */
  identifier: string;
  /** Where the parent is. Differencing disks only. */
  parentLocation: ParentLocation;
  /** The identifier that the child expects of its parent. Differencing disks only. */
  parentIdentifier: string;
  /** Differencing VHD only: the parent's stamp, seconds since 2000-01-01 UTC; 0 where not recorded. */
  parentTimestamp: number;
  /** The image's real format. */
  storageType: StorageType;
  /** How space is allocated. */
  providerSubtype: ProviderSubtype;
  /** Whether the disk's data lie at multiples of 4096 in the file. */
  is4kAligned: boolean;
  /** Whether the disk is attached and in use. */
  isLoaded: boolean;
  /** The disk that the image file lies on. Native backend. */
  physicalDisk: PhysicalDiskInformation;
  /** Physical sector size of the virtual disk, in bytes. */
  vhdPhysicalSectorSize: number;
  /**
   * The size to which the disk may shrink without cutting a partition, in bytes. The portable backend reads
   * the partition table (MBR or GPT) for it: up to the end of the last partition, and where the table is a
   * GPT, room for its backup.
   */
  smallestSafeVirtualSize: number;
  /** How fragmented the image file is, from 0 to 100 percent. Native backend. */
  fragmentationPercentage: number;
  /** VHDX: the page 83 identifier, which lasts; VHD: the same as `identifier`. */
  virtualDiskId: string;
  /** Change tracking. Native backend. */
  changeTrackingState: ChangeTrackingState;
}

/**
 * What an image is: its format; `"unknown"` for one of Windows' that has no name here.
 *
 * @category Information
 */
export type DiskFormat = "iso" | "vhd" | "vhdx" | "vhdset" | "raw" | "unknown";

/**
 * The name of an information class.
 *
 * @category Information
 */
export type InformationKind = keyof VirtualDiskInformation;

/** All classes, in the order of their numbers in virtdisk.h (1 to 15). */
export const INFORMATION_KINDS: readonly InformationKind[] = [
  "size",
  "identifier",
  "parentLocation",
  "parentIdentifier",
  "parentTimestamp",
  "storageType",
  "providerSubtype",
  "is4kAligned",
  "physicalDisk",
  "vhdPhysicalSectorSize",
  "smallestSafeVirtualSize",
  "fragmentationPercentage",
  "isLoaded",
  "virtualDiskId",
  "changeTrackingState",
];

/**
 * A parent to be stored in a child.
 *
 * @category Information
 */
export interface ParentPath {
  /** The parent's image. */
  path: string | URL;
  /**
   * Portable backend: whether the parent need not have the identifier that the child expects. **Its
   * contents may be others than the child was made from**, and children of the child become invalid, as
   * whenever the disk that they were made from changes. Windows does not compare, and the native backend
   * does not either.
   *
   * @default {false}
   */
  ignoreMismatch?: boolean | undefined;
  /**
   * Portable backend: stores nothing, and fails as storing would. The disk may be open for reading.
   *
   * @default {false}
   */
  dryRun?: boolean | undefined;
}

/**
 * One key per SET_VIRTUAL_DISK_INFO class. GUIDs are text in either case, with or without braces.
 *
 * @category Information
 */
export interface SettableInformation {
  /**
   * Where the parent is. The path is resolved, and the parent's identifier and time stamp are stored
   * anew: nothing compares its contents, so that a wrong parent makes a wrong disk. The portable backend
   * refuses a parent with another identifier than the child expects, unless asked by `ignoreMismatch`.
   * Open a child whose parent is missing with the flag `"no-parents"`. Differencing disks only.
   */
  parentPath: string | URL | ParentPath;
  /** VHD: the footer's unique id. Children made before no longer know the disk. */
  identifier: string;
  /**
   * As `parentPath`, for a file further up the chain, which the portable backend must have open for
   * writing: `{ access: ["all"], rwDepth: 3 }` opens three files so.
   */
  parentPathWithDepth: ParentPath & {
    /** Whose parent: 1 is the open file, 2 its parent, ... */
    childDepth: number;
  };
  /** VHDX: 512 or 4096 bytes; what is reported, the data stay as they are. */
  vhdPhysicalSectorSize: number;
  /** VHDX: the page 83 identifier. */
  virtualDiskId: string;
  /** Whether changes are tracked. Native backend, Windows 10. */
  changeTrackingEnabled: boolean;
  /**
   * The stored link itself, as it is, without a look at the parent, to hold from the next open on. The native
   * backend needs Windows 10.
   */
  parentLocator: {
    /** The identifier that the parent shall have. */
    linkageId: string;
    /** The path that is stored. */
    path: string | URL;
  };
}

/**
 * The name of a class that can be set.
 *
 * @category Information
 */
export type SettableKind = keyof SettableInformation;

/** The values of the classes: GUIDs in lower case, paths of the host, not made absolute yet. */
export interface CheckedInformation {
  /** The path, whether the parent may have another identifier than the child expects, whether to store it. */
  readonly parentPath: {
    readonly path: string;
    readonly ignoreMismatch: boolean;
    readonly dryRun: boolean;
  };
  /** The unique id. */
  readonly identifier: string;
  /** Whose parent (1 is the open file), and the same. */
  readonly parentPathWithDepth: CheckedInformation["parentPath"] & { readonly childDepth: number };
  /** Bytes. */
  readonly vhdPhysicalSectorSize: number;
  /** The page 83 identifier. */
  readonly virtualDiskId: string;
  /** On or off. */
  readonly changeTrackingEnabled: boolean;
  /** The identifier and the path that are stored. */
  readonly parentLocator: { readonly linkageId: string; readonly path: string };
}

/** A class and its new value. */
export type InformationChange = {
  [K in SettableKind]: { readonly kind: K; readonly value: CheckedInformation[K] };
}[SettableKind];

const PARENT_PATH: OptionKinds<ParentPath> = {
  path: PATH,
  ignoreMismatch: BOOLEAN,
  dryRun: BOOLEAN,
};
const PARENT_PATH_WITH_DEPTH: OptionKinds<SettableInformation["parentPathWithDepth"]> = {
  ...PARENT_PATH,
  childDepth: NUMBER,
};
const PARENT_LOCATOR: OptionKinds<SettableInformation["parentLocator"]> = {
  linkageId: STRING,
  path: PATH,
};

const CHECKS: {
  readonly [K in SettableKind]: (value: SettableInformation[K]) => CheckedInformation[K];
} = {
  parentPath: (value) => {
    checkArgument(either(PATH, OBJECT), value, "parentPath");
    return typeof value === "string" || value instanceof URL
      ? { path: checkPath(value, "parentPath"), ignoreMismatch: false, dryRun: false }
      : checkParentPath(checkOptions(PARENT_PATH, value, "parentPath"));
  },
  identifier: (value) => checkGuid(value, "identifier"),
  parentPathWithDepth: (value) => {
    const checked = checkOptions(PARENT_PATH_WITH_DEPTH, value, "parentPathWithDepth");
    return { childDepth: uint32(checked.childDepth, "childDepth", 1), ...checkParentPath(checked) };
  },
  vhdPhysicalSectorSize: (value) => uint32(value, "vhdPhysicalSectorSize"),
  virtualDiskId: (value) => checkGuid(value, "virtualDiskId"),
  changeTrackingEnabled: (value) => checkArgument(BOOLEAN, value, "changeTrackingEnabled"),
  parentLocator: (value) => {
    const { linkageId, path } = checkOptions(PARENT_LOCATOR, value, "parentLocator");
    return { linkageId: checkGuid(linkageId, "linkageId"), path: checkPath(path, "path") };
  },
};

/**
 * Checks a class and its value.
 *
 * @throws {TypeError | RangeError} Where there is no such class, or the value is none of it.
 */
export function informationChange<K extends SettableKind>(
  kind: K,
  value: SettableInformation[K],
): InformationChange {
  checkArgument(oneOf(...Object.keys(CHECKS)), kind, "the class to set");
  // The compiler cannot see that kind and value belong together.
  return { kind, value: CHECKS[kind](value) } as InformationChange;
}

function checkParentPath(
  { path, ignoreMismatch = false, dryRun = false }: ParentPath,
): CheckedInformation["parentPath"] {
  return { path: checkPath(path, "path"), ignoreMismatch, dryRun };
}

function checkPath(value: string | URL, name: string): string {
  const path = toHostPath(value, name);
  if (path === "") throw new TypeError(`${name} must not be empty`);
  return path;
}

const INFORMATION_KIND: Kind = {
  ...oneOf(...INFORMATION_KINDS),
  expected: 'a class of information, such as "size"',
};

/**
 * Checks that there is such a class.
 *
 * @throws {TypeError} If there is none.
 */
export function checkKind<K extends InformationKind>(kind: K): K {
  return checkArgument(INFORMATION_KIND, kind, "kind");
}

/**
 * How `information` takes classes that cannot be read.
 *
 * @category Information
 */
export interface InformationOptions {
  /**
   * Whether a class that applies to the disk and cannot be read is an error. Otherwise it is left out.
   *
   * @default {false}
   */
  strict?: boolean;
}

const INFORMATION_OPTIONS: OptionKinds<InformationOptions> = { strict: BOOLEAN };

/** Kinds that may fail on a healthy disk, for reasons that Windows does not tell. */
const UNRELIABLE_KINDS: ReadonlySet<InformationKind> = new Set([
  "smallestSafeVirtualSize",
  "fragmentationPercentage",
]);

/**
 * All classes of information that a disk gives.
 *
 * @param kinds Those that are worth asking for.
 * @param query Gives a class; `undefined` if the disk has none.
 * @throws {VirtualDiskError} As `VirtualDisk.information`.
 */
export function allInformation(
  kinds: readonly InformationKind[],
  query: <K extends InformationKind>(kind: K) => VirtualDiskInformation[K] | undefined,
  options: InformationOptions,
): Partial<VirtualDiskInformation> {
  const { strict = false } = checkOptions(INFORMATION_OPTIONS, options, "information");
  const found: { [K in InformationKind]?: unknown } = {};
  let isEmpty = true;
  let first: VirtualDiskError | undefined;
  for (const kind of kinds) {
    try {
      const value = query(kind);
      if (value === undefined) continue;
      found[kind] = value;
      isEmpty = false;
    } catch (error) {
      const isOfDisk = !(error instanceof VirtualDiskError) ||
        isErrorOf(error, "ERROR_INVALID_HANDLE");
      if (isOfDisk || strict && !doesNotApply(kind, error)) throw error;
      first ??= error;
    }
  }
  if (isEmpty && first !== undefined) throw first;
  return found as Partial<VirtualDiskInformation>;
}

/**
 * Whether `error` says that a class has no answer for this disk: wrong kind of disk, a backend or a
 * Windows that does not know the class (87 and 1 are what older systems give for a newer class).
 */
function doesNotApply(kind: InformationKind, error: unknown): boolean {
  const isFailure = isErrorOf(
    error,
    "ERROR_INVALID_HANDLE",
    "ERROR_ACCESS_DENIED",
    "ERROR_IO_DEVICE",
  );
  if (isFailure) return false;
  if (UNRELIABLE_KINDS.has(kind)) return error instanceof VirtualDiskError;
  return isErrorOf(
    error,
    "ERROR_VHD_INVALID_TYPE",
    "ERROR_NOT_SUPPORTED",
    "ERROR_INVALID_PARAMETER",
    "ERROR_INVALID_FUNCTION",
    "ERROR_CALL_NOT_IMPLEMENTED",
  );
}
