/**
 * The rules of OpenVirtualDisk that need no file: which arguments are refused, and what the handle may
 * do. The native backend leaves them to VirtDisk.dll.
 *
 * @see {@link https://learn.microsoft.com/windows/win32/api/virtdisk/nf-virtdisk-openvirtualdisk}
 * @module
 */
import {
  OPEN_VIRTUAL_DISK_FLAG,
  OPEN_VIRTUAL_DISK_RW_DEPTH_DEFAULT,
  VIRTUAL_DISK_ACCESS,
  VIRTUAL_STORAGE_TYPE_DEVICE,
} from "../constants.ts";
import type { OpenRequest } from "../disk/open_request.ts";
import { ImageError } from "./file/image_error.ts";
import type { Sharing } from "./file/image_file.ts";

/** What the opener of a disk may do with it. */
export interface Rights {
  /** Ask for information. */
  readonly query: boolean;
  /** Read the disk's data. */
  readonly read: boolean;
  /** How many files of the chain, from the child on, are open for writing. */
  readonly writableDepth: number;
  /** Write the disk although others have it as their parent. */
  readonly ignoreChildren: boolean;
}

const KNOWN_FLAGS = Object.values(OPEN_VIRTUAL_DISK_FLAG).reduce<number>(
  (all, bit) => all | bit,
  0,
);
const { NO_PARENTS, CUSTOM_DIFF_CHAIN } = OPEN_VIRTUAL_DISK_FLAG;
/** They ask for what has no meaning without Windows' driver, or for another file format. */
const REFUSED_FLAGS = OPEN_VIRTUAL_DISK_FLAG.BLANK_FILE | OPEN_VIRTUAL_DISK_FLAG.BOOT_DRIVE |
  OPEN_VIRTUAL_DISK_FLAG.VHDSET_FILE_ONLY;

/** Refuses what OpenVirtualDisk refuses before it looks at the file. */
export function checkOpenRequest(request: OpenRequest): void {
  const { path, accessMask, flags, parameters, storageType } = request;
  const unknownRights = (accessMask & ~VIRTUAL_DISK_ACCESS.ALL) >>> 0;
  if (unknownRights !== 0) {
    throw invalid(
      path,
      `the access mask has bits outside VIRTUAL_DISK_ACCESS_ALL: ${hex(unknownRights)}`,
    );
  }
  const unknownFlags = (flags & ~KNOWN_FLAGS) >>> 0;
  if (unknownFlags !== 0) throw invalid(path, `unknown flags: ${hex(unknownFlags)}`);
  if (parameters !== null && parameters.version !== 1 && accessMask !== 0) {
    throw new ImageError("ERROR_INVALID_PARAMETER", {
      path,
      reason: "an access mask excludes readOnly, getInfoOnly, resiliencyGuid and snapshotId",
      causes: [
        "Leave one of them out: `access` makes a version 1 open, the others a version 2 or 3 one.",
      ],
    });
  }
  const isVhdSet = storageType.deviceId === VIRTUAL_STORAGE_TYPE_DEVICE.VHDSET ||
    parameters?.version === 3;
  if (isVhdSet) {
    throw unsupported(path, "the portable backend does not read VHD Sets");
  }
  if ((flags & REFUSED_FLAGS) !== 0) {
    throw unsupported(
      path,
      "the portable backend does not have the flags blank-file, boot-drive and vhdset-file-only",
    );
  }
  if (request.parents !== undefined && (flags & (NO_PARENTS | CUSTOM_DIFF_CHAIN)) !== 0) {
    throw invalid(path, "`parents` excludes the flags no-parents and custom-diff-chain");
  }
}

/** What a request gives its opener the right to. */
export function rightsOf(
  { accessMask, parameters, ...request }: OpenRequest,
): Rights {
  const ignoreChildren = request.ignoreChildren === true;
  if (parameters !== null && parameters.version !== 1) {
    const { getInfoOnly, readOnly } = parameters;
    const writableDepth = getInfoOnly || readOnly ? 0 : 1;
    return { query: true, read: !getInfoOnly, writableDepth, ignoreChildren };
  }
  const depth = parameters === null ? OPEN_VIRTUAL_DISK_RW_DEPTH_DEFAULT : parameters.rwDepth;
  const attach = VIRTUAL_DISK_ACCESS.ATTACH_RO | VIRTUAL_DISK_ACCESS.ATTACH_RW;
  return {
    query: (accessMask & VIRTUAL_DISK_ACCESS.GET_INFO) !== 0,
    read: (accessMask & attach) !== 0,
    writableDepth: (accessMask & VIRTUAL_DISK_ACCESS.WRITABLE) !== 0 ? depth : 0,
    ignoreChildren,
  };
}

/** How a reader with these rights shares the files that it does not write. */
export function sharingOf(rights: Rights): Sharing {
  return rights.read || rights.writableDepth > 0 ? "readers" : "everyone";
}

function invalid(path: string, reason: string): ImageError {
  return new ImageError("ERROR_INVALID_PARAMETER", { path, reason });
}

function unsupported(path: string, reason: string): ImageError {
  return new ImageError("ERROR_NOT_SUPPORTED", { path, reason });
}

function hex(bits: number): string {
  return `0x${bits.toString(16)}`;
}
