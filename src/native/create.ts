/** The call of CreateVirtualDisk. */
import { CREATE_VIRTUAL_DISK_FLAG, VIRTUAL_DISK_ACCESS } from "../constants.ts";
import type { OperationOptions } from "../disk/progress.ts";
import { errorCode } from "../errors/codes.ts";
import { isErrorOf, VirtualDiskError } from "../errors/error.ts";
import { Handle } from "./call/handle.ts";
import { completion, OverlappedCall, type Started } from "./call/overlapped.ts";
import type { NativeCreateRequest } from "./create_request.ts";
import type { Kernel32 } from "./ffi/kernel32.ts";
import type { Libraries } from "./ffi/library.ts";
import { CREATE_VIRTUAL_DISK_PARAMETERS, VIRTUAL_STORAGE_TYPE } from "./ffi/structs.ts";
import { fullPath, wideString, withPrefix } from "./ffi/text.ts";
import type { HeapMemory } from "./call/memory.ts";
import type { OpenedImage } from "./open.ts";

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

// The file that a create makes: what was there before it is not lost if it fails.

const INVALID_FILE_ATTRIBUTES = 0xffffffff;
const FILE_ATTRIBUTE_DIRECTORY = 0x10;
const MOVEFILE_WRITE_THROUGH = 8;

/** What is asked of kernel32.dll. */
type FileFunctions = Pick<
  Kernel32,
  "GetFileAttributesW" | "MoveFileExW" | "DeleteFileW" | "GetLastError"
>;

/** Milliseconds: how often and how long a file is tried for that somebody has open: a virus scanner, mostly. */
const PAUSE = 50;
const PATIENCE = 2000;
/** UTF-16 units: of a name in a folder at most 255. */
const KEPT_OF_NAME = 200;

/** The place of a new file. */
export class NewFile {
  readonly #kernel32: FileFunctions;
  readonly #path: string;
  /** Where the file is meanwhile that the new one replaces. */
  #replaced: string | undefined;
  #isFree = true;
  #isMade = false;

  private constructor(kernel32: FileFunctions, path: string) {
    this.#kernel32 = kernel32;
    this.#path = path;
  }

  /**
   * Makes room for a file.
   *
   * @param overwrite Whether a file that is there is replaced.
   * @throws {VirtualDiskError} If that one cannot be moved away, for example because it is open.
   */
  static async at(kernel32: FileFunctions, path: string, overwrite: boolean): Promise<NewFile> {
    const file = new NewFile(kernel32, path);
    const attributes = kernel32.GetFileAttributesW(wideString(path));
    file.#isFree = attributes === INVALID_FILE_ATTRIBUTES;
    if (file.#isFree || !overwrite || (attributes & FILE_ATTRIBUTE_DIRECTORY) !== 0) return file;
    const replaced = nameBeside(path);
    const code = await file.#move(path, replaced);
    if (code !== 0) throw new VirtualDiskError(code, "CreateVirtualDisk", { path });
    file.#replaced = replaced;
    file.#isFree = true;
    return file;
  }

  /** Windows has begun to make the file: what is there from now on is this one. */
  made(): void {
    this.#isMade = true;
  }

  /** The new file is complete. */
  async keep(): Promise<void> {
    if (this.#replaced !== undefined) await this.#delete(this.#replaced);
  }

  /**
   * The new file could not be made: what there is of it goes, and what it was to replace comes back.
   *
   * @param error Why: a file that somebody else has put there meanwhile stays.
   * @throws {VirtualDiskError} If the one that was to be replaced cannot be brought back: with its name.
   */
  async undo(error: unknown): Promise<void> {
    const isSomebodyElses = isErrorOf(error, "ERROR_FILE_EXISTS", "ERROR_ALREADY_EXISTS");
    if (this.#isFree && this.#isMade && !isSomebodyElses) await this.#delete(this.#path);
    if (this.#replaced === undefined) return;
    const code = await this.#move(this.#replaced, this.#path);
    if (code === 0) return;
    const replaced = JSON.stringify(this.#replaced);
    throw new VirtualDiskError(code, "CreateVirtualDisk", {
      path: this.#path,
      reason:
        `the create failed, and the file that was there could not be brought back: it is ${replaced}`,
      causes: ["Rename it by hand; error.cause says what the create failed with."],
      cause: error,
    });
  }

  /** Gives a Win32 code. */
  #move(from: string, to: string): Promise<number> {
    const { MoveFileExW } = this.#kernel32;
    return this.#patiently(() =>
      MoveFileExW(wideString(from), wideString(to), MOVEFILE_WRITE_THROUGH)
    );
  }

  #delete(path: string): Promise<number> {
    return this.#patiently(() => this.#kernel32.DeleteFileW(wideString(path)));
  }

  /** Tries again while somebody else has the file open: neither moving nor deleting has begun then. */
  async #patiently(call: () => number): Promise<number> {
    for (const start = performance.now();;) {
      if (call() !== 0) return 0;
      const code = this.#kernel32.GetLastError() || errorCode("ERROR_GEN_FAILURE");
      const isInUse = code === errorCode("ERROR_SHARING_VIOLATION");
      if (!isInUse || performance.now() - start >= PATIENCE) return code;
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  }
}

/** A new name in the same folder, whose length Windows takes. */
function nameBeside(path: string): string {
  const name = path.lastIndexOf("\\") > path.lastIndexOf("/")
    ? path.lastIndexOf("\\") + 1
    : path.lastIndexOf("/") + 1;
  const kept = path.slice(name, name + KEPT_OF_NAME);
  return withPrefix(`${path.slice(0, name)}${kept}.${crypto.randomUUID()}.old`);
}
