/**
 * The native backend: VirtDisk.dll of Windows.
 *
 * @module
 */
import type { Attachment, AttachOptions, DetachOptions } from "../disk/attachment.ts";
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
import type {
  InformationChange,
  InformationKind,
  VirtualDiskInformation,
} from "../disk/information.ts";
import type { MetadataStore } from "../disk/metadata.ts";
import type { OpenRequest } from "../disk/open_request.ts";
import type {
  CompactOptions,
  ExpandOptions,
  ForkOptions,
  MergeOptions,
  MirrorOptions,
  ResizeOptions,
  SmallestSafeSize,
} from "../disk/operation_options.ts";
import type { OperationOptions } from "../disk/progress.ts";
import type { Size } from "../disk/size.ts";
import type { StorageDependency } from "../disk/storage_dependency.ts";
import { VirtualDisk } from "../disk/virtual_disk.ts";
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
import { type OpenedImage, openImage, openImageAsync } from "./open.ts";
import { addParent, DiskOperations } from "./operations.ts";
import { flushSectors, readSectors, writeSectors } from "./raw_access.ts";
import { rawScsi } from "./raw_scsi.ts";
import { applySnapshot, deleteSnapshot, modifyVhdSet, takeSnapshot } from "./vhd_set.ts";

/**
 * A disk that Windows opened. Its methods are the functions of virtdisk.h, as `VirtualDisk` describes them.
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
 */
export class NativeVirtualDisk extends VirtualDisk {
  /** Always `"native"`. */
  override readonly backend = "native";
  readonly #libraries: Libraries;
  readonly #handle: Handle;
  readonly #running = new RunningCalls();
  readonly #operations: DiskOperations;
  readonly #attachments: Attachments;

  /** @internal */
  constructor(libraries: Libraries, { path, handle, ...rights }: OpenedImage) {
    super(path);
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

  /**
   * The handle, for functions of the raw layer. The disk closes it.
   *
   * @throws {VirtualDiskError} `ERROR_INVALID_HANDLE` after `close()`.
   */
  get handle(): bigint {
    this.assertOpen("NativeVirtualDisk.handle");
    return this.#handle.value;
  }

  /** Calls AttachVirtualDisk, and waits for the disk and its volumes. */
  override attach(options: AttachOptions = {}): Promise<Attachment> {
    return this.#attachments.attach(options);
  }

  /** Locks and dismounts the volumes of the disk, and calls DetachVirtualDisk. */
  override detach(options: DetachOptions = {}): void {
    this.#attachments.detach(options);
  }

  /** Calls GetVirtualDiskPhysicalPath. */
  override physicalPath(): string {
    return physicalPath(this.#called("GetVirtualDiskPhysicalPath"));
  }

  /**
   * Reads sectors of a disk that was attached with `noLocalHost`.
   *
   * @param buffer Is filled; whole sectors.
   * @param offset Where in the disk to begin, in bytes; a multiple of the sector size.
   * @returns How many bytes were read: less than the buffer's length at the end of the disk alone.
   * @throws {VirtualDiskError} `ERROR_INVALID_PARAMETER` where the range is not of whole sectors; what
   * ReadFile says where the disk is not attached so; `ERROR_INVALID_HANDLE` after `close()`.
   */
  readSync(buffer: Uint8Array, offset: number): number {
    return readSectors(this.#called("ReadFile"), buffer, offset);
  }

  /**
   * Writes sectors of a disk that was attached with `noLocalHost`.
   *
   * @param buffer What to write; whole sectors.
   * @param offset Where in the disk to begin, in bytes; a multiple of the sector size.
   * @returns The buffer's length.
   * @throws {VirtualDiskError} As {@linkcode NativeVirtualDisk.readSync}; `ERROR_SECTOR_NOT_FOUND` where
   * the range ends beyond the disk.
   */
  writeSync(buffer: Uint8Array, offset: number): number {
    return writeSectors(this.#called("WriteFile"), buffer, offset);
  }

  /**
   * Has everything that was written to a disk that was attached with `noLocalHost` put on the medium of its image
   * (FlushFileBuffers).
   *
   * @throws {VirtualDiskError} `ERROR_ACCESS_DENIED` if the disk was opened for reading; what else
   * FlushFileBuffers says; `ERROR_INVALID_HANDLE` after `close()`.
   */
  flushSync(): void {
    flushSectors(this.#called("FlushFileBuffers"));
  }

  /** Calls CompactVirtualDisk. */
  override compact(options: CompactOptions = {}): Promise<void> {
    return this.#operations.compact(options);
  }

  /** Calls ExpandVirtualDisk. */
  override expand(size: Size, options: ExpandOptions = {}): Promise<void> {
    return this.#operations.expand(size, options, () => this.getInformation("size").virtualSize);
  }

  /** Calls ResizeVirtualDisk. */
  override resize(size: Size | SmallestSafeSize, options: ResizeOptions = {}): Promise<void> {
    return this.#operations.resize(size, options, () => this.getInformation("size").virtualSize);
  }

  /** Calls MergeVirtualDisk. */
  override merge(options: MergeOptions = {}): Promise<void> {
    return this.#operations.merge(options);
  }

  /** Calls MirrorVirtualDisk. */
  override mirror(path: string | URL, options: MirrorOptions = {}): Promise<void> {
    return this.#operations.mirror(path, options);
  }

  /** Calls BreakMirrorVirtualDisk. */
  override breakMirror(): Promise<void> {
    return this.#operations.breakMirror();
  }

  /** Calls ForkVirtualDisk. */
  override fork(path: string | URL, options: ForkOptions = {}): Promise<void> {
    return this.#operations.fork(path, options);
  }

  /** Calls CompleteForkVirtualDisk. */
  override completeFork(): Promise<void> {
    return this.#operations.completeFork();
  }

  /**
   * Closes the disk, which ends an attachment that is not permanent.
   *
   * @throws {VirtualDiskError} `ERROR_INVALID_STATE` while an operation goes on.
   */
  override close(): void {
    if (!this.closed) {
      this.#operations.settle();
      this.#running.assertNone(this.path);
    }
    super.close();
  }

  /** Calls QueryChangesVirtualDisk. */
  override queryChanges(
    changeTrackingId: string,
    options: ChangeQueryOptions = {},
  ): Iterable<ChangedRange> {
    const operation = "QueryChangesVirtualDisk";
    const query = changeQuery(this.#called(operation), changeTrackingId, options);
    return queryChanges(() => this.#called(operation), query);
  }

  /** Calls AddVirtualDiskParent. */
  override addParent(path: string | URL): void {
    addParent(this.#called("AddVirtualDiskParent"), path);
  }

  /** Calls RawSCSIVirtualDisk. */
  override rawScsi(request: ScsiRequest): ScsiResponse {
    return rawScsi(this.#called("RawSCSIVirtualDisk"), request);
  }

  /** Calls GetVirtualDiskPhysicalPath and GetStorageDependencyInformation. */
  override storageDependencies(): StorageDependency[] {
    const disk = this.#called("GetStorageDependencyInformation");
    return diskDependencies(disk.libraries, physicalPath(disk));
  }

  /** Calls TakeSnapshotVhdSet. */
  override takeSnapshot(options: TakeSnapshotOptions = {}): string {
    return takeSnapshot(this.#called("TakeSnapshotVhdSet"), options);
  }

  /** Calls DeleteSnapshotVhdSet. */
  override deleteSnapshot(snapshotId: string, options: DeleteSnapshotOptions = {}): void {
    deleteSnapshot(this.#called("DeleteSnapshotVhdSet"), snapshotId, options);
  }

  /** Calls ApplySnapshotVhdSet. */
  override applySnapshot(snapshotId: string, options: ApplySnapshotOptions = {}): void {
    applySnapshot(this.#called("ApplySnapshotVhdSet"), snapshotId, options);
  }

  /** Calls ModifyVhdSet. */
  override modifyVhdSet(change: VhdSetChange): void {
    modifyVhdSet(this.#called("ModifyVhdSet"), change);
  }

  /** Calls GetVirtualDiskInformation. */
  protected override queryInformation<K extends InformationKind>(
    kind: K,
  ): VirtualDiskInformation[K] {
    return readInformation(this.#called("GetVirtualDiskInformation"), kind);
  }

  /** Calls SetVirtualDiskInformation. */
  protected override changeInformation(change: InformationChange): void {
    setInformation(this.#called("SetVirtualDiskInformation"), change);
  }

  /** The functions of the user metadata. */
  protected override metadataStore(operation: string): MetadataStore {
    return new NativeMetadata(this.#called(operation));
  }

  /** Calls CloseHandle. */
  protected override release(): void {
    this.#handle.close();
  }

  #called(operation: string): CalledDisk {
    this.assertOpen(operation);
    return { libraries: this.#libraries, handle: this.#handle.value, path: this.path };
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
