/** The call of CreateVirtualDisk. */
import { CREATE_VIRTUAL_DISK_FLAG, VIRTUAL_DISK_ACCESS } from "../constants.ts";
import { errorCode } from "../errors/codes.ts";
import type { OperationOptions } from "../disk/progress.ts";
import type { HeapMemory } from "./heap_memory.ts";
import type { NativeCreateRequest } from "./create_request.ts";
import { fullPath } from "./full_path.ts";
import { Handle } from "./handle.ts";
import type { Kernel32 } from "./kernel32.ts";
import type { Libraries } from "./library.ts";
import { NewFile } from "./new_file.ts";
import type { OpenedImage } from "./open.ts";
import { completion, OverlappedCall, type Started } from "./overlapped.ts";
import { CREATE_VIRTUAL_DISK_PARAMETERS, VIRTUAL_STORAGE_TYPE } from "./structs.ts";
import { wideString } from "./wide_string.ts";

const OPERATION = "CreateVirtualDisk";
const HANDLE_SIZE = 8;

/**
 * Creates an image. Where that fails or is cancelled, the file that it has made is removed, and no other.
 *
 * @throws {VirtualDiskError} With the code that CreateVirtualDisk ends with.
 */
export async function createImage(
  libraries: Libraries,
  request: NativeCreateRequest,
  options: OperationOptions,
): Promise<OpenedImage> {
  options.signal?.throwIfAborted();
  const path = fullPath(libraries.kernel32, request.path, OPERATION);
  const file = await NewFile.at(libraries.kernel32, path, request.overwrite);
  const creation = new Creation(libraries, request, path);
  try {
    const context = { libraries, operation: OPERATION, path, about: request.about };
    const call = new OverlappedCall(context, creation.start);
    file.made();
    await completion(call, options);
    await file.keep();
    return { path, handle: creation.handle, readOnly: isReadOnly(request), isIso: false };
  } catch (error) {
    try {
      creation.close();
    } catch {
      // The file is undone all the same, and the first error says what is wrong.
    }
    await file.undo(error);
    throw error;
  }
}

class Creation {
  #handle: Handle | undefined;

  constructor(
    readonly libraries: Libraries,
    readonly request: NativeCreateRequest,
    readonly path: string,
  ) {}

  /** Windows gives the handle out at once, while the disk is still being made. */
  get handle(): Handle {
    return this.#handle!;
  }

  readonly start = (overlapped: bigint, memory: HeapMemory): Started => {
    const { virtdisk, kernel32 } = this.libraries;
    const { storageType, accessMask, securityDescriptor, flags } = this.request;
    const place = memory.place(new Uint8Array(HANDLE_SIZE));
    const type = { DeviceId: storageType.deviceId, VendorId: storageType.vendorId };
    const code = virtdisk.CreateVirtualDiskAt(
      memory.place(VIRTUAL_STORAGE_TYPE.pack(type)),
      memory.place(wideString(this.path)),
      accessMask,
      memory.place(securityDescriptor),
      flags,
      0,
      memory.place(packParameters(kernel32, this.request, memory)),
      overlapped,
      place,
    );
    const value = new DataView(memory.read(place, HANDLE_SIZE).buffer).getBigUint64(0, true);
    // After a failure the place may hold anything.
    if (code === 0 || code === errorCode("ERROR_IO_PENDING")) {
      this.#handle = new Handle(kernel32, value);
    }
    return { code, handle: value };
  };

  close(): void {
    this.#handle?.close();
  }
}

function packParameters(
  kernel32: Kernel32,
  { paths, flags, parameters }: NativeCreateRequest,
  memory: HeapMemory,
): Uint8Array<ArrayBuffer> {
  const limitIsId = (flags & CREATE_VIRTUAL_DISK_FLAG.USE_CHANGE_TRACKING_SOURCE_LIMIT) !== 0;
  const address = (text: string | undefined, isPath = true) =>
    text === undefined
      ? 0n
      : memory.placeString(isPath ? fullPath(kernel32, text, OPERATION) : text);
  return CREATE_VIRTUAL_DISK_PARAMETERS.pack(parameters({
    parent: address(paths.parent),
    source: address(paths.source),
    sourceLimit: address(paths.sourceLimit, !limitIsId),
  }));
}

/** A version 1 handle may lack the right to attach for writing. */
function isReadOnly({ accessMask }: NativeCreateRequest): boolean {
  return accessMask !== 0 && (accessMask & VIRTUAL_DISK_ACCESS.ATTACH_RW) === 0;
}
