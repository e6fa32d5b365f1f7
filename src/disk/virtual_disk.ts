/**
 * The contract: everything that an open disk can do, whichever backend opened it.
 *
 * @module
 */
import { type VirtualDiskError, virtualDiskError } from "../errors/error.ts";
import type { Attachment, AttachOptions, DetachOptions } from "./attachment.ts";
import type { ReadableOptions, WritableOptions } from "./contents.ts";
import type {
  ApplySnapshotOptions,
  ChangedRange,
  ChangeQueryOptions,
  DeleteSnapshotOptions,
  ScsiRequest,
  ScsiResponse,
  TakeSnapshotOptions,
  VhdSetChange,
} from "./driver_options.ts";
import type {
  DiskFormat,
  InformationKind,
  InformationOptions,
  SettableInformation,
  SettableKind,
  VirtualDiskInformation,
} from "./information.ts";
import type { VirtualDiskMetadata } from "./metadata.ts";
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
} from "./operation_options.ts";
import type { Size } from "./size.ts";
import type { StorageDependency } from "./storage_dependency.ts";

/**
 * An open virtual disk. It is closed by `using`, or by {@linkcode VirtualDisk.close}; the garbage
 * collector never closes it.
 *
 * `openVirtualDisk` gives a `NativeVirtualDisk` or a `PortableVirtualDisk`, which `disk.backend` tells apart, for the
 * compiler too. Both have every method of this class; one that the backend cannot do fails with `ERROR_NOT_SUPPORTED`
 * and says which backend can. After `close()` all fail with `ERROR_INVALID_HANDLE`.
 *
 * While a long operation is running, `close()` throws `ERROR_INVALID_STATE`: await the operation, or abort its signal
 * and await it then.
 *
 * @example Work with either backend
 * ```ts
 * import { createVirtualDisk, openVirtualDisk, type VirtualDisk } from "@virtdisk/virtdisk";
 *
 * function describe(disk: VirtualDisk): string {
 *   return `${disk.format}, ${disk.size} bytes, ${disk.parents.length} parents`;
 * }
 *
 * const path = `${await Deno.makeTempDir()}/disk.vhdx`;
 * (await createVirtualDisk(path, { size: "64MiB" })).close();
 * using disk = await openVirtualDisk(path);
 * console.log(describe(disk)); // vhdx, 67108864 bytes, 0 parents
 * ```
 *
 * @category Opening
 */
export abstract class VirtualDisk implements Disposable {
  /** The absolute path of the image. */
  abstract readonly path: string;

  /** Which backend opened it. */
  abstract readonly backend: "native" | "portable";

  /** Whether the disk has been closed. */
  abstract readonly closed: boolean;

  /**
   * Bytes of the disk, as a machine would see it: `getInformation("size").virtualSize`.
   *
   * @throws {VirtualDiskError} As {@linkcode VirtualDisk.getInformation}.
   */
  abstract readonly size: number;

  /**
   * What the image is, by its contents and not by its name.
   *
   * @throws {VirtualDiskError} As {@linkcode VirtualDisk.getInformation}.
   */
  abstract readonly format: DiskFormat;

  /**
   * The absolute paths of the parents, the nearest first; none if the disk has no parent, or was opened without.
   *
   * @throws {VirtualDiskError} As {@linkcode VirtualDisk.getInformation}.
   */
  abstract readonly parents: readonly string[];

  /**
   * One class of information, as GetVirtualDiskInformation gives it.
   *
   * @example How large a disk is
   * ```ts
   * import { createVirtualDisk } from "@virtdisk/virtdisk";
   *
   * const folder = await Deno.makeTempDir();
   * using disk = await createVirtualDisk(`${folder}/disk.vhdx`, { size: 64 * 1024 * 1024 });
   * const { virtualSize, blockSize } = disk.getInformation("size");
   * console.log(virtualSize, blockSize); // 67108864 33554432
   * ```
   *
   * @param kind Which class.
   * @returns Its value.
   * @throws {VirtualDiskError} `ERROR_VHD_INVALID_TYPE` if the class does not fit the disk,
   * `ERROR_NOT_SUPPORTED` if the backend cannot tell, `ERROR_ACCESS_DENIED` if the disk was
   * opened without the `get-info` right, `ERROR_INVALID_HANDLE` after `close()`.
   */
  abstract getInformation<K extends InformationKind>(kind: K): VirtualDiskInformation[K];

  /**
   * Every class of information that applies to this disk and that the backend can tell.
   *
   * @example What there is to know
   * ```ts
   * import { createVirtualDisk } from "@virtdisk/virtdisk";
   *
   * const folder = await Deno.makeTempDir();
   * using disk = await createVirtualDisk(`${folder}/disk.vhdx`, { size: 64 * 1024 * 1024 });
   * for (const [kind, value] of Object.entries(disk.information())) console.log(kind, value);
   * ```
   *
   * @param options Whether a class that cannot be read is an error.
   * @returns An object with a key per class. A class that does not apply has no key, nor has one that cannot be read,
   * whatever the reason: `getInformation` says it.
   * @throws {VirtualDiskError} `ERROR_INVALID_HANDLE` after `close()`; if no class can be read, what the first fails
   * with, such as `ERROR_ACCESS_DENIED` of a disk that was opened without the `get-info` right; with `strict`, what
   * the first class fails with that applies to the disk.
   */
  abstract information(options?: InformationOptions): Partial<VirtualDiskInformation>;

  /**
   * Sets one class of information, as SetVirtualDiskInformation does. The disk must be open for writing
   * and not attached.
   *
   * @example Tell a child where its parent is now
   * ```ts
   * import { createVirtualDisk, openVirtualDisk } from "@virtdisk/virtdisk";
   *
   * const folder = await Deno.makeTempDir();
   * const parent = `${folder}/base.vhdx`;
   * (await createVirtualDisk(parent, { size: 64 * 1024 * 1024 })).close();
   * (await createVirtualDisk(`${folder}/child.vhdx`, { parent })).close();
   * await Deno.mkdir(`${folder}/moved`);
   * await Deno.rename(parent, `${folder}/moved/base.vhdx`);
   *
   * using child = await openVirtualDisk(`${folder}/child.vhdx`, {
   *   readOnly: false,
   *   flags: ["no-parents"],
   * });
   * child.setInformation("parentPath", `${folder}/moved/base.vhdx`);
   * ```
   *
   * @param kind Which class.
   * @param value Its new value.
   * @throws {VirtualDiskError} `ERROR_NOT_SUPPORTED` if the backend cannot set the class,
   * `ERROR_VHD_INVALID_TYPE` if it does not fit the disk, `ERROR_ACCESS_DENIED` if the disk was opened
   * for reading, `ERROR_VHD_INVALID_STATE` on the portable backend for what children know the disk by, if
   * there are any in its folder (see `OpenOptions.ignoreChildren`), `ERROR_INVALID_HANDLE` after `close()`.
   * @throws {TypeError | RangeError} If the value is none of the class.
   */
  abstract setInformation<K extends SettableKind>(kind: K, value: SettableInformation[K]): void;

  /**
   * The user metadata of a VHDX: bytes by GUIDs. Each of its methods throws `ERROR_NOT_SUPPORTED` if the
   * format has none, and `ERROR_INVALID_HANDLE` after `close()`.
   */
  abstract readonly metadata: VirtualDiskMetadata;

  /**
   * Reads from the disk, through its parents if it is a differencing one. The portable backend reads any range of a
   * disk that is not attached; the native one whole sectors of a disk that is attached with `noLocalHost`.
   *
   * @example The first sector
   * ```ts
   * import { createVirtualDisk } from "@virtdisk/virtdisk";
   *
   * const folder = await Deno.makeTempDir();
   * using disk = await createVirtualDisk(`${folder}/disk.vhdx`, {
   *   backend: "portable",
   *   size: 64 * 1024 * 1024,
   * });
   * const sector = new Uint8Array(512);
   * console.log(disk.readSync(sector, 0)); // 512
   * ```
   *
   * @param buffer Is filled.
   * @param offset Where in the disk to begin, in bytes; any safe integer from 0 on.
   * @returns How many bytes were read: less than the buffer's length only at the end of the disk.
   * @throws {VirtualDiskError} `ERROR_ACCESS_DENIED` if the disk was opened for information only;
   * `ERROR_INVALID_HANDLE` after `close()`; what reading fails with.
   * @throws {TypeError | RangeError} If an argument is wrong.
   */
  abstract readSync(buffer: Uint8Array, offset: number): number;

  /**
   * Writes to the disk, into the image file itself, never into a parent. The portable backend writes any range of a
   * disk that is not attached; the native one whole sectors of a disk that is attached with `noLocalHost`.
   *
   * @example Write and read back
   * ```ts
   * import { createVirtualDisk } from "@virtdisk/virtdisk";
   *
   * const folder = await Deno.makeTempDir();
   * using disk = await createVirtualDisk(`${folder}/disk.vhdx`, {
   *   size: 64 * 1024 * 1024,
   *   backend: "portable",
   * });
   * disk.writeSync(new TextEncoder().encode("hello"), 1000);
   * disk.flushSync();
   * const buffer = new Uint8Array(5);
   * disk.readSync(buffer, 1000);
   * console.log(new TextDecoder().decode(buffer)); // hello
   * ```
   *
   * @param buffer What to write.
   * @param offset Where in the disk to begin, in bytes.
   * @returns The buffer's length: all of it is written, or an error thrown.
   * @throws {VirtualDiskError} `ERROR_ACCESS_DENIED` if the disk was opened for reading; `ERROR_SECTOR_NOT_FOUND` if
   * the range ends beyond the disk; `ERROR_INVALID_HANDLE` after `close()`; what writing fails with.
   * @throws {TypeError | RangeError} If an argument is wrong.
   */
  abstract writeSync(buffer: Uint8Array, offset: number): number;

  /**
   * Returns once everything written before is on the disk under the image file, and will be there after
   * a crash. See {@linkcode VirtualDisk.writeSync} for an example.
   *
   * @throws {VirtualDiskError} `ERROR_ACCESS_DENIED` if the disk was opened for reading; `ERROR_INVALID_HANDLE` after
   * `close()`; what writing fails with.
   */
  abstract flushSync(): void;

  /**
   * As {@linkcode VirtualDisk.readSync}, with turns of the event loop between pieces of 1 MiB. The disk must stay open
   * until the promise settles.
   *
   * @example The first MiB
   * ```ts
   * import { createVirtualDisk } from "@virtdisk/virtdisk";
   *
   * const folder = await Deno.makeTempDir();
   * using disk = await createVirtualDisk(`${folder}/disk.vhdx`, { backend: "portable", size: "64MiB" });
   * const buffer = new Uint8Array(1024 * 1024);
   * console.log(await disk.read(buffer, 0)); // 1048576
   * ```
   *
   * @param buffer Is filled.
   * @param offset Where in the disk to begin, in bytes; any safe integer from 0 on.
   * @returns How many bytes were read: less than the buffer's length only at the end of the disk.
   * @throws {VirtualDiskError} As {@linkcode VirtualDisk.readSync}.
   * @throws {TypeError | RangeError} If an argument is wrong.
   */
  abstract read(buffer: Uint8Array, offset: number): Promise<number>;

  /**
   * As {@linkcode VirtualDisk.writeSync}, with turns of the event loop between pieces of 1 MiB. The disk must stay open,
   * and the buffer as it is, until the promise settles. If it is rejected, a part may have been written.
   *
   * @example Fill a MiB
   * ```ts
   * import { createVirtualDisk } from "@virtdisk/virtdisk";
   *
   * const folder = await Deno.makeTempDir();
   * using disk = await createVirtualDisk(`${folder}/disk.vhdx`, { backend: "portable", size: "64MiB" });
   * await disk.write(new Uint8Array(1024 * 1024).fill(1), 0);
   * await disk.flush();
   * ```
   *
   * @param buffer What to write.
   * @param offset Where in the disk to begin, in bytes.
   * @returns The buffer's length: all of it is written.
   * @throws {VirtualDiskError} As {@linkcode VirtualDisk.writeSync}.
   * @throws {TypeError | RangeError} If an argument is wrong.
   */
  abstract write(buffer: Uint8Array, offset: number): Promise<number>;

  /**
   * As {@linkcode VirtualDisk.flushSync}, in a later turn of the event loop. See {@linkcode VirtualDisk.write} for an
   * example.
   *
   * @returns When everything written before is on the disk under the image file.
   * @throws {VirtualDiskError} As {@linkcode VirtualDisk.flushSync}.
   */
  abstract flush(): Promise<void>;

  /**
   * The disk's contents as a stream of bytes, in chunks of at most 1 MiB. Nothing is read before it is asked for, and a
   * reader with a buffer of its own (`getReader({ mode: "byob" })`) has that filled. The disk must stay open meanwhile.
   *
   * @example Copy a disk into a raw file
   * ```ts
   * import { createVirtualDisk } from "@virtdisk/virtdisk";
   *
   * const folder = await Deno.makeTempDir();
   * using disk = await createVirtualDisk(`${folder}/disk.vhd`, {
   *   backend: "portable",
   *   size: 3 * 1024 * 1024,
   * });
   * await Deno.writeFile(`${folder}/disk.raw`, disk.readable());
   * ```
   *
   * @param options Which range, and how to cancel.
   * @returns The stream; it fails as {@linkcode VirtualDisk.readSync} does.
   * @throws {VirtualDiskError} `ERROR_ACCESS_DENIED` if the disk was opened without the right to read,
   * `ERROR_INVALID_HANDLE` after `close()`.
   * @throws {TypeError | RangeError} If an option is wrong.
   */
  abstract readable(options?: ReadableOptions): ReadableStream<Uint8Array<ArrayBuffer>>;

  /**
   * A stream into the disk: chunk after chunk is written, and flushed when the stream is closed. The disk must stay open
   * meanwhile. What was written when the stream fails or is aborted stays.
   *
   * @example Write a raw file to a disk
   * ```ts
   * import { createVirtualDisk } from "@virtdisk/virtdisk";
   *
   * const folder = await Deno.makeTempDir();
   * await Deno.writeFile(`${folder}/boot.bin`, new Uint8Array(4096).fill(1));
   * using disk = await createVirtualDisk(`${folder}/disk.vhdx`, { backend: "portable", size: "64MiB" });
   * using file = await Deno.open(`${folder}/boot.bin`);
   * await file.readable.pipeTo(disk.writable({ offset: 1024 * 1024 }));
   * ```
   *
   * @param options Where it begins, and how to cancel.
   * @returns The stream; it fails as {@linkcode VirtualDisk.write} does.
   * @throws {VirtualDiskError} `ERROR_ACCESS_DENIED` if the disk was opened for reading, `ERROR_INVALID_HANDLE` after
   * `close()`.
   * @throws {TypeError | RangeError} If an option is wrong.
   */
  abstract writable(options?: WritableOptions): WritableStream<Uint8Array>;

  /**
   * Makes the image file smaller, if it is dynamic or differencing (CompactVirtualDisk). On Windows it
   * frees most while the disk is attached read-only. It can be cancelled and done again.
   *
   * @example Compact with progress
   * ```ts ignore
   * import { openVirtualDisk } from "@virtdisk/virtdisk";
   *
   * using disk = await openVirtualDisk("disk.vhdx", { readOnly: false });
   * await disk.compact({ onProgress: ({ fraction }) => console.log(Math.round(100 * fraction)) });
   * ```
   *
   * @param options What to leave alone, how to watch and how to cancel.
   * @returns What has been won; what Windows does not tell is absent.
   * @throws {VirtualDiskError} `ERROR_VHD_INVALID_TYPE` if the disk is fixed.
   */
  abstract compact(options?: CompactOptions): Promise<CompactionReport>;

  /**
   * Makes the disk larger (ExpandVirtualDisk); partitions stay as they are, and children of the disk become
   * invalid. Not for differencing VHDs.
   *
   * @example Twice the size
   * ```ts
   * import { createVirtualDisk } from "@virtdisk/virtdisk";
   *
   * const folder = await Deno.makeTempDir();
   * using disk = await createVirtualDisk(`${folder}/disk.vhdx`, {
   *   size: 64 * 1024 * 1024,
   *   backend: "portable",
   * });
   * await disk.expand("+64MiB");
   * console.log(disk.getInformation("size").virtualSize); // 134217728
   * ```
   *
   * @param size The new size, in bytes or as in `"10GiB"`, whole sectors, larger than the present one; or
   * what to add: `"+1GiB"`.
   * @param options How to watch and how to cancel; what the backend alone can do.
   * @returns What has become of the disk; what Windows does not tell is absent.
   * @throws {VirtualDiskError} `ERROR_INVALID_PARAMETER`, `ERROR_VHD_INVALID_SIZE`.
   */
  abstract expand(size: Size, options?: ExpandOptions): Promise<ResizeReport>;

  /**
   * Gives the disk another size (ResizeVirtualDisk): larger, or if it is a VHDX smaller, down to the end
   * of the last partition. Children of the disk become invalid. PowerShell: `Resize-VHD`.
   *
   * @example As small as its partitions allow
   * ```ts ignore
   * import { openVirtualDisk } from "@virtdisk/virtdisk";
   *
   * using disk = await openVirtualDisk("disk.vhdx", { readOnly: false });
   * await disk.resize("smallest-safe");
   * ```
   *
   * @param size The new size, in bytes or as in `"10GiB"`, whole sectors; or what to add: `"+1GiB"`; or
   * `"smallest-safe"`: the end of the last partition.
   * @param options How far to go, how to watch and how to cancel.
   * @returns What has become of the disk; what Windows does not tell is absent.
   * @throws {VirtualDiskError} `ERROR_VHD_RESIZE_WOULD_TRUNCATE_DATA`;
   * `ERROR_VHD_COULD_NOT_COMPUTE_MINIMUM_VIRTUAL_SIZE` if there is no partition table;
   * `ERROR_VHD_ALREADY_AT_OR_BELOW_MINIMUM_VIRTUAL_SIZE`; `ERROR_VHD_INVALID_TYPE`.
   */
  abstract resize(size: Size | SmallestSafeSize, options?: ResizeOptions): Promise<ResizeReport>;

  /**
   * Writes what a differencing disk holds into one of its ancestors (MergeVirtualDisk). Other children of
   * that one become invalid, and on Windows the merged files too. They are not deleted, unless the portable
   * backend is asked to. Cancelled, the child is still good. PowerShell: `Merge-VHD`.
   *
   * @example Into its parent
   * ```ts
   * import { createVirtualDisk } from "@virtdisk/virtdisk";
   *
   * const folder = await Deno.makeTempDir();
   * const backend = "portable";
   * const parent = `${folder}/base.vhdx`;
   * (await createVirtualDisk(parent, { size: 64 * 1024 * 1024, backend })).close();
   * using child = await createVirtualDisk(`${folder}/child.vhdx`, { parent, backend });
   * await child.merge({ onProgress: ({ fraction }) => console.log(fraction) });
   * ```
   *
   * @param options What into what, how to watch and how to cancel.
   * @returns What there is now; what Windows does not tell is absent.
   * @throws {VirtualDiskError} `ERROR_VHD_INVALID_TYPE` if the disk has no parent.
   */
  abstract merge(options?: MergeOptions): Promise<MergeReport>;

  /**
   * Adds the next parent of a chain that is made by hand, in place of the one that the image names
   * (AddVirtualDiskParent): of the open image first, then of its parent, and so on. Nothing is stored. Both
   * backends.
   *
   * @example Open a child with parents that were moved
   * ```ts ignore
   * import { openVirtualDisk } from "@virtdisk/virtdisk";
   *
   * using child = await openVirtualDisk("child.vhdx", { flags: ["custom-diff-chain"] });
   * child.addParent("moved\\middle.vhdx");
   * child.addParent("moved\\base.vhdx");
   * ```
   *
   * @param path The parent's image.
   * @throws {VirtualDiskError} `ERROR_INVALID_PARAMETER` if the disk was not opened with the flag
   * `"custom-diff-chain"`; `ERROR_VHD_CHILD_PARENT_ID_MISMATCH` for a wrong parent; `ERROR_VHD_INVALID_TYPE`
   * if the chain is complete.
   */
  abstract addParent(path: string | URL): void;

  /**
   * Attaches the disk to this machine (AttachVirtualDisk). The attachment ends with the scope of
   * `await using`, at the latest when the disk is closed, unless it is `permanent`. A VHD or VHDX needs an
   * elevated process, and so does an ISO image on Windows Server; on client editions of Windows an ISO image
   * needs none. PowerShell: `Mount-VHD`, `Mount-DiskImage`.
   *
   * @example The drive letters of an ISO image
   * ```ts ignore
   * import { openVirtualDisk } from "@virtdisk/virtdisk";
   *
   * using disk = await openVirtualDisk("setup.iso");
   * await using attachment = await disk.attach();
   * console.log(attachment.volumes.flatMap((volume) => volume.mountPoints)); // [ "E:\\" ]
   * ```
   *
   * @param options How; by default with drive letters, as writable as the disk was opened.
   * @returns The attachment, when Windows has the disk's volumes.
   * @throws {VirtualDiskError} `ERROR_PRIVILEGE_NOT_HELD` if the process would have to be elevated;
   * `ERROR_ACCESS_DENIED`; `ERROR_SHARING_VIOLATION` if the image is in use; `ERROR_TIMEOUT` if
   * there is no volume for the `mountPoint` in time. Nothing stays attached then.
   */
  abstract attach(options?: AttachOptions): Promise<Attachment>;

  /**
   * Detaches the disk (DetachVirtualDisk), whichever handle has attached it. Its volumes are flushed, locked
   * and dismounted before, for which programs that use them have two seconds to let go. All this holds the
   * thread up, which `Attachment.detach` does not. PowerShell: `Dismount-VHD`.
   *
   * Closing the disk, or ending the program, detaches a disk that is not `permanent` too, but as pulling a plug
   * does.
   *
   * @example Detach what a script left attached
   * ```ts ignore
   * import { openVirtualDisk } from "@virtdisk/virtdisk";
   *
   * using disk = await openVirtualDisk("disk.vhdx");
   * disk.detach();
   * ```
   *
   * @param options Whether to detach a disk that is in use.
   * @throws {VirtualDiskError} `ERROR_NOT_FOUND` if it is not attached; `ERROR_SHARING_VIOLATION` with the
   * name of a volume that is in use; `ERROR_ACCESS_DENIED` if a volume cannot be locked. The disk stays
   * attached then.
   */
  abstract detach(options?: DetachOptions): void;

  /**
   * Where the attached disk is (GetVirtualDiskPhysicalPath).
   *
   * @example Which disk of the machine it is
   * ```ts ignore
   * import { openVirtualDisk } from "@virtdisk/virtdisk";
   *
   * using disk = await openVirtualDisk("disk.vhdx");
   * await using attachment = await disk.attach();
   * console.log(disk.physicalPath() === attachment.physicalPath); // true
   * ```
   *
   * @returns `\\.\PhysicalDriveN` or `\\.\CDROMN`.
   * @throws {VirtualDiskError} `ERROR_DEV_NOT_EXIST` if it is not attached.
   */
  abstract physicalPath(): string;

  /**
   * Copies the disk into another file and keeps that in step from then on (MirrorVirtualDisk).
   *
   * The promise resolves when both are in step. From then on, {@linkcode VirtualDisk.breakMirror} goes over
   * to the mirror, and aborting the signal stays with the old file; `close()` throws until one has
   * happened.
   *
   * @example Move an image while it is in use
   * ```ts ignore
   * import { openVirtualDisk } from "@virtdisk/virtdisk";
   *
   * using disk = await openVirtualDisk("C:\\vm\\disk.vhdx", { readOnly: false });
   * await disk.mirror("D:\\vm\\disk.vhdx");
   * await disk.breakMirror();
   * ```
   *
   * @param path The mirror.
   * @param options Whether the file is there, how to watch and how to cancel.
   * @returns When both are in step.
   * @throws {VirtualDiskError} With the code with which the mirror fails.
   */
  abstract mirror(path: string | URL, options?: MirrorOptions): Promise<void>;

  /**
   * Ends a mirror that is in step, and goes over to it (BreakMirrorVirtualDisk). The old file stays where
   * it is. If the mirror was aborted meanwhile, the promise is rejected with the reason, as soon as it is
   * over. See {@linkcode VirtualDisk.mirror} for an example.
   *
   * @returns When the disk is the mirror.
   * @throws {VirtualDiskError} With the code with which the mirror has failed, if it has.
   */
  abstract breakMirror(): Promise<void>;

  /**
   * Starts a copy that shall go its own way (ForkVirtualDisk, Windows 10 version 1809). The promise
   * resolves when the copy is made; {@linkcode VirtualDisk.completeFork} separates it then.
   *
   * @example A copy that goes its own way
   * ```ts ignore
   * import { openVirtualDisk } from "@virtdisk/virtdisk";
   *
   * using disk = await openVirtualDisk("C:\\vm\\disk.vhdx", { readOnly: false });
   * await disk.fork("C:\\vm\\copy.vhdx");
   * await disk.completeFork();
   * ```
   *
   * @param path The copy.
   * @param options Whether the file is there, how to watch and how to cancel.
   * @returns When the copy is made.
   * @throws {VirtualDiskError} With the code with which the fork fails; `ERROR_CALL_NOT_IMPLEMENTED` on an
   * older Windows.
   */
  abstract fork(path: string | URL, options?: ForkOptions): Promise<void>;

  /**
   * Ends a fork (CompleteForkVirtualDisk). If it was aborted meanwhile, the promise is rejected with the
   * reason. See {@linkcode VirtualDisk.fork} for an example.
   *
   * @returns When the two are separate.
   * @throws {VirtualDiskError} As {@linkcode VirtualDisk.fork}.
   */
  abstract completeFork(): Promise<void>;

  /**
   * The ranges that have changed since a tracking point, as QueryChangesVirtualDisk gives them. Windows
   * 10; the disk must have change tracking switched on.
   *
   * @example Copy what has changed since the last backup
   * ```ts ignore
   * import { openVirtualDisk } from "@virtdisk/virtdisk";
   *
   * using disk = await openVirtualDisk("C:\\vm\\disk.vhdx", { backend: "native" });
   * const { mostRecentId } = disk.getInformation("changeTrackingState");
   * for (const { offset, length } of disk.queryChanges(mostRecentId)) console.log(offset, length);
   * ```
   *
   * @param changeTrackingId The tracking point: a `mostRecentId` of `getInformation("changeTrackingState")`
   * kept from an earlier time.
   * @param options Which part of the disk; by default all of it.
   * @returns The ranges in order. They are asked for page by page, while one iterates; the disk must stay
   * open meanwhile.
   * @throws {VirtualDiskError} `ERROR_VHD_INVALID_CHANGE_TRACKING_ID`, `ERROR_VHD_CHANGE_TRACKING_DISABLED`,
   * `ERROR_VHD_MISSING_CHANGE_TRACKING_INFORMATION`; `ERROR_CALL_NOT_IMPLEMENTED` before Windows 10.
   */
  abstract queryChanges(
    changeTrackingId: string,
    options?: ChangeQueryOptions,
  ): Iterable<ChangedRange>;

  /**
   * Sends one SCSI command to the disk (RawSCSIVirtualDisk). Windows 10.
   *
   * @example Ask the disk what it is
   * ```ts ignore
   * import { openVirtualDisk } from "@virtdisk/virtdisk";
   *
   * using disk = await openVirtualDisk("disk.vhdx", { backend: "native" });
   * const data = new Uint8Array(96);
   * const cdb = Uint8Array.of(0x12, 0, 0, 0, data.length, 0); // INQUIRY
   * const { srbStatus } = disk.rawScsi({ cdb, data });
   * console.log(srbStatus, new TextDecoder().decode(data.subarray(8, 32)));
   * ```
   *
   * @param request The command and its data.
   * @returns What the disk made of it: that the call succeeds says only that the command reached the disk.
   * @throws {VirtualDiskError} With the code that the call returns; `ERROR_CALL_NOT_IMPLEMENTED` before
   * Windows 10.
   * @throws {RangeError} If a part is longer than the call can say.
   */
  abstract rawScsi(request: ScsiRequest): ScsiResponse;

  /**
   * The images that this attached disk rests on (GetStorageDependencyInformation): the image itself and
   * its parents. For other disks and volumes there is the function of the same name.
   *
   * @example What an attached disk is made of
   * ```ts ignore
   * import { openVirtualDisk } from "@virtdisk/virtdisk";
   *
   * using disk = await openVirtualDisk("child.vhdx", { backend: "native" });
   * await using _attachment = await disk.attach();
   * for (const { imagePath } of disk.storageDependencies()) console.log(imagePath);
   * ```
   *
   * @returns An entry per image.
   * @throws {VirtualDiskError} `ERROR_DEV_NOT_EXIST` if the disk is not attached, `ERROR_ACCESS_DENIED` if the
   * program is not elevated.
   */
  abstract storageDependencies(): StorageDependency[];

  /**
   * Adds a snapshot to the VHD Set that is open (TakeSnapshotVhdSet). Windows 10.
   *
   * @example Take a snapshot, and return to it
   * ```ts ignore
   * import { openVirtualDisk } from "@virtdisk/virtdisk";
   *
   * using set = await openVirtualDisk("shared.vhds", { type: "vhdset", readOnly: false });
   * const snapshotId = set.takeSnapshot();
   * set.applySnapshot(snapshotId);
   * ```
   *
   * @param options Its id, and whether it can be written to.
   * @returns The id of the snapshot.
   * @throws {VirtualDiskError} With the code that the call returns; `ERROR_CALL_NOT_IMPLEMENTED` before
   * Windows 10.
   */
  abstract takeSnapshot(options?: TakeSnapshotOptions): string;

  /**
   * Removes a snapshot from the VHD Set that is open (DeleteSnapshotVhdSet). Windows 10.
   *
   * @example Remove a snapshot, and keep tracking changes from it on
   * ```ts ignore
   * import { openVirtualDisk } from "@virtdisk/virtdisk";
   *
   * const [snapshotId = ""] = Deno.args;
   * using set = await openVirtualDisk("shared.vhds", { type: "vhdset", readOnly: false });
   * set.deleteSnapshot(snapshotId, { persistReferencePoint: true });
   * ```
   *
   * @param snapshotId The snapshot's id, a GUID.
   * @param options Whether a reference point stays.
   * @throws {VirtualDiskError} As {@linkcode VirtualDisk.takeSnapshot}.
   */
  abstract deleteSnapshot(snapshotId: string, options?: DeleteSnapshotOptions): void;

  /**
   * Makes a snapshot the active state of the VHD Set that is open (ApplySnapshotVhdSet). The present
   * state is lost unless `leafSnapshotId` is given. Windows 10.
   *
   * @example Go back, and lose nothing
   * ```ts ignore
   * import { openVirtualDisk } from "@virtdisk/virtdisk";
   *
   * const [snapshotId = ""] = Deno.args;
   * using set = await openVirtualDisk("shared.vhds", { type: "vhdset", readOnly: false });
   * set.applySnapshot(snapshotId, { leafSnapshotId: crypto.randomUUID() });
   * ```
   *
   * @param snapshotId The snapshot's id, a GUID.
   * @param options What becomes of the present state.
   * @throws {VirtualDiskError} As {@linkcode VirtualDisk.takeSnapshot}.
   */
  abstract applySnapshot(snapshotId: string, options?: ApplySnapshotOptions): void;

  /**
   * Changes the table of the VHD Set that is open, and no image file (ModifyVhdSet): for sets whose
   * files were moved. Windows 10.
   *
   * @example Say where the active state is now
   * ```ts ignore
   * import { openVirtualDisk } from "@virtdisk/virtdisk";
   *
   * using set = await openVirtualDisk("shared.vhds", { type: "vhdset", readOnly: false });
   * set.modifyVhdSet({ kind: "default-path", path: "D:\\sets\\shared.avhdx" });
   * ```
   *
   * @param change What to change.
   * @throws {VirtualDiskError} As {@linkcode VirtualDisk.takeSnapshot}.
   */
  abstract modifyVhdSet(change: VhdSetChange): void;

  /**
   * Closes the disk. A second call does nothing; any other use afterwards throws `ERROR_INVALID_HANDLE`.
   *
   * @throws {VirtualDiskError} `ERROR_INVALID_STATE` while a long operation is running; what the last writes of the
   * portable backend fail with.
   */
  abstract close(): void;

  /** Closes the disk at the end of a `using` scope, as {@linkcode VirtualDisk.close}. */
  abstract [Symbol.dispose](): void;
}

/** An open disk, as its errors name it. */
type NamedDisk = Pick<VirtualDisk, "path" | "backend" | "closed">;

/**
 * Throws if the disk is closed.
 *
 * @throws {VirtualDiskError} `ERROR_INVALID_HANDLE`
 */
export function assertOpen({ path, backend, closed }: NamedDisk, operation: string): void {
  if (!closed) return;
  throw virtualDiskError("ERROR_INVALID_HANDLE", operation, {
    path,
    reason: "the disk is closed",
    backend,
  });
}

/** The error of an operation that the backend of the disk does not have; the causes say which backend has it. */
export function unsupported({ path, backend }: NamedDisk, operation: string): VirtualDiskError {
  return virtualDiskError("ERROR_NOT_SUPPORTED", operation, {
    path,
    reason: `the ${backend} backend cannot do it`,
    backend,
  });
}
