/** The call of OpenVirtualDisk. */
import { NIL_GUID } from "../bytes/guid.ts";
import { VIRTUAL_DISK_ACCESS, VIRTUAL_STORAGE_TYPE_DEVICE } from "../constants.ts";
import { isErrorOf, VirtualDiskError } from "../errors/error.ts";
import type { OpenFlag } from "../disk/open_options.ts";
import { type OpenParameters, type OpenRequest, openRequest } from "../disk/open_request.ts";
import { extname } from "../text/paths.ts";
import { fullWidePath } from "./ffi/text.ts";
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
  const { type, path, accessMask, flags, parameters } = call;
  const code = libraries.virtdisk.OpenVirtualDisk(
    type,
    path,
    accessMask,
    flags,
    parameters,
    HANDLE_BYTES,
  );
  return call.opened(code, HANDLE[0]!);
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
  const { type, path, accessMask, flags, parameters } = call;
  const handle = memory.place(new Uint8Array(HANDLE_BYTES.length));
  const code = await libraries.virtdisk.OpenVirtualDiskAsync(
    memory.place(type),
    memory.place(path),
    accessMask,
    flags,
    memory.place(parameters),
    handle,
  );
  const { buffer } = memory.read(handle, HANDLE_BYTES.length);
  return call.opened(code, new BigUint64Array(buffer)[0]!);
}

const VHDX = /\.a?vhdx$/i;

/** Where a call puts the handle that does not outlast this thread, which reads it before it makes the next. */
const HANDLE = new BigUint64Array(1);
const HANDLE_BYTES = new Uint8Array(HANDLE.buffer);

type Bytes = Uint8Array<ArrayBuffer>;

class OpenCall {
  // What goes in.
  readonly type: Bytes;
  readonly path: Bytes;
  readonly accessMask: number;
  readonly flags: number;
  readonly parameters: Bytes | null;
  readonly #path: string;
  readonly #libraries: Libraries;
  readonly #isReadOnly: boolean;
  readonly #isIso: boolean;

  constructor(libraries: Libraries, request: OpenRequest) {
    const { storageType, accessMask, flags, parameters } = request;
    const { path, wide } = fullWidePath(libraries.kernel32, request.path, OPERATION);
    this.#libraries = libraries;
    this.#isIso = storageType.deviceId === VIRTUAL_STORAGE_TYPE_DEVICE.ISO;
    this.#isReadOnly = isReadOnly(request);
    this.#path = path;
    this.type = packType(storageType);
    this.path = wide;
    this.accessMask = accessMask;
    this.flags = flags;
    this.parameters = parameters === null ? null : packParameters(parameters);
  }

  /** What `code` makes of the call. The handle means something after a success alone. */
  opened(code: number, value: bigint): OpenedImage {
    if (code !== 0) throw this.#failure(code);
    return {
      path: this.#path,
      handle: new Handle(this.#libraries.kernel32, value),
      readOnly: this.#isReadOnly,
      isIso: this.#isIso,
    };
  }

  #failure(code: number): VirtualDiskError {
    const about = [
      this.#isReadOnly ? "file" : "file to write",
      ...(this.#isIso ? ["iso"] : []),
      ...(this.#isReadOnly && VHDX.test(this.#path) ? ["vhdx to read"] : []),
      // What Windows itself looks for, it does not refuse.
      "moved parent",
    ];
    return new VirtualDiskError(code, OPERATION, { path: this.#path, about });
  }
}

/** Structures that were packed before, by what they say: a program mostly opens all its disks alike. */
const TYPES = new Map<string, Bytes>();
const PLAIN_PARAMETERS = new Map<string, Bytes>();

function packType({ deviceId, vendorId }: OpenRequest["storageType"]): Bytes {
  const pack = () => VIRTUAL_STORAGE_TYPE.pack({ DeviceId: deviceId, VendorId: vendorId });
  return packedOnce(TYPES, `${deviceId} ${vendorId}`, pack);
}

/** There are few; functions only read what is packed. */
function packedOnce(packed: Map<string, Bytes>, key: string, pack: () => Bytes): Bytes {
  let bytes = packed.get(key);
  if (bytes === undefined) packed.set(key, bytes = pack());
  return bytes;
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
  if (parameters.version === 2) {
    const pack = () => OPEN_VIRTUAL_DISK_PARAMETERS.pack({ Version: 2, Version2 });
    // Whoever gives a GUID gives another each time.
    return parameters.resiliencyGuid === NIL_GUID
      ? packedOnce(PLAIN_PARAMETERS, `${parameters.getInfoOnly} ${parameters.readOnly}`, pack)
      : pack();
  }
  const Version3 = { ...Version2, SnapshotId: parameters.snapshotId };
  return OPEN_VIRTUAL_DISK_PARAMETERS.pack({ Version: 3, Version3 });
}
