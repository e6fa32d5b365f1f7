/** The call of OpenVirtualDisk. */
import { VIRTUAL_DISK_ACCESS, VIRTUAL_STORAGE_TYPE_DEVICE } from "../constants.ts";
import { isErrorOf, VirtualDiskError } from "../errors/error.ts";
import type { OpenFlag } from "../disk/open_options.ts";
import { type OpenParameters, type OpenRequest, openRequest } from "../disk/open_request.ts";
import { extname } from "../text/paths.ts";
import { fullPath, wideString } from "./ffi/text.ts";
import type { CalledDisk } from "./call/disk_call.ts";
import { Handle } from "./call/handle.ts";
import { HeapMemory } from "./call/memory.ts";
import type { Libraries } from "./ffi/library.ts";
import { readInformation } from "./information.ts";
import { OPEN_VIRTUAL_DISK_PARAMETERS, VIRTUAL_STORAGE_TYPE } from "./ffi/structs.ts";

const OPERATION = "OpenVirtualDisk";

/** An image that was opened. */
export interface OpenedImage {
  /** Absolute path. */
  readonly path: string;
  /** Whoever has this closes it. */
  readonly handle: Handle;
  /** Whether the handle lacks the right to attach the disk for writing. */
  readonly readOnly: boolean;
  /** Whether it is an ISO image. */
  readonly isIso: boolean;
}

/** Opens an image. */
export function openImage(libraries: Libraries, request: OpenRequest): OpenedImage {
  const call = new OpenCall(libraries, request);
  const [type, path, accessMask, flags, parameters] = call.arguments;
  const handle = new Uint8Array(HANDLE_BYTES);
  const { virtdisk } = libraries;
  return call.opened(
    virtdisk.OpenVirtualDisk(type, path, accessMask, flags, parameters, handle),
    handle,
  );
}

/**
 * Opens an image to ask about it alone, without its parents: also one that is attached, or whose parents are
 * missing.
 */
export function openToAsk(libraries: Libraries, path: string): OpenedImage {
  // An ISO image has no parents, and opens with no flag about them.
  const flags: OpenFlag[] = extname(path).toLowerCase() === ".iso" ? [] : ["no-parents"];
  return openImage(libraries, openRequest(path, { getInfoOnly: true, flags }));
}

/** As many files as Windows opens in a chain, and more than anybody makes. */
const LONGEST_CHAIN = 256;

/**
 * The parents of an open disk, the nearest first: Windows tells of each image the nearest alone.
 *
 * @throws {VirtualDiskError} What asking, or opening a parent to ask it, fails with.
 */
export function parentPaths(disk: CalledDisk): string[] {
  const paths: string[] = [];
  let next = parentOf(disk);
  while (next !== undefined && paths.length < LONGEST_CHAIN) {
    paths.push(next);
    const { libraries } = disk;
    const { path, handle } = openImage(libraries, openRequest(next, { getInfoOnly: true }));
    try {
      next = parentOf({ libraries, handle: handle.value, path });
    } finally {
      handle.close();
    }
  }
  return paths;
}

/** `undefined` if the image has none, or was opened without. */
function parentOf(disk: CalledDisk): string | undefined {
  try {
    const { resolved, paths: [path] } = readInformation(disk, "parentLocation");
    return resolved ? path : undefined;
  } catch (error) {
    if (isErrorOf(error, "ERROR_VHD_INVALID_TYPE")) return undefined;
    throw error;
  }
}

/**
 * Opens an image on another thread: a long chain, or a share far away, may take its time. What a worker opens that is
 * terminated meanwhile stays open until the process ends.
 */
export async function openImageAsync(
  libraries: Libraries,
  request: OpenRequest,
): Promise<OpenedImage> {
  using memory = new HeapMemory(libraries.kernel32);
  const call = new OpenCall(libraries, request);
  const [type, path, accessMask, flags, parameters] = call.arguments;
  const handle = memory.place(new Uint8Array(HANDLE_BYTES));
  const code = await libraries.virtdisk.OpenVirtualDiskAsync(
    memory.place(type),
    memory.place(path),
    accessMask,
    flags,
    memory.place(parameters),
    handle,
  );
  return call.opened(code, memory.read(handle, HANDLE_BYTES));
}

const VHDX = /\.a?vhdx$/i;

const HANDLE_BYTES = 8;

/** What goes in: storage type, path, access mask, flags, parameters. */
type Arguments = readonly [Bytes, Bytes, number, number, Bytes | null];
type Bytes = Uint8Array<ArrayBuffer>;

class OpenCall {
  readonly arguments: Arguments;
  readonly #path: string;
  readonly #libraries: Libraries;
  readonly #rights: Pick<OpenedImage, "readOnly" | "isIso">;
  /** For errors. */
  readonly #about: readonly string[];

  constructor(libraries: Libraries, request: OpenRequest) {
    const { storageType: { deviceId, vendorId }, accessMask, flags, parameters } = request;
    this.#libraries = libraries;
    const isIso = deviceId === VIRTUAL_STORAGE_TYPE_DEVICE.ISO;
    this.#rights = { readOnly: isReadOnly(request), isIso };
    this.#path = fullPath(libraries.kernel32, request.path, OPERATION);
    const { readOnly } = this.#rights;
    this.#about = [
      readOnly ? "file" : "file to write",
      ...(isIso ? ["iso"] : []),
      ...(readOnly && VHDX.test(this.#path) ? ["vhdx to read"] : []),
      // What Windows itself looks for, it does not refuse.
      "moved parent",
    ];
    this.arguments = [
      VIRTUAL_STORAGE_TYPE.pack({ DeviceId: deviceId, VendorId: vendorId }),
      wideString(this.#path),
      accessMask,
      flags,
      parameters === null ? null : packParameters(parameters),
    ];
  }

  /** What `code` makes of the call. The handle means something after a success alone. */
  opened(code: number, handleBytes: Bytes): OpenedImage {
    if (code !== 0) {
      throw new VirtualDiskError(code, OPERATION, { path: this.#path, about: this.#about });
    }
    const value = new DataView(handleBytes.buffer).getBigUint64(0, true);
    const handle = new Handle(this.#libraries.kernel32, value);
    return { path: this.#path, handle, ...this.#rights };
  }
}

function isReadOnly({ accessMask, parameters }: OpenRequest): boolean {
  return parameters === null || parameters.version === 1
    ? (accessMask & VIRTUAL_DISK_ACCESS.ATTACH_RW) === 0
    : parameters.readOnly || parameters.getInfoOnly;
}

function packParameters(parameters: OpenParameters): Uint8Array<ArrayBuffer> {
  if (parameters.version === 1) {
    const Version1 = { RWDepth: parameters.rwDepth };
    return OPEN_VIRTUAL_DISK_PARAMETERS.pack({ Version: 1, Version1 });
  }
  const Version2 = {
    GetInfoOnly: parameters.getInfoOnly,
    ReadOnly: parameters.readOnly,
    ResiliencyGuid: parameters.resiliencyGuid,
  };
  if (parameters.version === 2) return OPEN_VIRTUAL_DISK_PARAMETERS.pack({ Version: 2, Version2 });
  const Version3 = { ...Version2, SnapshotId: parameters.snapshotId };
  return OPEN_VIRTUAL_DISK_PARAMETERS.pack({ Version: 3, Version3 });
}
