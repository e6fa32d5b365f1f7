/**
 * A disk opened without Windows: its structures are read from the image file, and written to it.
 *
 * @module
 */
import { dirname } from "@std/path";
import { OPEN_VIRTUAL_DISK_FLAG } from "../constants.ts";
import type { InformationChange } from "../disk/information.ts";
import type { MetadataStore } from "../disk/metadata.ts";
import type { OpenRequest } from "../disk/open_request.ts";
import { byteCount, BYTES, checkArgument, toHostPath } from "../disk/arguments.ts";
import { removeAbandonedFiles } from "./file/abandoned_files.ts";
import { ImageChain } from "./chain/chain.ts";
import { writeChain } from "./image/extents.ts";
import { assertChildless } from "./chain/children.ts";
import { formatOfDevice } from "./formats.ts";
import type { DiskImage, WritableImage } from "./image/image.ts";
import { changeImage, imageMetadata } from "./information.ts";
import { ImageError, inOperation, openForReading } from "./file/image_error.ts";
import { checkOpenRequest, type Rights, rightsOf, sharingOf } from "./open_rules.ts";
import { MaintainedDisk } from "./maintained_disk.ts";
import { setParentPath } from "./operations/rebase.ts";

const { NO_PARENTS, CUSTOM_DIFF_CHAIN, IGNORE_RELATIVE_PARENT_LOCATOR } = OPEN_VIRTUAL_DISK_FLAG;

/**
 * A disk of the portable backend: beside information it gives the disk's contents.
 *
 * Writing survives crashes. After one at any moment the image opens, here and in other tools; everything
 * that was written before the last {@linkcode PortableVirtualDisk.flushSync} or `close()` is there; a
 * sector written since is old or new, never anything else; nothing outside the written range has changed.
 *
 * What is promised of a sector depends on what the disk under the image file writes at once, whole or not at
 * all: its physical sector, of which no disk has less than 512 bytes.
 *
 * - Virtual disks with sectors of 512 bytes (every VHD, most VHDX): sectors are old or new on every host.
 * - VHDX with sectors of 4096 bytes, on a host with physical sectors of 4096 bytes: the same. The file system
 *   must keep 4096 bytes of a file together, as those with clusters of 4096 bytes or more do.
 * - VHDX with sectors of 4096 bytes, on a host with physical sectors of 512 bytes: each 512 bytes of a sector
 *   are old or new, and the sector may be a mix. With `atomicSectors` (see `OpenOptions`) it is not.
 *
 * After a write that failed (a full volume, for example) nothing more is written until the disk is
 * opened again.
 *
 * @example Copy the first sector of one disk into another
 * ```ts
 * import { createVirtualDisk, openVirtualDisk } from "@virtdisk/virtdisk";
 *
 * const folder = await Deno.makeTempDir();
 * const options = { size: 64 * 1024 * 1024, backend: "portable" } as const;
 * (await createVirtualDisk(`${folder}/from.vhd`, options)).close();
 * using from = await openVirtualDisk(`${folder}/from.vhd`, { backend: "portable" });
 * using to = await createVirtualDisk(`${folder}/to.vhdx`, options);
 * const sector = new Uint8Array(512);
 * from.readSync(sector, 0);
 * to.writeSync(sector, 0);
 * ```
 */
export class PortableVirtualDisk extends MaintainedDisk {
  readonly #chain: ImageChain;
  readonly #ignoreChildren: boolean;
  /** Whether it is known that no child is lost by a write. */
  #mayChange: boolean;

  /** Made by `openVirtualDisk` and `createVirtualDisk`. */
  constructor(chain: ImageChain, rights: Rights) {
    super(chain, rights);
    this.#chain = chain;
    this.#ignoreChildren = rights.ignoreChildren;
    this.#mayChange = rights.ignoreChildren;
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
   * `ERROR_SECTOR_NOT_FOUND` where the range ends beyond the disk, `ERROR_VHD_INVALID_STATE` where images
   * in the same folder have this one as their parent (see `OpenOptions.ignoreChildren`), `ERROR_DISK_FULL`,
   * `ERROR_VHD_BLOCK_ALLOCATION_FAILURE`, a format's code where a table is damaged,
   * `ERROR_INVALID_HANDLE` after `close()`.
   */
  writeSync(buffer: Uint8Array, offset: number): number {
    checkArgument(BYTES, buffer, "buffer");
    this.#write("WriteFile", (image) => {
      this.#assertInside(byteCount(offset, "offset"), buffer.length);
      this.#assertChildless();
      writeChain(image, this.#chain.images, buffer, offset);
    });
    return buffer.length;
  }

  /**
   * Gives back the space of the whole blocks inside a range; they read as zeros afterwards. Parts of
   * blocks at the ends of the range keep their contents, and so do all blocks of an image that has no
   * way to say it: fixed disks and differencing VHDs.
   *
   * @example Give back what is not needed any more
   * ```ts
   * import { createVirtualDisk } from "@virtdisk/virtdisk";
   *
   * const folder = await Deno.makeTempDir();
   * using disk = await createVirtualDisk(`${folder}/disk.vhdx`, {
   *   size: 64 * 1024 * 1024,
   *   blockSize: 1024 * 1024,
   *   backend: "portable",
   * });
   * disk.writeSync(new Uint8Array(2 * 1024 * 1024).fill(1), 0);
   * disk.trimSync(0, 1024 * 1024);
   * console.log([...disk.extents()].map(({ kind }) => kind)); // [ "zero", "file", "zero" ]
   * ```
   *
   * @param offset Where in the disk to begin, in bytes.
   * @param length How many bytes.
   * @throws {VirtualDiskError} As {@linkcode PortableVirtualDisk.writeSync}.
   */
  trimSync(offset: number, length: number): void {
    this.#write("DeviceIoControl", (image) => {
      this.#assertInside(byteCount(offset, "offset"), byteCount(length, "length"));
      this.#assertChildless();
      image.trim(offset, length);
    });
  }

  /**
   * Returns once everything written before is on the disk under the image file, and will be there after
   * a crash. See {@linkcode PortableVirtualDisk.writeSync} for an example.
   *
   * @throws {VirtualDiskError} As {@linkcode PortableVirtualDisk.writeSync}.
   */
  flushSync(): void {
    this.#write("FlushFileBuffers", (image) => image.flush());
  }

  /**
   * Opens the parent, reading through it thereafter, and nothing else: what the image names stays.
   *
   * @example Open a child with parents that were moved
   * ```ts
   * import { createVirtualDisk, openVirtualDisk } from "@virtdisk/virtdisk";
   *
   * const folder = await Deno.makeTempDir();
   * const backend = "portable";
   * const parent = `${folder}/base.vhdx`;
   * (await createVirtualDisk(parent, { size: 64 * 1024 * 1024, backend })).close();
   * (await createVirtualDisk(`${folder}/child.vhdx`, { parent, backend })).close();
   * await Deno.rename(parent, `${folder}/moved.vhdx`);
   *
   * using child = await openVirtualDisk(`${folder}/child.vhdx`, {
   *   flags: ["custom-diff-chain"],
   *   backend,
   * });
   * child.addParent(`${folder}/moved.vhdx`);
   * console.log(child.parents.length); // 1
   * ```
   *
   * @param path The parent's image.
   * @throws {VirtualDiskError} `ERROR_INVALID_PARAMETER` where the disk was not opened with the flag
   * `"custom-diff-chain"`; `ERROR_VHD_CHILD_PARENT_ID_MISMATCH` for a wrong parent; `ERROR_VHD_INVALID_TYPE`
   * where the chain is complete; what `openVirtualDisk` throws for the parent.
   */
  override addParent(path: string | URL): void {
    const parent = toHostPath(path);
    this.assertOpen("AddVirtualDiskParent");
    inOperation("AddVirtualDiskParent", () => this.#chain.addParent(parent));
  }

  /** Writes the new value to the image. */
  protected override changeInformation(change: InformationChange): void {
    const { kind, value } = change;
    if ((kind === "parentPath" || kind === "parentPathWithDepth") && value.dryRun) {
      const operation = "SetVirtualDiskInformation";
      this.assertOpen(operation);
      const parent = { childDepth: 1, ...value };
      return inOperation(
        operation,
        () => setParentPath(this.#chain, parent, this.#beforeDiskChange),
      );
    }
    this.#write(
      "SetVirtualDiskInformation",
      (image) => changeImage(this.#chain, image, change, this.#beforeDiskChange),
    );
  }

  /** The image's items; only a writer may change them. */
  protected override metadataStore(operation: string): MetadataStore {
    const { image, writable } = this.#chain;
    return imageMetadata(operation, image, writable, () => this.#assertChildless());
  }

  /** Leaves the file as a clean close does, and closes the files of the chain. */
  protected override release(): void {
    inOperation("CloseHandle", () => this.#chain.close());
  }

  #write(operation: string, run: (image: WritableImage) => void): void {
    this.assertOpen(operation);
    inOperation(operation, () => {
      const { writable } = this.#chain;
      if (writable === undefined) throw openForReading(this);
      run(writable);
    });
  }

  readonly #beforeDiskChange = (image: DiskImage): void => {
    if (image === this.#chain.image) this.#assertChildless();
    else if (!this.#ignoreChildren) assertChildless(image);
  };

  /** Children made after the first write belong to the disk as it is then, and lock it while open. */
  #assertChildless(): void {
    if (this.#mayChange) return;
    assertChildless(this.#chain.image);
    this.#mayChange = true;
  }

  #assertInside(offset: number, length: number): void {
    const { virtualSize } = this.#chain.image;
    if (offset + length <= virtualSize) return;
    throw new ImageError("ERROR_SECTOR_NOT_FOUND", {
      path: this.path,
      reason:
        `${length} bytes from ${offset} on do not fit: the disk ends after ${virtualSize} bytes`,
      causes: ["Make the disk larger first, with resize()."],
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
      atomicSectors: request.atomicSectors === true,
      writableDepth: rights.writableDepth,
      sharing: sharingOf(rights),
    });
    if (rights.writableDepth > 0) removeAbandonedFiles(dirname(chain.image.source.path));
    return new PortableVirtualDisk(chain, rights);
  });
}
