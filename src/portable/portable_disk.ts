/**
 * A disk opened without Windows: its structures are read from the image file, and written to it.
 *
 * @module
 */
import { OPEN_VIRTUAL_DISK_FLAG } from "../constants.ts";
import { type VirtualDiskError, virtualDiskError } from "../errors.ts";
import type { InformationChange } from "../information_change.ts";
import type { MetadataStore } from "../metadata.ts";
import { type OpenRequest, toHostPath } from "../open_request.ts";
import type {
  CompactionReport,
  CompactOptions,
  ExpandOptions,
  ResizeOptions,
  ResizeReport,
  SmallestSafeSize,
} from "../operations.ts";
import { ImageChain } from "./chain.ts";
import { writeChain } from "./chain_writer.ts";
import { formatOfDevice } from "./detect.ts";
import type { WritableImage } from "./image.ts";
import { changeImage } from "./image_change.ts";
import { ImageError, inLongOperation, inOperation } from "./image_error.ts";
import { imageMetadata } from "./image_metadata.ts";
import { compactChain } from "./operations/compact.ts";
import { resizeChain } from "./operations/resize.ts";
import { checkOpenRequest, type Rights, rightsOf, sharingOf } from "./open_rules.ts";
import { checkOffset, ReadableDisk } from "./readable_disk.ts";

const { NO_PARENTS, CUSTOM_DIFF_CHAIN, IGNORE_RELATIVE_PARENT_LOCATOR } = OPEN_VIRTUAL_DISK_FLAG;

/**
 * A disk of the portable backend: beside information it gives the disk's contents.
 *
 * Writing survives crashes. After one at any moment the image opens, here and in other tools; everything
 * that was written before the last {@linkcode PortableVirtualDisk.flushSync} or `close()` is there; a
 * sector written since is old or new, never anything else; nothing outside the written range has changed.
 * After a write that failed (a full volume, for example) nothing more is written until the disk is
 * opened again.
 */
export class PortableVirtualDisk extends ReadableDisk {
  readonly #chain: ImageChain;
  /** Whether a long operation is changing the image. */
  #isBusy = false;
  /** Whether that operation has the files for itself. */
  #isLent = false;

  /** Made by `openVirtualDisk` and `createVirtualDisk`. */
  constructor(chain: ImageChain, rights: Rights) {
    super(chain, rights);
    this.#chain = chain;
  }

  /**
   * Writes to the disk, into the image file itself, never into a parent. What lies around the range in a
   * sector is kept. Zeros that fall into a block which the file does not have, and for which no parent
   * answers, take no space.
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
   * @param buffer What to write; any length.
   * @param offset Where in the disk to begin, in bytes.
   * @returns The buffer's length: all of it is written, or an error thrown.
   * @throws {VirtualDiskError} `ERROR_ACCESS_DENIED` where the disk was opened for reading,
   * `ERROR_SECTOR_NOT_FOUND` where the range ends beyond the disk, `ERROR_DISK_FULL`,
   * `ERROR_VHD_BLOCK_ALLOCATION_FAILURE`, a format's code where a table is damaged,
   * `ERROR_INVALID_HANDLE` after `close()`.
   */
  writeSync(buffer: Uint8Array, offset: number): number {
    if (!(buffer instanceof Uint8Array)) throw new TypeError("buffer is no Uint8Array");
    this.#write("WriteFile", (image) => {
      this.#assertInside(checkOffset(offset, "offset"), buffer.length);
      writeChain(image, this.#chain.images, buffer, offset);
    });
    return buffer.length;
  }

  /**
   * Gives back the space of the whole blocks inside a range; they read as zeros afterwards. Parts of
   * blocks at the ends of the range keep their contents, and so do all blocks of an image that has no
   * way to say it: fixed disks and differencing VHDs.
   *
   * @param offset Where in the disk to begin, in bytes.
   * @param length How many bytes.
   * @throws {VirtualDiskError} As {@linkcode PortableVirtualDisk.writeSync}.
   */
  trimSync(offset: number, length: number): void {
    this.#write("DeviceIoControl", (image) => {
      this.#assertInside(checkOffset(offset, "offset"), checkOffset(length, "length"));
      image.trim(offset, length);
    });
  }

  /**
   * Returns once everything written before is on the disk under the image file, and will be there after
   * a crash.
   *
   * @throws {VirtualDiskError} As {@linkcode PortableVirtualDisk.writeSync}.
   */
  flushSync(): void {
    this.#write("FlushFileBuffers", (image) => image.flush());
  }

  /**
   * Makes the disk larger; what is added reads as zeros. Not for differencing VHDs. As
   * {@linkcode PortableVirtualDisk.resize} else, but the size must be larger than the present one.
   *
   * @param size The new size in bytes, whole sectors.
   * @returns What has become of the disk.
   * @throws {VirtualDiskError} As {@linkcode PortableVirtualDisk.resize}; `ERROR_INVALID_PARAMETER` where
   * the size is not larger.
   */
  override expand(size: number, options: ExpandOptions = {}): Promise<ResizeReport> {
    return this.#operate(
      "ExpandVirtualDisk",
      () => resizeChain(this.#chain, { ...options, size, expandOnly: true }),
    );
  }

  /**
   * Gives the disk another size: larger, or where it is a VHDX or a raw disk smaller, down to the end of the
   * last partition. Where the disk has a GPT, its backup moves to the new end; no partition and no file
   * system changes. Children of the disk become invalid: where there are any in the same folder, it is
   * refused.
   *
   * A crash leaves the old size or the new one, and every byte of what both have. Where the backup of the
   * GPT has not moved then, resizing to the same size moves it.
   *
   * @example Make room for the last partition
   * ```ts
   * import { createVirtualDisk } from "@virtdisk/virtdisk";
   *
   * const folder = await Deno.makeTempDir();
   * using disk = await createVirtualDisk(`${folder}/disk.vhdx`, {
   *   size: 64 * 1024 * 1024,
   *   backend: "portable",
   * });
   * const { virtualSize, growablePartition } = await disk.resize(128 * 1024 * 1024);
   * console.log(virtualSize, growablePartition); // 134217728 undefined
   * ```
   *
   * @param size The new size in bytes, whole sectors; or `"smallest-safe"`: where the last partition ends,
   * and behind that, with a GPT, its backup.
   * @returns What has become of the disk, and which partition can grow.
   * @throws {VirtualDiskError} `ERROR_VHD_RESIZE_WOULD_TRUNCATE_DATA`;
   * `ERROR_VHD_COULD_NOT_COMPUTE_MINIMUM_VIRTUAL_SIZE` where it shall shrink, but there is no sound partition
   * table; `ERROR_VHD_ALREADY_AT_OR_BELOW_MINIMUM_VIRTUAL_SIZE`; `ERROR_VHD_INVALID_TYPE` for a VHD that
   * shall shrink, and a differencing one; `ERROR_VHD_INVALID_STATE` where the disk has children, belongs to
   * a machine with a saved state, or is a child whose parent is not open; `ERROR_VHD_INVALID_SIZE` where the
   * format has no such disks; `ERROR_INVALID_PARAMETER` where the size is not of whole sectors;
   * `ERROR_ACCESS_DENIED` where the disk was opened for reading; `ERROR_DISK_FULL`.
   */
  override resize(
    size: number | SmallestSafeSize,
    options: ResizeOptions = {},
  ): Promise<ResizeReport> {
    return this.#operate(
      "ResizeVirtualDisk",
      () => resizeChain(this.#chain, { ...options, size, expandOnly: false }),
    );
  }

  /**
   * Makes the image file shorter. Blocks go that hold nothing but zeros, that have been trimmed, or that hold
   * what the parent does; others move down, and the file ends behind the last of them. The disk's contents
   * stay what they are, and its children remain valid.
   *
   * A crash or an abort at any moment leaves a sound image with the same contents; compacting again goes on
   * from there. The disk can neither be read nor written meanwhile.
   *
   * @example See what there is to be won
   * ```ts
   * import { createVirtualDisk } from "@virtdisk/virtdisk";
   *
   * const folder = await Deno.makeTempDir();
   * using disk = await createVirtualDisk(`${folder}/disk.vhdx`, {
   *   size: 64 * 1024 * 1024,
   *   blockSize: 1024 * 1024,
   *   backend: "portable",
   * });
   * disk.writeSync(new Uint8Array(1000).fill(1), 0);
   * disk.writeSync(new Uint8Array(1000), 0);
   * const { releasedBlocks } = await disk.compact({ dryRun: true });
   * console.log(releasedBlocks); // 1
   * ```
   *
   * @returns What has been won.
   * @throws {VirtualDiskError} `ERROR_VHD_INVALID_TYPE` where the disk is fixed; `ERROR_VHD_INVALID_STATE`
   * where it belongs to a machine with a saved state; `ERROR_ACCESS_DENIED` where it was opened for reading;
   * a format's code where a table is damaged.
   */
  override compact(options: CompactOptions = {}): Promise<CompactionReport> {
    return this.#operate(
      "CompactVirtualDisk",
      () => this.#lend(() => compactChain(this.#chain, options)),
    );
  }

  /**
   * Closes the disk.
   *
   * @throws {VirtualDiskError} `ERROR_INVALID_STATE` while an operation goes on; what the last writes fail
   * with.
   */
  override close(): void {
    if (this.#isBusy) throw this.#busy("CloseHandle");
    super.close();
  }

  /** Also throws `ERROR_INVALID_STATE` while an operation has the files for itself. */
  protected override assertOpen(operation: string): void {
    super.assertOpen(operation);
    if (this.#isLent) throw this.#busy(operation);
  }

  /** Opens the parent, reading through it thereafter, and nothing else: what the image names stays. */
  override addParent(path: string | URL): void {
    const parent = toHostPath(path);
    this.assertOpen("AddVirtualDiskParent");
    inOperation("AddVirtualDiskParent", () => this.#chain.addParent(parent));
  }

  /** Writes the new value to the image. */
  protected override changeInformation(change: InformationChange): void {
    this.#write(
      "SetVirtualDiskInformation",
      (image) => changeImage(this.#chain, image, change),
    );
  }

  /** The image's items; only a writer may change them. */
  protected override metadataStore(operation: string): MetadataStore {
    return imageMetadata(operation, this.#chain.image, this.#chain.writable);
  }

  /** Leaves the file as a clean close does, and closes the files of the chain. */
  protected override release(): void {
    inOperation("CloseHandle", () => this.#chain.close());
  }

  async #operate<T>(operation: string, run: () => Promise<T>): Promise<T> {
    this.assertOpen(operation);
    if (this.#isBusy) throw this.#busy(operation);
    this.#isBusy = true;
    try {
      return await inLongOperation(operation, run);
    } finally {
      this.#isBusy = false;
    }
  }

  /** While the files change their shape, nothing can be read or written. */
  async #lend<T>(run: () => Promise<T>): Promise<T> {
    this.#isLent = true;
    try {
      return await run();
    } finally {
      this.#isLent = false;
    }
  }

  #busy(operation: string): VirtualDiskError {
    return virtualDiskError("ERROR_INVALID_STATE", operation, {
      path: this.path,
      reason: "an operation on the disk goes on",
      causes: ["Await it, or abort its signal and await it then."],
    });
  }

  #write(operation: string, run: (image: WritableImage) => void): void {
    this.assertOpen(operation);
    inOperation(operation, () => {
      const { writable } = this.#chain;
      if (writable === undefined) throw new ImageError("ERROR_ACCESS_DENIED", { path: this.path });
      run(writable);
    });
  }

  #assertInside(offset: number, length: number): void {
    const { virtualSize } = this.#chain.image;
    if (offset + length <= virtualSize) return;
    throw new ImageError("ERROR_SECTOR_NOT_FOUND", {
      path: this.path,
      reason: `${length} bytes from ${offset} on end beyond the disk, which has ${virtualSize}`,
    });
  }
}

/**
 * Opens an image and its parents.
 *
 * @throws {VirtualDiskError} As OpenVirtualDisk.
 */
export function openPortable(request: OpenRequest): PortableVirtualDisk {
  return inOperation("OpenVirtualDisk", () => {
    checkOpenRequest(request);
    const rights = rightsOf(request);
    const chain = ImageChain.open(request.path, {
      format: request.raw ? "raw" : formatOfDevice(request.storageType.deviceId),
      noParents: (request.flags & (NO_PARENTS | CUSTOM_DIFF_CHAIN)) !== 0,
      isCustom: (request.flags & CUSTOM_DIFF_CHAIN) !== 0,
      ignoreRelative: (request.flags & IGNORE_RELATIVE_PARENT_LOCATOR) !== 0,
      ignoreMismatch: request.ignoreMismatch,
      writableDepth: rights.writableDepth,
      sharing: sharingOf(rights),
    });
    return new PortableVirtualDisk(chain, rights);
  });
}
