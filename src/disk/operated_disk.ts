/**
 * What takes long, or needs the machine: attaching, compacting, merging, and the like.
 *
 * @module
 */
import type { Attachment, AttachOptions, DetachOptions } from "./attachment.ts";
import { OpenDisk } from "./open_disk.ts";
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

/**
 * The part of `VirtualDisk` that attaches and changes disks. A method that the backend does not have fails
 * with `ERROR_NOT_SUPPORTED`, and any with `ERROR_INVALID_HANDLE` after `close()`.
 *
 * While an operation goes on, `close()` throws `ERROR_INVALID_STATE`: await it, or abort its signal and
 * await it then.
 */
export abstract class OperatedDisk extends OpenDisk {
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
   * @throws {VirtualDiskError} `ERROR_PRIVILEGE_NOT_HELD` where the process would have to be elevated;
   * `ERROR_ACCESS_DENIED`; `ERROR_SHARING_VIOLATION` where the image is in use; `ERROR_TIMEOUT` where
   * there is no volume for the `mountPoint` in time. Nothing stays attached then.
   */
  attach(options?: AttachOptions): Promise<Attachment>;
  attach(): Promise<Attachment> {
    return this.#lacks("AttachVirtualDisk");
  }

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
   * @throws {VirtualDiskError} `ERROR_NOT_FOUND` where it is not attached; `ERROR_SHARING_VIOLATION` with the
   * name of a volume that is in use; `ERROR_ACCESS_DENIED` where a volume cannot be locked. The disk stays
   * attached then.
   */
  detach(options?: DetachOptions): void;
  detach(): void {
    throw this.unsupported("DetachVirtualDisk");
  }

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
   * @throws {VirtualDiskError} `ERROR_DEV_NOT_EXIST` where it is not attached.
   */
  physicalPath(): string {
    throw this.unsupported("GetVirtualDiskPhysicalPath");
  }

  /**
   * Makes the image file smaller, where it is dynamic or differencing (CompactVirtualDisk). On Windows it
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
   * @returns The portable backend tells what has been won.
   * @throws {VirtualDiskError} `ERROR_VHD_INVALID_TYPE` where the disk is fixed.
   */
  compact(options?: CompactOptions): Promise<CompactionReport | void>;
  compact(): Promise<CompactionReport | void> {
    return this.#lacks("CompactVirtualDisk");
  }

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
   * @returns The portable backend tells what has become of the disk.
   * @throws {VirtualDiskError} `ERROR_INVALID_PARAMETER`, `ERROR_VHD_INVALID_SIZE`.
   */
  expand(size: Size, options?: ExpandOptions): Promise<ResizeReport | void>;
  expand(): Promise<ResizeReport | void> {
    return this.#lacks("ExpandVirtualDisk");
  }

  /**
   * Gives the disk another size (ResizeVirtualDisk): larger, or where it is a VHDX smaller, down to the end
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
   * @returns The portable backend tells what has become of the disk.
   * @throws {VirtualDiskError} `ERROR_VHD_RESIZE_WOULD_TRUNCATE_DATA`;
   * `ERROR_VHD_COULD_NOT_COMPUTE_MINIMUM_VIRTUAL_SIZE` where there is no partition table;
   * `ERROR_VHD_ALREADY_AT_OR_BELOW_MINIMUM_VIRTUAL_SIZE`; `ERROR_VHD_INVALID_TYPE`.
   */
  resize(
    size: Size | SmallestSafeSize,
    options?: ResizeOptions,
  ): Promise<ResizeReport | void>;
  resize(): Promise<ResizeReport | void> {
    return this.#lacks("ResizeVirtualDisk");
  }

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
   * @returns The portable backend tells what it has left.
   * @throws {VirtualDiskError} `ERROR_VHD_INVALID_TYPE` where the disk has no parent.
   */
  merge(options?: MergeOptions): Promise<MergeReport | void>;
  merge(): Promise<MergeReport | void> {
    return this.#lacks("MergeVirtualDisk");
  }

  /**
   * Copies the disk into another file and keeps that in step from then on (MirrorVirtualDisk).
   *
   * The promise resolves when both are in step. From then on, {@linkcode OperatedDisk.breakMirror} goes over
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
  mirror(path: string | URL, options?: MirrorOptions): Promise<void>;
  mirror(): Promise<void> {
    return this.#lacks("MirrorVirtualDisk");
  }

  /**
   * Ends a mirror that is in step, and goes over to it (BreakMirrorVirtualDisk). The old file stays where
   * it is. Where the mirror was aborted meanwhile, the promise is rejected with the reason, as soon as it is
   * over. See {@linkcode OperatedDisk.mirror} for an example.
   *
   * @returns When the disk is the mirror.
   * @throws {VirtualDiskError} With the code with which the mirror has failed, if it has.
   */
  breakMirror(): Promise<void> {
    return this.#lacks("BreakMirrorVirtualDisk");
  }

  /**
   * Starts a copy that shall go its own way (ForkVirtualDisk, Windows 10 version 1809). The promise
   * resolves when the copy is made; {@linkcode OperatedDisk.completeFork} separates it then.
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
  fork(path: string | URL, options?: ForkOptions): Promise<void>;
  fork(): Promise<void> {
    return this.#lacks("ForkVirtualDisk");
  }

  /**
   * Ends a fork (CompleteForkVirtualDisk). Where it was aborted meanwhile, the promise is rejected with the
   * reason. See {@linkcode OperatedDisk.fork} for an example.
   *
   * @returns When the two are separate.
   * @throws {VirtualDiskError} As {@linkcode OperatedDisk.fork}.
   */
  completeFork(): Promise<void> {
    return this.#lacks("CompleteForkVirtualDisk");
  }

  #lacks(operation: string): Promise<never> {
    return Promise.try(() => {
      throw this.unsupported(operation);
    });
  }
}
