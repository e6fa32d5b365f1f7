/**
 * The options of a script turned into what OpenVirtualDisk takes: storage type, access mask, flags and
 * versioned parameters. Both backends work from this, so that an option means the same in each.
 *
 * @see {@link https://learn.microsoft.com/windows/win32/api/virtdisk/nf-virtdisk-openvirtualdisk}
 * @module
 */
import { NIL_GUID } from "../bytes/guid.ts";
import {
  OPEN_VIRTUAL_DISK_FLAG,
  VIRTUAL_DISK_ACCESS,
  VIRTUAL_STORAGE_TYPE_DEVICE,
  VIRTUAL_STORAGE_TYPE_VENDOR_MICROSOFT,
} from "../constants.ts";
import { virtualDiskError } from "../errors/error.ts";
import { extname } from "../text/paths.ts";
import { flagBits, guidOption, uint32, wordValue } from "./arguments.ts";
import { type AssumedSizes, assumedSizes } from "./damage.ts";
import {
  type DiskSource,
  type HostSource,
  nameOfSource,
  type PathlessSource,
  toHostSource,
} from "./disk_source.ts";
import type { AccessRight, ImageType, OpenFlag, OpenOptions } from "./open_options.ts";

/** VIRTUAL_STORAGE_TYPE. */
export interface StorageTypeRequest {
  /** A `VIRTUAL_STORAGE_TYPE_DEVICE_*` number. */
  readonly deviceId: number;
  /** A vendor GUID. */
  readonly vendorId: string;
}

/** OPEN_VIRTUAL_DISK_PARAMETERS: the version and its arm of the union. */
export type OpenParameters =
  | { readonly version: 1; readonly rwDepth: number }
  | {
    readonly version: 2;
    readonly getInfoOnly: boolean;
    readonly readOnly: boolean;
    readonly resiliencyGuid: string;
  }
  | {
    readonly version: 3;
    readonly getInfoOnly: boolean;
    readonly readOnly: boolean;
    readonly resiliencyGuid: string;
    readonly snapshotId: string;
  };

/** The arguments of OpenVirtualDisk. */
export interface OpenRequest {
  /** A path of the host; not empty, without NUL, not made absolute yet. Of another source, what messages call it. */
  readonly path: string;
  /** What is opened, if it is no file of the host: what Windows does not do. */
  readonly source?: PathlessSource;
  /** What the parents are, the nearest first: what Windows does not do. */
  readonly parents?: readonly HostSource[];
  readonly storageType: StorageTypeRequest;
  readonly accessMask: number;
  readonly flags: number;
  /** `null` is a version 1 open with the default depth. */
  readonly parameters: OpenParameters | null;
  /** The file is a raw disk, a format that Windows does not have. */
  readonly raw?: true;
  /** Parents need not be what their children expect: what Windows does not allow. */
  readonly ignoreMismatch?: true;
  /** The disk may be written although it has children. */
  readonly ignoreChildren?: true;
  /** No sector may be torn by a crash, whatever the host writes at once. */
  readonly atomicSectors?: true;
  /** What is assumed of an image that may be damaged; absent if it must be sound. */
  readonly assumed?: AssumedSizes;
}

/** The number of each flag. */
export const OPEN_FLAG_BITS: Readonly<Record<OpenFlag, number>> = {
  "no-parents": OPEN_VIRTUAL_DISK_FLAG.NO_PARENTS,
  "blank-file": OPEN_VIRTUAL_DISK_FLAG.BLANK_FILE,
  "boot-drive": OPEN_VIRTUAL_DISK_FLAG.BOOT_DRIVE,
  "cached-io": OPEN_VIRTUAL_DISK_FLAG.CACHED_IO,
  "custom-diff-chain": OPEN_VIRTUAL_DISK_FLAG.CUSTOM_DIFF_CHAIN,
  "parent-cached-io": OPEN_VIRTUAL_DISK_FLAG.PARENT_CACHED_IO,
  "vhdset-file-only": OPEN_VIRTUAL_DISK_FLAG.VHDSET_FILE_ONLY,
  "ignore-relative-parent-locator": OPEN_VIRTUAL_DISK_FLAG.IGNORE_RELATIVE_PARENT_LOCATOR,
  "no-write-hardening": OPEN_VIRTUAL_DISK_FLAG.NO_WRITE_HARDENING,
  "support-compressed-volumes": OPEN_VIRTUAL_DISK_FLAG.SUPPORT_COMPRESSED_VOLUMES,
  "support-sparse-files-any-fs": OPEN_VIRTUAL_DISK_FLAG.SUPPORT_SPARSE_FILES_ANY_FS,
  "support-encrypted-files": OPEN_VIRTUAL_DISK_FLAG.SUPPORT_ENCRYPTED_FILES,
};

/** The number of each right. */
export const ACCESS_BITS: Readonly<Record<AccessRight, number>> = {
  "attach-ro": VIRTUAL_DISK_ACCESS.ATTACH_RO,
  "attach-rw": VIRTUAL_DISK_ACCESS.ATTACH_RW,
  "detach": VIRTUAL_DISK_ACCESS.DETACH,
  "get-info": VIRTUAL_DISK_ACCESS.GET_INFO,
  "create": VIRTUAL_DISK_ACCESS.CREATE,
  "metaops": VIRTUAL_DISK_ACCESS.METAOPS,
  "read": VIRTUAL_DISK_ACCESS.READ,
  "writable": VIRTUAL_DISK_ACCESS.WRITABLE,
  "all": VIRTUAL_DISK_ACCESS.ALL,
};

const DEVICE_IDS: Record<ImageType, number> = {
  iso: VIRTUAL_STORAGE_TYPE_DEVICE.ISO,
  vhd: VIRTUAL_STORAGE_TYPE_DEVICE.VHD,
  vhdx: VIRTUAL_STORAGE_TYPE_DEVICE.VHDX,
  vhdset: VIRTUAL_STORAGE_TYPE_DEVICE.VHDSET,
};

/**
 * Makes the request of an open.
 *
 * @throws {TypeError} Where an option is of the wrong kind or an unknown word, or a path holds a NUL.
 * @throws {RangeError} Where a number is no 32-bit unsigned one.
 * @throws {VirtualDiskError} `ERROR_INVALID_PARAMETER` where options exclude each other or the path is
 * empty; `ERROR_ACCESS_DENIED` where an ISO image is to be written.
 */
export function openRequest(given: DiskSource, options: OpenOptions): OpenRequest {
  const source = toHostSource(given, typeof given === "string" ? "path" : "source");
  const hostPath = nameOfSource(source);
  if (hostPath === "") invalid(hostPath, "the path is empty", ["Name an image file."]);
  const opened = {
    path: hostPath,
    ...(typeof source === "string" ? {} : { source }),
    ...(options.parents === undefined
      ? {}
      : { parents: options.parents.map((parent) => toHostSource(parent, "each of parents")) }),
  };
  const flags = flagBits(options.flags, OPEN_FLAG_BITS, "flags");
  if (options.type === "raw") {
    const storageType = storageTypeOf(undefined, "type");
    return {
      ...opened,
      storageType,
      flags,
      ...generalRights(hostPath, options),
      raw: true,
      ...tolerance(hostPath, options, flags),
    };
  }
  const type = options.type ?? (extname(hostPath).toLowerCase() === ".iso" ? "iso" : undefined);
  const storageType = storageTypeOf(type, "type");
  const rights = type === "iso" ? isoRights(hostPath, options) : generalRights(hostPath, options);
  return {
    ...opened,
    storageType,
    flags,
    ...rights,
    ...(options.ignoreMismatch ? { ignoreMismatch: true } : {}),
    ...(options.ignoreChildren ? { ignoreChildren: true } : {}),
    ...(options.atomicSectors ? { atomicSectors: true } : {}),
    ...tolerance(hostPath, options, flags),
  };
}

/** A format as functions take it; without one the file tells. */
export function storageTypeOf(type: ImageType | undefined, option: string): StorageTypeRequest {
  return type === undefined
    ? { deviceId: VIRTUAL_STORAGE_TYPE_DEVICE.UNKNOWN, vendorId: NIL_GUID }
    : {
      deviceId: wordValue(type, DEVICE_IDS, option),
      vendorId: VIRTUAL_STORAGE_TYPE_VENDOR_MICROSOFT,
    };
}

/** A damaged image is only read: a write could destroy what is left of it. */
function tolerance(
  path: string,
  { damage = "refuse", assume, readOnly, access, rwDepth }: OpenOptions,
  flags: number,
): Pick<OpenRequest, "assumed"> {
  const assumed = assumedSizes(assume);
  if (damage === "refuse") {
    if (assume === undefined) return {};
    return invalid(path, "`assume` is for an image that may be damaged", [
      'Pass { damage: "tolerate" } too, or leave `assume` out.',
    ]);
  }
  if (readOnly === false || access !== undefined || rwDepth !== undefined) {
    invalid(path, "an image that may be damaged is opened for reading alone", [
      'Leave out `readOnly`, `access` and `rwDepth`; to write, copy what is left of the disk: createVirtualDisk(path, { source, damage: "tolerate" }).',
    ]);
  }
  if ((flags & OPEN_VIRTUAL_DISK_FLAG.CUSTOM_DIFF_CHAIN) !== 0) {
    invalid(path, 'the flag "custom-diff-chain" is for images that are sound', [
      "Leave it out: a parent that is not there is taken for lost.",
    ]);
  }
  return { assumed };
}

type Rights = Pick<OpenRequest, "accessMask" | "parameters">;

function generalRights(path: string, options: OpenOptions): Rights {
  const { access, rwDepth, readOnly, getInfoOnly, resiliencyGuid, snapshotId } = options;
  const version2 = readOnly !== undefined || getInfoOnly !== undefined ||
    resiliencyGuid !== undefined || snapshotId !== undefined;
  if (version2 && rwDepth !== undefined) {
    invalid(path, "rwDepth excludes readOnly, getInfoOnly, resiliencyGuid and snapshotId", [
      "Leave one of them out: `rwDepth` makes a version 1 open, the others a version 2 or 3 one.",
    ]);
  }
  // An access mask beside version 2 options is passed on: refusing it is OpenVirtualDisk's own rule.
  const accessMask = flagBits(access, ACCESS_BITS, "access");
  if (!version2 && (access !== undefined || rwDepth !== undefined)) {
    const parameters = rwDepth === undefined
      ? null
      : { version: 1 as const, rwDepth: uint32(rwDepth, "rwDepth") };
    return { accessMask, parameters };
  }
  const common = {
    getInfoOnly: getInfoOnly ?? false,
    readOnly: readOnly ?? true,
    resiliencyGuid: guidOption(resiliencyGuid, "resiliencyGuid"),
  };
  return {
    accessMask,
    parameters: snapshotId === undefined
      ? { version: 2, ...common }
      : { version: 3, ...common, snapshotId: guidOption(snapshotId, "snapshotId") },
  };
}

/** An ISO image opens by version 1 alone, for reading alone (VIRTUAL_DISK_ACCESS_MASK, remarks). */
function isoRights(path: string, options: OpenOptions): Rights {
  const { access, rwDepth, readOnly, getInfoOnly, resiliencyGuid, snapshotId } = options;
  if (access !== undefined || rwDepth !== undefined) return generalRights(path, options);
  if (resiliencyGuid !== undefined || snapshotId !== undefined) {
    invalid(path, "an ISO image takes neither resiliencyGuid nor snapshotId", ["Leave them out."]);
  }
  if (readOnly === false) {
    throw virtualDiskError("ERROR_ACCESS_DENIED", "OpenVirtualDisk", {
      path,
      reason: "an ISO image cannot be opened for writing",
      causes: ["Leave `readOnly` out; to change what it holds, convert it to a VHD or VHDX."],
    });
  }
  const accessMask = getInfoOnly ? VIRTUAL_DISK_ACCESS.GET_INFO : VIRTUAL_DISK_ACCESS.READ;
  return { accessMask, parameters: null };
}

function invalid(path: string, reason: string, causes: readonly string[]): never {
  throw virtualDiskError("ERROR_INVALID_PARAMETER", "OpenVirtualDisk", { path, reason, causes });
}
