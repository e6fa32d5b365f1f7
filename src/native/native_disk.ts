/**
 * The native backend: VirtDisk.dll of Windows.
 *
 * @module
 */
import type { Attachment, AttachOptions, DetachOptions } from "../disk/attachment.ts";
import {
  flushLater,
  type Geometry,
  readableOf,
  type ReadableOptions,
  readInPieces,
  writableOf,
  type WritableOptions,
  writeInPieces,
} from "../disk/contents.ts";
import type {
  ApplySnapshotOptions,
  ChangedRange,
  ChangeQueryOptions,
  DeleteSnapshotOptions,
  ScsiRequest,
  ScsiResponse,
  TakeSnapshotOptions,
  VhdSetChange,
} from "../disk/driver_options.ts";
import {
  allInformation,
  checkKind,
  INFORMATION_KINDS,
  informationChange,
  type InformationKind,
  type InformationOptions,
  type SettableInformation,
  type SettableKind,
  type StorageType,
  type VirtualDiskInformation,
} from "../disk/information.ts";
import { VirtualDiskMetadata } from "../disk/metadata.ts";
import type { OpenRequest } from "../disk/open_request.ts";
import type {
  CompactionReport,
  CompactOptions,
  ExpandOptions,
  ForkOptions,
  MergeOptions,
  MergeReport,
  MirrorOptions,
  ResizeOptions,
  ResizeReport,
  SmallestSafeSize,
} from "../disk/operation_options.ts";
import type { OperationOptions } from "../disk/progress.ts";
import type { Size } from "../disk/size.ts";
import type { StorageDependency } from "../disk/storage_dependency.ts";
import { assertOpen, VirtualDisk } from "../disk/virtual_disk.ts";
import { Attachments } from "./attach.ts";
import { type CalledDisk, RunningCalls } from "./call/disk_call.ts";
import type { Handle } from "./call/handle.ts";
import { changeQuery, queryChanges } from "./change_query.ts";
import { createImage } from "./create.ts";
import type { NativeCreateRequest } from "./create_request.ts";
import { diskDependencies } from "./dependencies.ts";
import { physicalPath } from "./device.ts";
import { type Libraries, systemLibraries } from "./ffi/library.ts";
import { readInformation, setInformation } from "./information.ts";
import { NativeMetadata } from "./metadata.ts";
import { type OpenedImage, openImage, openImageAsync, parentPaths } from "./open.ts";
import { addParent, DiskOperations } from "./operations.ts";
import { checkWrite, flushSectors, readSectors, writeSectors } from "./raw_access.ts";
import { rawScsi } from "./raw_scsi.ts";
import { applySnapshot, deleteSnapshot, modifyVhdSet, takeSnapshot } from "./vhd_set.ts";

/**
 * A disk that Windows opened: each method calls functions of virtdisk.h, and fails with the code that they return. It
 * has every method of `VirtualDisk`. Opening one needs `--allow-ffi` for `virtdisk.dll` and `kernel32.dll`; nothing
 * that is done with it asks Deno for more.
 *
 * The main entry point exports it as a type alone, so that nothing of Windows is loaded elsewhere:
 * `disk.backend === "native"` tells, the compiler too.
 *
 * A worker that is terminated leaves its disks open as long as the process, and Windows may go on with what it has
 * started, in memory that the process keeps: cancel with `signal`, and close the disks, before a worker is terminated.
 *
 * @example Attach a disk, and write to a sector of it
 * ```ts ignore
 * import { openVirtualDisk } from "@virtdisk/virtdisk";
 *
 * using disk = await openVirtualDisk("disk.vhdx", { backend: "native", readOnly: false });
 * await using _attachment = await disk.attach({ noLocalHost: true });
 * disk.writeSync(new Uint8Array(4096), 0);
 * ```
 *
 * @category Opening
 */
export class NativeVirtualDisk extends VirtualDisk {
  /** Always `"native"`. */
  override readonly backend = "native";
  /** The absolute path of the image. */
  override readonly path: string;
  readonly #libraries: Libraries;
  readonly #handle: Handle;
  readonly #running = new RunningCalls();
  readonly #operations: DiskOperations;
  readonly #attachments: Attachments;
  #closed = false;

  /** @internal Made by `openVirtualDisk` and `createVirtualDisk`. */
  constructor(libraries: Libraries, { path, handle, ...rights }: OpenedImage) {
    super();
    this.path = path;
    this.#libraries = libraries;
    this.#handle = handle;
    const called = this.#called.bind(this);
    this.#operations = new DiskOperations(called, this.#running);
    this.#attachments = new Attachments({
      called,
      isClosed: () => this.closed,
      running: this.#running,
      rights,
    });
  }

  /** Whether the disk has been closed. */
  override get closed(): boolean {
    return this.#closed;
  }

  /**
   * The handle, for functions of the raw layer (`@virtdisk/virtdisk/ffi`). The disk closes it.
   *
   * @throws {VirtualDiskError} `ERROR_INVALID_HANDLE` after `close()`.
   */
  get handle(): bigint {
    assertOpen(this, "NativeVirtualDisk.handle");
    return this.#handle.value;
  }

  /**
   * Bytes of the disk, as a machine would see it.
   *
   * @throws {VirtualDiskError} As {@linkcode NativeVirtualDisk.getInformation}.
   */
  override get size(): number {
    return this.getInformation("size").virtualSize;
  }

  /**
   * What Windows takes the image for; `"unknown"` if it is none that has a name here.
   *
   * @throws {VirtualDiskError} As {@linkcode NativeVirtualDisk.getInformation}.
   */
  override get format(): StorageType["device"] {
    return this.getInformation("storageType").device;
  }

  /**
   * The absolute paths of the parents, the nearest first; none if the disk has no parent, or was opened without.
   * Windows tells the nearest only: each parent is opened for a moment to ask for its own.
   *
   * @throws {VirtualDiskError} As {@linkcode NativeVirtualDisk.getInformation}; what opening a parent fails with.
   */
  override get parents(): readonly string[] {
    return parentPaths(this.#called("GetVirtualDiskInformation"));
  }

  /**
   * Calls GetVirtualDiskInformation.
   *
   * @param kind Which class.
   * @returns Its value.
   * @throws {VirtualDiskError} `ERROR_ACCESS_DENIED` if the disk was opened without the `get-info` right,
   * `ERROR_VHD_INVALID_TYPE`, or on older Windows `ERROR_INVALID_PARAMETER`, if the class does not fit the disk.
   */
  override getInformation<K extends InformationKind>(kind: K): VirtualDiskInformation[K] {
    const disk = this.#called("GetVirtualDiskInformation");
    return readInformation(disk, checkKind(kind));
  }

  /**
   * Calls GetVirtualDiskInformation for each class.
   *
   * @param options Whether a class that cannot be read is an error.
   * @returns An object with a key per class that applies and can be read.
   * @throws {VirtualDiskError} If no class can be read, what the first fails with.
   */
  override information(options: InformationOptions = {}): Partial<VirtualDiskInformation> {
    assertOpen(this, "GetVirtualDiskInformation");
    return allInformation(INFORMATION_KINDS, (kind) => this.getInformation(kind), options);
  }

  /**
   * Calls SetVirtualDiskInformation. What the portable backend alone can do (`dryRun`) is refused.
   *
   * @param kind Which class.
   * @param value Its new value.
   * @throws {VirtualDiskError} `ERROR_ACCESS_DENIED` if the disk was opened for reading; what Windows says of the
   * value.
   * @throws {TypeError | RangeError} If the value does not fit the class.
   */
  override setInformation<K extends SettableKind>(kind: K, value: SettableInformation[K]): void {
    const disk = this.#called("SetVirtualDiskInformation");
    setInformation(disk, informationChange(kind, value));
  }

  /** The user metadata of a VHDX; the methods call EnumerateVirtualDiskMetadata and its like. */
  override get metadata(): VirtualDiskMetadata {
    return new VirtualDiskMetadata((operation) => new NativeMetadata(this.#called(operation)));
  }

  /**
   * Reads sectors of a disk that was attached with `noLocalHost`, by ReadFile.
   *
   * @param buffer Is filled; whole sectors.
   * @param offset Where in the disk to begin, in bytes; a multiple of the sector size.
   * @returns How many bytes were read: less than the buffer's length at the end of the disk alone.
   * @throws {VirtualDiskError} `ERROR_INVALID_PARAMETER` if the range is not of whole sectors; what
   * ReadFile says if the disk is not attached so; `ERROR_INVALID_HANDLE` after `close()`.
   */
  override readSync(buffer: Uint8Array, offset: number): number {
    return readSectors(this.#called("ReadFile"), buffer, offset);
  }

  /**
   * Writes sectors of a disk that was attached with `noLocalHost`, by WriteFile.
   *
   * @param buffer What to write; whole sectors.
   * @param offset Where in the disk to begin, in bytes; a multiple of the sector size.
   * @returns The buffer's length.
   * @throws {VirtualDiskError} As {@linkcode NativeVirtualDisk.readSync}; `ERROR_SECTOR_NOT_FOUND` if
   * the range ends beyond the disk.
   */
  override writeSync(buffer: Uint8Array, offset: number): number {
    return writeSectors(this.#called("WriteFile"), buffer, offset);
  }

  /**
   * Has everything that was written to a disk that was attached with `noLocalHost` put on the medium of its image
   * (FlushFileBuffers).
   *
   * @throws {VirtualDiskError} `ERROR_ACCESS_DENIED` if the disk was opened for reading; what else
   * FlushFileBuffers says; `ERROR_INVALID_HANDLE` after `close()`.
   */
  override flushSync(): void {
    flushSectors(this.#called("FlushFileBuffers"));
  }

  /**
   * Reads as {@linkcode NativeVirtualDisk.readSync}, a MiB to a turn of the event loop.
   *
   * @param buffer Is filled; whole sectors.
   * @param offset Where in the disk to begin, in bytes; a multiple of the sector size.
   * @returns How many bytes were read: less than the buffer's length at the end of the disk alone.
   * @throws {VirtualDiskError} As {@linkcode NativeVirtualDisk.readSync}.
   */
  override read(buffer: Uint8Array, offset: number): Promise<number> {
    return readInPieces((...piece) => this.readSync(...piece), buffer, offset);
  }

  /**
   * Writes as {@linkcode NativeVirtualDisk.writeSync}, a MiB to a turn of the event loop. Nothing is written if the
   * range is not of whole sectors, or ends beyond the disk.
   *
   * @param buffer What to write; whole sectors.
   * @param offset Where in the disk to begin, in bytes; a multiple of the sector size.
   * @returns The buffer's length.
   * @throws {VirtualDiskError} As {@linkcode NativeVirtualDisk.writeSync}.
   */
  override write(buffer: Uint8Array, offset: number): Promise<number> {
    return writeInPieces(this, buffer, offset, () => {
      checkWrite(this.#called("WriteFile"), buffer, offset);
    });
  }

  /**
   * Flushes as {@linkcode NativeVirtualDisk.flushSync}, in a later turn of the event loop.
   *
   * @returns When everything written before is on the medium of the image.
   * @throws {VirtualDiskError} As {@linkcode NativeVirtualDisk.flushSync}.
   */
  override flush(): Promise<void> {
    return flushLater(this);
  }

  /**
   * The contents of a disk that was attached with `noLocalHost`, as a stream of bytes. Its `offset` must be a multiple
   * of the sector size; its length, and the buffers of its reader, need not be.
   *
   * @param options Which range, and how to cancel.
   * @returns The stream; it fails as {@linkcode NativeVirtualDisk.readSync} does.
   * @throws {VirtualDiskError} As {@linkcode NativeVirtualDisk.getInformation}, which gives the sizes.
   */
  override readable(options: ReadableOptions = {}): ReadableStream<Uint8Array<ArrayBuffer>> {
    return readableOf((...piece) => this.readSync(...piece), this.#geometry("ReadFile"), options);
  }

  /**
   * A stream into a disk that was attached with `noLocalHost`. Chunks may end anywhere in a sector, but not the last.
   *
   * @param options Where it begins, a multiple of the sector size, and how to cancel.
   * @returns The stream; it fails as {@linkcode NativeVirtualDisk.writeSync} does.
   * @throws {VirtualDiskError} As {@linkcode NativeVirtualDisk.getInformation}, which gives the sizes.
   */
  override writable(options: WritableOptions = {}): WritableStream<Uint8Array> {
    return writableOf(this, this.#geometry("WriteFile"), options);
  }

  /**
   * Calls CompactVirtualDisk, which frees most while the disk is attached read-only. The portable backend's `dryRun` is
   * refused.
   *
   * @param options What to leave alone, how to watch and how to cancel.
   * @returns The sizes of the file, if the disk may be asked for them.
   * @throws {VirtualDiskError} With the code that the operation ends with.
   */
  override compact(options: CompactOptions = {}): Promise<CompactionReport> {
    return this.#operations.compact(options);
  }

  /**
   * Calls ExpandVirtualDisk. The portable backend's `dryRun` is refused.
   *
   * @param size The new size, or what to add.
   * @param options How to watch and how to cancel.
   * @returns The sizes of the disk, if it may be asked for them.
   * @throws {VirtualDiskError} With the code that the operation ends with.
   */
  override expand(size: Size, options: ExpandOptions = {}): Promise<ResizeReport> {
    return this.#operations.expand(size, options, () => this.size);
  }

  /**
   * Calls ResizeVirtualDisk. The portable backend's `dryRun` is refused.
   *
   * @param size The new size, what to add, or `"smallest-safe"`.
   * @param options How far to go, how to watch and how to cancel.
   * @returns The sizes of the disk, if it may be asked for them.
   * @throws {VirtualDiskError} With the code that the operation ends with.
   */
  override resize(
    size: Size | SmallestSafeSize,
    options: ResizeOptions = {},
  ): Promise<ResizeReport> {
    return this.#operations.resize(size, options, () => this.size);
  }

  /**
   * Calls MergeVirtualDisk. The portable backend's `into`, `removeChild` and `dryRun` are refused. The merged files
   * stay, and become invalid.
   *
   * @param options What into what, how to watch and how to cancel.
   * @returns That nothing was removed: Windows does not say more.
   * @throws {VirtualDiskError} With the code that the operation ends with.
   */
  override merge(options: MergeOptions = {}): Promise<MergeReport> {
    return this.#operations.merge(options);
  }

  /**
   * Calls AddVirtualDiskParent.
   *
   * @param path The parent's image.
   * @throws {VirtualDiskError} With the code that the call returns: `ERROR_INVALID_PARAMETER` if the disk was not
   * opened with the flag `"custom-diff-chain"`.
   */
  override addParent(path: string | URL): void {
    addParent(this.#called("AddVirtualDiskParent"), path);
  }

  /**
   * Calls AttachVirtualDisk, and waits for the disk and its volumes. A VHD or VHDX needs an elevated process.
   *
   * @param options How; by default with drive letters, as writable as the disk was opened.
   * @returns The attachment, which `await using` ends.
   * @throws {VirtualDiskError} `ERROR_PRIVILEGE_NOT_HELD` if the process must be elevated; `ERROR_SHARING_VIOLATION` if
   * the image is in use; `ERROR_TIMEOUT` if there is no volume for the `mountPoint` in time.
   */
  override attach(options: AttachOptions = {}): Promise<Attachment> {
    return this.#attachments.attach(options);
  }

  /**
   * Locks and dismounts the volumes of the disk, and calls DetachVirtualDisk.
   *
   * @param options Whether to detach a disk that is in use.
   * @throws {VirtualDiskError} `ERROR_NOT_FOUND` if the disk is not attached; `ERROR_SHARING_VIOLATION` with the
   * name of a volume that is in use.
   */
  override detach(options: DetachOptions = {}): void {
    this.#attachments.detach(options);
  }

  /**
   * Calls GetVirtualDiskPhysicalPath.
   *
   * @returns `\\.\PhysicalDriveN` or `\\.\CDROMN`.
   * @throws {VirtualDiskError} `ERROR_DEV_NOT_EXIST` if the disk is not attached.
   */
  override physicalPath(): string {
    return physicalPath(this.#called("GetVirtualDiskPhysicalPath"));
  }

  /**
   * Calls MirrorVirtualDisk.
   *
   * @param path The mirror.
   * @param options Whether the file is there, how to watch and how to cancel.
   * @returns When both are in step.
   * @throws {VirtualDiskError} With the code with which the mirror fails.
   */
  override mirror(path: string | URL, options: MirrorOptions = {}): Promise<void> {
    return this.#operations.mirror(path, options);
  }

  /**
   * Calls BreakMirrorVirtualDisk.
   *
   * @returns When the disk is the mirror.
   * @throws {VirtualDiskError} With the code with which the mirror has failed, if it has.
   */
  override breakMirror(): Promise<void> {
    return this.#operations.breakMirror();
  }

  /**
   * Calls ForkVirtualDisk.
   *
   * @param path The copy.
   * @param options Whether the file is there, how to watch and how to cancel.
   * @returns When the copy is made.
   * @throws {VirtualDiskError} `ERROR_CALL_NOT_IMPLEMENTED` before Windows 10 version 1809.
   */
  override fork(path: string | URL, options: ForkOptions = {}): Promise<void> {
    return this.#operations.fork(path, options);
  }

  /**
   * Calls CompleteForkVirtualDisk.
   *
   * @returns When the two are separate.
   * @throws {VirtualDiskError} As {@linkcode NativeVirtualDisk.fork}.
   */
  override completeFork(): Promise<void> {
    return this.#operations.completeFork();
  }

  /**
   * Calls QueryChangesVirtualDisk, page by page.
   *
   * @param changeTrackingId The tracking point.
   * @param options Which part of the disk; by default all of it.
   * @returns The ranges in order; the disk must stay open meanwhile.
   * @throws {VirtualDiskError} `ERROR_CALL_NOT_IMPLEMENTED` before Windows 10; with the code that the call returns.
   */
  override queryChanges(
    changeTrackingId: string,
    options: ChangeQueryOptions = {},
  ): Iterable<ChangedRange> {
    const operation = "QueryChangesVirtualDisk";
    const query = changeQuery(this.#called(operation), changeTrackingId, options);
    return queryChanges(() => this.#called(operation), query);
  }

  /**
   * Calls RawSCSIVirtualDisk.
   *
   * @param request The command and its data.
   * @returns What the disk made of it.
   * @throws {VirtualDiskError} `ERROR_CALL_NOT_IMPLEMENTED` before Windows 10; with the code that the call returns.
   */
  override rawScsi(request: ScsiRequest): ScsiResponse {
    return rawScsi(this.#called("RawSCSIVirtualDisk"), request);
  }

  /**
   * Calls GetVirtualDiskPhysicalPath and GetStorageDependencyInformation. Needs an elevated process.
   *
   * @returns An entry per image: the disk's own, and its parents'.
   * @throws {VirtualDiskError} `ERROR_DEV_NOT_EXIST` if the disk is not attached.
   */
  override storageDependencies(): StorageDependency[] {
    const disk = this.#called("GetStorageDependencyInformation");
    return diskDependencies(disk.libraries, physicalPath(disk));
  }

  /**
   * Calls TakeSnapshotVhdSet.
   *
   * @param options Its id, and whether it can be written to.
   * @returns The id of the snapshot.
   * @throws {VirtualDiskError} `ERROR_CALL_NOT_IMPLEMENTED` before Windows 10; with the code that the call returns.
   */
  override takeSnapshot(options: TakeSnapshotOptions = {}): string {
    return takeSnapshot(this.#called("TakeSnapshotVhdSet"), options);
  }

  /**
   * Calls DeleteSnapshotVhdSet.
   *
   * @param snapshotId The snapshot's id, a GUID.
   * @param options Whether a reference point stays.
   * @throws {VirtualDiskError} As {@linkcode NativeVirtualDisk.takeSnapshot}.
   */
  override deleteSnapshot(snapshotId: string, options: DeleteSnapshotOptions = {}): void {
    deleteSnapshot(this.#called("DeleteSnapshotVhdSet"), snapshotId, options);
  }

  /**
   * Calls ApplySnapshotVhdSet.
   *
   * @param snapshotId The snapshot's id, a GUID.
   * @param options What becomes of the present state.
   * @throws {VirtualDiskError} As {@linkcode NativeVirtualDisk.takeSnapshot}.
   */
  override applySnapshot(snapshotId: string, options: ApplySnapshotOptions = {}): void {
    applySnapshot(this.#called("ApplySnapshotVhdSet"), snapshotId, options);
  }

  /**
   * Calls ModifyVhdSet.
   *
   * @param change What to change.
   * @throws {VirtualDiskError} As {@linkcode NativeVirtualDisk.takeSnapshot}.
   */
  override modifyVhdSet(change: VhdSetChange): void {
    modifyVhdSet(this.#called("ModifyVhdSet"), change);
  }

  /**
   * Closes the disk, which ends an attachment that is not permanent. A second call does nothing.
   *
   * @throws {VirtualDiskError} `ERROR_INVALID_STATE` while an operation is running.
   */
  override close(): void {
    if (this.#closed) return;
    this.#operations.settle();
    this.#running.assertNone(this.path);
    this.#closed = true;
    this.#handle.close();
  }

  /** Closes the disk at the end of a `using` scope, as {@linkcode NativeVirtualDisk.close}. */
  override [Symbol.dispose](): void {
    this.close();
  }

  #called(operation: string): CalledDisk {
    assertOpen(this, operation);
    return { libraries: this.#libraries, handle: this.#handle.value, path: this.path };
  }

  #geometry(operation: string): Geometry {
    const { virtualSize, sectorSize } = readInformation(this.#called(operation), "size");
    return { size: virtualSize, unit: sectorSize };
  }
}

/**
 * Opens an image by OpenVirtualDisk.
 *
 * @throws {VirtualDiskError} With the code that OpenVirtualDisk returns; `ERROR_NOT_SUPPORTED` off Windows;
 * `ERROR_MOD_NOT_FOUND` where Windows has no VirtDisk.dll.
 * @throws {Deno.errors.NotCapable} Without `--allow-ffi` for VirtDisk.dll and kernel32.dll.
 */
export function openNative(
  request: OpenRequest,
  libraries: Libraries = systemLibraries(),
): NativeVirtualDisk {
  return new NativeVirtualDisk(libraries, openImage(libraries, request));
}

/** As {@linkcode openNative}, without holding up the event loop. */
export async function openNativeAsync(
  request: OpenRequest,
  libraries?: Libraries,
): Promise<NativeVirtualDisk> {
  const loaded = libraries ?? systemLibraries();
  return new NativeVirtualDisk(loaded, await openImageAsync(loaded, request));
}

/**
 * Creates an image by CreateVirtualDisk.
 *
 * @throws {VirtualDiskError} As `openNative`, with the code that CreateVirtualDisk ends with.
 * @throws The signal's reason, where it ended the call.
 */
export async function createNative(
  request: NativeCreateRequest,
  options: OperationOptions,
  libraries?: Libraries,
): Promise<NativeVirtualDisk> {
  const loaded = libraries ?? systemLibraries();
  return new NativeVirtualDisk(loaded, await createImage(loaded, request, options));
}
