/**
 * A disk opened without Windows: its structures are read from the image file, and written to it.
 *
 * @module
 */
import { OPEN_VIRTUAL_DISK_FLAG } from "../constants.ts";
import {
  byteCount,
  BYTES,
  checkArgument,
  checkOptions,
  FUNCTION,
  toHostPath,
} from "../disk/arguments.ts";
import type { DiskDamage } from "../disk/damage.ts";
import { isFetchedSource, nameOfSource } from "../disk/disk_source.ts";
import type { Attachment, AttachOptions, DetachOptions } from "../disk/attachment.ts";
import {
  type DiskRange,
  flushLater,
  type Geometry,
  rangeOf,
  readableOf,
  type ReadableOptions,
  readInPieces,
  writableOf,
  type WritableOptions,
  writeInPieces,
  ZERO_OPTIONS,
  type ZeroOptions,
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
import type { DiskFreeSpace, FreeSpaceRange } from "../disk/free_space.ts";
import {
  allInformation,
  checkKind,
  INFORMATION_KINDS,
  informationChange,
  type InformationKind,
  type InformationOptions,
  type SettableInformation,
  type SettableKind,
  type VirtualDiskInformation,
} from "../disk/information.ts";
import { VirtualDiskMetadata } from "../disk/metadata.ts";
import type { OpenRequest } from "../disk/open_request.ts";
import {
  COMPACT_OPTIONS,
  type CompactOptions,
  type CompleteCompactionReport,
  EXPAND_OPTIONS,
  type ExpandOptions,
  type ForkOptions,
  MERGE_OPTIONS,
  type MergeOptions,
  type MergeReport,
  type MirrorOptions,
  RESIZE_OPTIONS,
  type ResizeOptions,
  type ResizeReport,
  type SmallestSafeSize,
} from "../disk/operation_options.ts";
import { OPERATION_OPTIONS, type OperationOptions } from "../disk/progress.ts";
import type { Size } from "../disk/size.ts";
import type { StorageDependency } from "../disk/storage_dependency.ts";
import { assertOpen, unsupported, VirtualDisk } from "../disk/virtual_disk.ts";
import { virtualDiskError } from "../errors/error.ts";
import { dirname } from "../text/paths.ts";
import { ImageChain, loadDamagedFiles } from "./chain/chain.ts";
import type { DamagedFiles } from "./chain/damaged_files.ts";
import { assertChildless } from "./chain/children.ts";
import { type OpenFile, partOf } from "./file/byte_source.ts";
import { removeAbandonedFiles } from "./file/abandoned_files.ts";
import { BytesMissing, eachFetched, whenFetched } from "./file/fetched_file.ts";
import { ImageError, inLongOperation, inOperation, openForReading } from "./file/image_error.ts";
import {
  assertNotFetched,
  closeFetched,
  openSourceFiles,
  openSourceFileSync,
} from "./file/sources.ts";
import { formatOfDevice } from "./formats.ts";
import {
  chainExtents,
  type Extent,
  fetchedChainExtents,
  toExtent,
  writeChain,
  zeroChain,
} from "./image/extents.ts";
import { CHECK_OPTIONS, type CheckOptions, type CheckReport } from "./image/findings.ts";
import type { DiskImage, IsoVolume, WritableImage } from "./image/image.ts";
import { Pace } from "./image/pace.ts";
import { changeImage, imageInformation, imageMetadata, informationIfAny } from "./information.ts";
import { checkOpenRequest, type Rights, rightsOf, sharingOf } from "./open_rules.ts";
import type { DamageOptions } from "./operations/damage.ts";
import { type DiskDetails, diskDetails } from "./operations/details.ts";
import type { FreeSpace } from "./operations/free_space.ts";
import type { ImageStream, ImageStreamOptions } from "./operations/image_stream.ts";
import type { FullResizeReport, ResizeRequest } from "./operations/resize.ts";

const { NO_PARENTS, CUSTOM_DIFF_CHAIN, IGNORE_RELATIVE_PARENT_LOCATOR } = OPEN_VIRTUAL_DISK_FLAG;
const QUERY = "GetVirtualDiskInformation";
const CHANGE = "SetVirtualDiskInformation";

/**
 * A disk of the portable backend: beside information it gives the disk's contents, attached nowhere. It needs
 * `--allow-read` for the image and its parents; what changes it, `--allow-write` for the image.
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
 * A write that finds no room on the volume can be done again once there is some, and others meanwhile: nothing that
 * was written before is lost. After any other write or flush that failed nothing more is written until the disk is
 * opened again.
 *
 * One long operation runs on a disk at a time. Those that change the shape of the files have them for themselves:
 * meanwhile everything else fails with `ERROR_INVALID_STATE`.
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
 *
 * @category Opening
 */
export class PortableVirtualDisk extends VirtualDisk {
  /** Always `"portable"`. */
  override readonly backend = "portable";
  /** The absolute path of the image; in parentheses, what it was opened with that has no path. */
  override readonly path: string;
  readonly #chain: ImageChain;
  readonly #rights: Rights;
  /** Whether it is known that no child is lost by a write. */
  #mayChange: boolean;
  #closed = false;
  /** Whether a long operation is running: there is one at a time, and the disk cannot be closed under it. */
  #isBusy = false;
  /** Whether that has the files for itself, so that nothing can be read or written meanwhile. */
  #isLocked = false;
  /** Whether what runs now is done again once the bytes that it lacks are there. */
  #isRepeated = false;

  /** @internal Made by `openVirtualDisk` and `createVirtualDisk`. */
  constructor(chain: ImageChain, rights: Rights) {
    super();
    this.path = chain.image.source.path;
    this.#chain = chain;
    this.#rights = rights;
    this.#mayChange = rights.ignoreChildren;
  }

  /** Whether the disk has been closed. */
  override get closed(): boolean {
    return this.#closed;
  }

  /**
   * Bytes of the disk, as a machine would see it.
   *
   * @throws {VirtualDiskError} As {@linkcode PortableVirtualDisk.getInformation}.
   */
  override get size(): number {
    return this.#queried(({ image }) => image.virtualSize);
  }

  /**
   * What the image is, by its contents; `"raw"` if it was opened as that.
   *
   * @throws {VirtualDiskError} As {@linkcode PortableVirtualDisk.getInformation}.
   */
  override get format(): "iso" | "vhd" | "vhdx" | "raw" {
    return this.#queried(({ image }) => image.format);
  }

  /** Whether the disk was opened for reading, so that nothing can be written to it. */
  get readOnly(): boolean {
    return this.#chain.writable === undefined;
  }

  /** The absolute paths of the open parents, the nearest first; in parentheses, what has no path. */
  override get parents(): readonly string[] {
    return this.#chain.images.slice(1).map((image) => image.source.path);
  }

  /**
   * Reads one class of information from the image's own structures.
   *
   * @example Which kind of disk it is
   * ```ts
   * import { createVirtualDisk } from "@virtdisk/virtdisk";
   *
   * const path = `${await Deno.makeTempDir()}/disk.vhdx`;
   * using disk = await createVirtualDisk(path, { size: "64MiB", backend: "portable" });
   * console.log(disk.getInformation("providerSubtype")); // dynamic
   * ```
   *
   * @param kind Which class.
   * @returns Its value.
   * @throws {VirtualDiskError} `ERROR_VHD_INVALID_TYPE` if the class does not fit the disk; `ERROR_NOT_SUPPORTED` for
   * what only Windows knows; `ERROR_ACCESS_DENIED` if the disk was opened without the `get-info` right.
   */
  override getInformation<K extends InformationKind>(kind: K): VirtualDiskInformation[K] {
    this.#assertUsable(QUERY);
    checkKind(kind);
    if (KINDS_OF_CONTENTS.has(kind)) this.#assertThere(QUERY, `getInformation("${kind}")`);
    return this.#queried((chain) => imageInformation(chain, kind));
  }

  /**
   * Reads every class of information that the image has.
   *
   * @param options Whether a class that cannot be read is an error.
   * @returns An object with a key per class that applies and can be read.
   * @throws {VirtualDiskError} If no class can be read, what the first fails with.
   */
  override information(options: InformationOptions = {}): Partial<VirtualDiskInformation> {
    this.#assertUsable(QUERY);
    this.#assertThere(QUERY, "information()");
    const query = <K extends InformationKind>(kind: K) =>
      this.#queried((chain) => informationIfAny(chain, kind));
    return allInformation(INFORMATION_KINDS, query, options);
  }

  /**
   * Writes one class of information to the image; with `dryRun`, a parent is looked at only.
   *
   * @param kind Which class.
   * @param value Its new value.
   * @throws {VirtualDiskError} `ERROR_ACCESS_DENIED` if the disk was opened for reading; `ERROR_VHD_INVALID_TYPE` if
   * the class does not fit the disk; `ERROR_NOT_SUPPORTED` for change tracking; `ERROR_VHD_INVALID_STATE` for what
   * children know the disk by, if there are any in its folder (see `OpenOptions.ignoreChildren`).
   * @throws {TypeError | RangeError} If the value does not fit the class.
   */
  override setInformation<K extends SettableKind>(kind: K, value: SettableInformation[K]): void {
    this.#assertUsable(CHANGE);
    const change = informationChange(kind, value);
    inOperation(CHANGE, () => {
      changeImage(this.#chain, change, this.#beforeDiskChange);
    });
  }

  /** The user metadata of a VHDX. Only a writer may change it, and not that of a disk with children in its folder. */
  override get metadata(): VirtualDiskMetadata {
    return new VirtualDiskMetadata((operation) => {
      this.#assertUsable(operation);
      this.#assertThere(operation, "metadata.get(id)");
      const { image, writable } = this.#chain;
      return imageMetadata(operation, image, writable, () => this.#assertChildless());
    });
  }

  /**
   * Reads from the disk, through its parents if it is a differencing one. Needs no attaching and no
   * administrator.
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
   * @param buffer Is filled; any length.
   * @param offset Where in the disk to begin, in bytes; any safe integer from 0 on.
   * @returns How many bytes were read: less than the buffer's length only at the end of the disk.
   * @throws {VirtualDiskError} `ERROR_ACCESS_DENIED` if the disk was opened for information only;
   * `ERROR_VHD_INVALID_STATE` if the bytes are in a parent that was not opened; a format's code if
   * the image is damaged; `ERROR_INVALID_HANDLE` after `close()`.
   */
  override readSync(buffer: Uint8Array, offset: number): number {
    this.#assertReadable();
    this.#assertThere("ReadFile", "readSync(buffer, offset)", "`await disk.read(buffer, offset)`");
    checkArgument(BYTES, buffer, "buffer");
    const { virtualSize } = this.#chain.image;
    const length = Math.min(buffer.length, virtualSize - byteCount(offset, "offset"));
    if (length <= 0) return 0;
    const target = partOf(buffer, 0, length);
    inOperation("ReadFile", () => this.#chain.reader.read(target, offset));
    return length;
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
   * @throws {VirtualDiskError} `ERROR_ACCESS_DENIED` if the disk was opened for reading,
   * `ERROR_SECTOR_NOT_FOUND` if the range ends beyond the disk, `ERROR_VHD_INVALID_STATE` if images
   * in the same folder have this one as their parent (see `OpenOptions.ignoreChildren`), `ERROR_DISK_FULL`,
   * `ERROR_VHD_BLOCK_ALLOCATION_FAILURE`, a format's code if a table is damaged,
   * `ERROR_INVALID_HANDLE` after `close()`.
   */
  override writeSync(buffer: Uint8Array, offset: number): number {
    checkArgument(BYTES, buffer, "buffer");
    this.#write("WriteFile", (image) => {
      this.#assertInside(offset, buffer.length);
      this.#assertChildless();
      writeChain(image, this.#chain.images, buffer, offset);
    });
    return buffer.length;
  }

  /**
   * Returns once everything written before is on the disk under the image file, and will be there after
   * a crash. See {@linkcode PortableVirtualDisk.writeSync} for an example.
   *
   * @throws {VirtualDiskError} As {@linkcode PortableVirtualDisk.writeSync}.
   */
  override flushSync(): void {
    this.#write("FlushFileBuffers", (image) => image.flush());
  }

  /**
   * Reads as {@linkcode PortableVirtualDisk.readSync}, a MiB to a turn of the event loop.
   *
   * @param buffer Is filled; any length.
   * @param offset Where in the disk to begin, in bytes; any safe integer from 0 on.
   * @returns How many bytes were read: less than the buffer's length only at the end of the disk.
   * @throws {VirtualDiskError} As {@linkcode PortableVirtualDisk.readSync}.
   */
  override read(buffer: Uint8Array, offset: number): Promise<number> {
    return readInPieces(this.#readFetched, buffer, offset);
  }

  /**
   * Writes as {@linkcode PortableVirtualDisk.writeSync}, a MiB to a turn of the event loop. Nothing is written if the
   * range ends beyond the disk.
   *
   * @param buffer What to write; any length. It must stay as it is until the promise settles.
   * @param offset Where in the disk to begin, in bytes.
   * @returns The buffer's length.
   * @throws {VirtualDiskError} As {@linkcode PortableVirtualDisk.writeSync}.
   */
  override write(buffer: Uint8Array, offset: number): Promise<number> {
    return writeInPieces(this, buffer, offset, () => {
      this.#write("WriteFile", () => this.#assertInside(offset, buffer.length));
    });
  }

  /**
   * Flushes as {@linkcode PortableVirtualDisk.flushSync}, in a later turn of the event loop.
   *
   * @returns When everything written before is on the disk under the image file.
   * @throws {VirtualDiskError} As {@linkcode PortableVirtualDisk.writeSync}.
   */
  override flush(): Promise<void> {
    return flushLater(this);
  }

  /**
   * The disk's contents as a stream of bytes, in chunks of at most 1 MiB. Nothing is read before it is asked for, and
   * a reader's own buffer is filled without a copy. The disk must stay open meanwhile.
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
   * @returns The stream; it fails as {@linkcode PortableVirtualDisk.readSync} does.
   * @throws {VirtualDiskError} `ERROR_ACCESS_DENIED` if the disk was opened without the right to read,
   * `ERROR_INVALID_HANDLE` after `close()`.
   * @throws {TypeError | RangeError} If an option is wrong.
   */
  override readable(options: ReadableOptions = {}): ReadableStream<Uint8Array<ArrayBuffer>> {
    this.#assertReadable();
    return readableOf(this.#readFetched, this.#geometry, options);
  }

  /**
   * Says what is lost of a disk that was opened with `{ damage: "tolerate" }`. It goes through the tables of the
   * image, and reads nothing of the disk but its partition table.
   *
   * @example What is lost of an image that was cut off
   * ```ts
   * import { createVirtualDisk, openVirtualDisk } from "@virtdisk/virtdisk/portable";
   *
   * const path = `${await Deno.makeTempDir()}/disk.vhdx`;
   * {
   *   using whole = await createVirtualDisk(path, { size: "64MiB", blockSize: "1MiB" });
   *   whole.writeSync(new Uint8Array(8 * 1024 * 1024).fill(1), 0);
   * }
   * await Deno.truncate(path, 9 * 1024 * 1024);
   *
   * using disk = await openVirtualDisk(path, { damage: "tolerate" });
   * const { lostBytes, lostRanges } = await disk.damage();
   * console.log(lostBytes); // 3145728
   * console.log(lostRanges); // [ { offset: 5242880, length: 3145728, reason: "cut-off" } ]
   * ```
   *
   * @param options Which range of the disk, by default all of it; how to watch and how to cancel.
   * @returns What is lost of it.
   * @throws {VirtualDiskError} `ERROR_INVALID_PARAMETER` if the disk was opened as a sound one; else as
   * {@linkcode PortableVirtualDisk.readSync}.
   */
  damage(options: DamageOptions = {}): Promise<DiskDamage> {
    return this.#operate("ReadFile", async () => {
      this.#assertReadable();
      const { DAMAGE_OPTIONS, diskDamage } = await import("./operations/damage.ts");
      const { offset, length, ...watch } = checkOptions(DAMAGE_OPTIONS, options, "damage");
      const { images, damages } = this.#chain;
      if (damages === undefined) {
        throw virtualDiskError("ERROR_INVALID_PARAMETER", "ReadFile", {
          path: this.path,
          reason: "the disk was opened as a sound one: of that, nothing is ever lost",
          causes: ['Open it with { damage: "tolerate" }.'],
        });
      }
      const range = rangeOf({ offset, length }, images[0].virtualSize, "damage");
      return await diskDamage(images, damages, range, new Pace(watch));
    });
  }

  /**
   * A stream into the disk: chunk after chunk is written, and flushed when the stream is closed. The disk must stay
   * open meanwhile. What was written when the stream fails or is aborted stays.
   *
   * @example Write a raw file to a disk
   * ```ts
   * import { createVirtualDisk } from "@virtdisk/virtdisk";
   *
   * const folder = await Deno.makeTempDir();
   * await Deno.writeFile(`${folder}/boot.bin`, new Uint8Array(4096).fill(1));
   * using disk = await createVirtualDisk(`${folder}/disk.vhdx`, {
   *   backend: "portable",
   *   size: 64 * 1024 * 1024,
   * });
   * using file = await Deno.open(`${folder}/boot.bin`);
   * await file.readable.pipeTo(disk.writable({ offset: 1024 * 1024 }));
   * ```
   *
   * @param options Where it begins, and how to cancel.
   * @returns The stream; it fails as {@linkcode PortableVirtualDisk.write} does.
   * @throws {VirtualDiskError} `ERROR_ACCESS_DENIED` if the disk was opened for reading, `ERROR_INVALID_HANDLE` after
   * `close()`.
   * @throws {TypeError | RangeError} If an option is wrong.
   */
  override writable(options: WritableOptions = {}): WritableStream<Uint8Array> {
    this.#write("WriteFile", () => {});
    return writableOf(this, this.#geometry, options);
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
      this.#assertInside(offset, length);
      this.#assertChildless();
      image.trim(offset, length);
    });
  }

  /**
   * Makes a range read as zeros, always and for every reader, in the cheapest way that the image has: whole blocks
   * are given back, the rest is written. In a differencing image the parent stays hidden.
   *
   * @example Wipe a partition
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
   * disk.zeroSync(100, 1024 * 1024);
   * const buffer = new Uint8Array(1);
   * disk.readSync(buffer, 1024 * 1024);
   * console.log(buffer[0]); // 0
   * ```
   *
   * @param offset Where in the disk to begin, in bytes.
   * @param length How many bytes.
   * @param options Whether the zeros take space.
   * @throws {VirtualDiskError} As {@linkcode PortableVirtualDisk.writeSync}.
   * @throws {TypeError | RangeError} If an argument is wrong.
   */
  zeroSync(offset: number, length: number, options: ZeroOptions = {}): void {
    const { allocate = false } = checkOptions(ZERO_OPTIONS, options, "zeroSync");
    this.#write("DeviceIoControl", (image) => {
      this.#assertInside(offset, length);
      this.#assertChildless();
      zeroChain(image, this.#chain.images, { offset, length, takesSpace: allocate });
    });
  }

  /**
   * Where the bytes of a range are: in this file, in a parent's, or nowhere, because they are zeros.
   *
   * @example What is allocated
   * ```ts
   * import { createVirtualDisk } from "@virtdisk/virtdisk";
   *
   * const folder = await Deno.makeTempDir();
   * using disk = await createVirtualDisk(`${folder}/disk.vhdx`, {
   *   backend: "portable",
   *   size: 64 * 1024 * 1024,
   * });
   * console.log([...disk.extents()]); // [{ kind: "zero", offset: 0, length: 67108864 }]
   * ```
   *
   * @param range By default the whole disk.
   * @returns The pieces in order, without gaps; neighbours that continue each other are one. Of a disk whose bytes are
   * fetched, `for await` goes through them.
   * @throws {VirtualDiskError} As {@linkcode PortableVirtualDisk.readSync}.
   */
  extents(range: DiskRange = {}): Iterable<Extent> & AsyncIterable<Extent> {
    this.#assertReadable();
    const { start, end } = rangeOf(range, this.#chain.image.virtualSize, "extents");
    return {
      [Symbol.iterator]: () => this.#extents(start, end),
      [Symbol.asyncIterator]: () => this.#fetchedExtents(start, end),
    };
  }

  /**
   * The disk as an image file of another kind, parents included, without making that file: what is
   * streamed can be uploaded as it is read.
   *
   * For `"dynamic"` kinds the disk is read ahead as far as it takes to tell which blocks hold nothing but
   * zeros: these are left out. Blocks that the image does not have are not read at all.
   *
   * @example Upload a disk to where fixed VHDs are asked for
   * ```ts
   * import { createVirtualDisk } from "@virtdisk/virtdisk";
   *
   * const folder = await Deno.makeTempDir();
   * using disk = await createVirtualDisk(`${folder}/disk.vhdx`, {
   *   size: 64 * 1024 * 1024,
   *   backend: "portable",
   * });
   * const { byteLength, readable } = await disk.imageStream({
   *   type: "vhd",
   *   subtype: "fixed",
   *   alignment: "1MiB",
   * });
   * console.log(byteLength); // 67109376
   * await Deno.writeFile(`${folder}/upload.vhd`, readable);
   * ```
   *
   * @param options Which image, how to watch and how to cancel. The signal also ends the stream.
   * @returns The stream and its length.
   * @throws {VirtualDiskError} As `createVirtualDisk` with a source; the stream fails as
   * {@linkcode PortableVirtualDisk.readSync} does.
   */
  async imageStream(options: ImageStreamOptions): Promise<ImageStream> {
    this.#assertReadable();
    if (options?.freeSpace) {
      inOperation("ReadFile", () => this.#assertSound("nothing is left out of it"));
    }
    const { openImageStream } = await import("./operations/image_stream.ts");
    return await openImageStream(this.#chain.images, options, () => this.#assertReadable());
  }

  /**
   * Tells what the information classes do not: of each file of the chain who made it and when, the space that
   * it takes, and whether its log was left behind; and the partitions of the disk.
   *
   * @example The partitions, and the space that the files take
   * ```ts
   * import { createVirtualDisk } from "@virtdisk/virtdisk";
   *
   * const folder = await Deno.makeTempDir();
   * using disk = await createVirtualDisk(`${folder}/disk.vhdx`, {
   *   backend: "portable",
   *   size: 64 * 1024 * 1024,
   * });
   * const { images, partitionTable } = disk.details();
   * for (const { path, allocatedSize, creator } of images) console.log(path, allocatedSize, creator);
   * console.log(partitionTable?.partitions.length ?? 0); // 0
   * ```
   *
   * @returns The details, as they are now.
   * @throws {VirtualDiskError} `ERROR_ACCESS_DENIED` if the disk was opened without the right to ask,
   * `ERROR_INVALID_HANDLE` after `close()`.
   */
  details(): DiskDetails {
    this.#assertThere(QUERY, "details()");
    return this.#queried(({ images }) => diskDetails(images));
  }

  /**
   * Asks the disk what is else asked at once, and fetches what that needs: for disks whose bytes come later than they
   * are asked for, from a server or a Blob. There `readSync`, `extents()` in a plain `for`, `information()`, `details()`,
   * `isoVolume`, `metadata` and of `getInformation()` the classes `"is4kAligned"` and `"smallestSafeVirtualSize"` throw
   * `ERROR_NOT_SUPPORTED` everywhere but in here, whether the bytes happen to be there or not. On other disks it makes
   * no difference.
   *
   * @example What is in a file that a user has chosen
   * ```ts
   * import { createVirtualDisk, openVirtualDisk } from "@virtdisk/virtdisk/portable";
   *
   * const path = `${await Deno.makeTempDir()}/disk.vhdx`;
   * (await createVirtualDisk(path, { size: "64MiB" })).close();
   * const blob = new Blob([await Deno.readFile(path)]);
   *
   * using disk = await openVirtualDisk(blob);
   * const { images } = await disk.fetched((disk) => disk.details());
   * console.log(images[0].creator);
   * ```
   *
   * @param run Asks, and has no other effect: it is called again and again, until all that it reads is there. What it
   * gives must be there at once, not a promise.
   * @returns What it gives.
   * @throws {VirtualDiskError} As what it asks for; what fetching fails with; `ERROR_NOT_ENOUGH_MEMORY` if it needs more
   * at once than the 64 MiB that are kept of each image.
   * @throws {TypeError} If `run` is not a function, or gives a promise.
   */
  async fetched<T>(run: (disk: this) => T): Promise<T> {
    checkArgument(FUNCTION, run, "run");
    this.#assertUsable(QUERY);
    const answer = await inLongOperation(
      QUERY,
      async () => ({ value: await whenFetched(() => this.#repeated(() => wrapped(run(this)))) }),
    );
    return answer.value.value;
  }

  /**
   * What an ISO image's volume descriptors say; `undefined` for other formats.
   *
   * @throws {VirtualDiskError} `ERROR_FILE_CORRUPT` if a descriptor is damaged, `ERROR_INVALID_HANDLE`
   * after `close()`.
   */
  get isoVolume(): IsoVolume | undefined {
    this.#assertUsable(QUERY);
    this.#assertThere(QUERY, "isoVolume");
    return inOperation(QUERY, () => this.#chain.image.volume);
  }

  /**
   * Checks the image file against every rule of its format, as `checkVirtualDisk` does with a file that need
   * not open. The parents were found, or left out, when the disk was opened; they are not checked. The disk
   * can neither be read nor written meanwhile.
   *
   * @example Check before a backup
   * ```ts
   * import { createVirtualDisk } from "@virtdisk/virtdisk";
   *
   * const folder = await Deno.makeTempDir();
   * using disk = await createVirtualDisk(`${folder}/disk.vhdx`, {
   *   size: 64 * 1024 * 1024,
   *   backend: "portable",
   * });
   * const { sound, findings } = await disk.check();
   * console.log(sound, findings.length); // true 0
   * ```
   *
   * @param options Whether to repair, how to watch and how to cancel.
   * @returns What was found, and what of it was repaired.
   * @throws {VirtualDiskError} `ERROR_ACCESS_DENIED` if it shall be repaired, but was opened for reading;
   * what reading the file fails with. Never for damage.
   */
  check(options: CheckOptions = {}): Promise<CheckReport> {
    return this.#operate(
      "OpenVirtualDisk",
      () => {
        const checked = checkOptions(CHECK_OPTIONS, options, "check");
        return this.#locked(async () => {
          const { checkChain } = await import("./operations/check.ts");
          return await checkChain(this.#chain, checked);
        });
      },
    );
  }

  /**
   * What the file systems on the disk leave free, by partition, and where. ext2, ext3, ext4, NTFS, FAT12, FAT16, FAT32
   * and exFAT are understood, on a disk with an MBR or a GPT or without either. Whatever is not certain is taken for
   * used: another file system, one that was not unmounted cleanly, has errors or features that are not known; what lies
   * between partitions. Nothing is written.
   *
   * @example How much of a disk is free
   * ```ts
   * import { createVirtualDisk } from "@virtdisk/virtdisk";
   *
   * const path = `${await Deno.makeTempDir()}/disk.vhdx`;
   * using disk = await createVirtualDisk(path, { size: "64MiB", backend: "portable" });
   * const space = await disk.freeSpace();
   * for (const { fileSystem, freeBytes, reason } of space.partitions) {
   *   console.log(fileSystem, freeBytes ?? reason);
   * }
   * for await (const { offset, length } of space) console.log(offset, length);
   * ```
   *
   * @param options How to watch and how to cancel.
   * @returns A report, and the free ranges.
   * @throws {VirtualDiskError} As {@linkcode PortableVirtualDisk.readSync}; the ranges too:
   * `ERROR_INVALID_STATE` if a file system has changed since.
   */
  freeSpace(options: OperationOptions = {}): Promise<DiskFreeSpace> {
    return this.#operate("ReadFile", async () => {
      this.#assertReadable();
      this.#assertSound("what its file systems say is free is not believed");
      const pace = new Pace(checkOptions(OPERATION_OPTIONS, options, "freeSpace"));
      const { FreeSpace } = await import("./operations/free_space.ts");
      const space = await FreeSpace.find(this.#chain.images, pace);
      pace.end();
      return {
        ...space.report,
        [Symbol.asyncIterator]: () => this.#freeRanges(space),
      };
    });
  }

  /**
   * Makes the image file shorter. Blocks go that hold nothing but zeros, that have been trimmed, or that hold
   * what the parent does; others move down, and so do a VHDX's tables and log; the file ends behind the last
   * of them. The disk's contents stay what they are, and its children remain valid.
   *
   * With `freeSpace`, blocks go too in which the file systems on the disk have nothing: they read as zeros
   * afterwards. All else stays what it is; a block that is free in part keeps all its bytes.
   *
   * A crash or an abort at any moment leaves a sound image with the same contents, and an abort gives back
   * what has been won by then; compacting again goes on from there. The disk can neither be read nor written
   * meanwhile.
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
   * @param options What to leave alone, how to watch and how to cancel.
   * @returns What has been won.
   * @throws {VirtualDiskError} `ERROR_VHD_INVALID_TYPE` if the disk is fixed, raw or an ISO image;
   * `ERROR_VHD_INVALID_STATE` if it belongs to a machine with a saved state; `ERROR_ACCESS_DENIED` if
   * it was opened for reading; a format's code where a table is damaged.
   */
  override compact(options: CompactOptions = {}): Promise<CompleteCompactionReport> {
    return this.#operate(
      "CompactVirtualDisk",
      () => {
        const checked = checkOptions(COMPACT_OPTIONS, options, "compact");
        const ignoreChildren = checked.ignoreChildren ?? this.#rights.ignoreChildren;
        return this.#locked(async () => {
          const { compactChain } = await import("./operations/compact.ts");
          return await compactChain(this.#chain, { ...checked, ignoreChildren });
        });
      },
    );
  }

  /**
   * Makes the disk larger; what is added reads as zeros. Not for differencing VHDs. As
   * {@linkcode PortableVirtualDisk.resize} else, but the size must be larger than the present one.
   *
   * @param size The new size, in bytes or as in `"10GiB"`, whole sectors; or what to add: `"+1GiB"`.
   * @param options Whether only to look, how to watch and how to cancel.
   * @returns What has become of the disk.
   * @throws {VirtualDiskError} As {@linkcode PortableVirtualDisk.resize}; `ERROR_INVALID_PARAMETER` if
   * the size is not larger.
   */
  override expand(
    size: Size,
    options: ExpandOptions = {},
  ): Promise<ResizeReport & Required<Pick<ResizeReport, "virtualSize" | "previousSize">>> {
    return this.#operate(
      "ExpandVirtualDisk",
      () =>
        this.#resize({
          ...checkOptions(EXPAND_OPTIONS, options, "expand"),
          size,
          expandOnly: true,
        }),
    );
  }

  /**
   * Gives the disk another size: larger, or where it is a VHDX or a raw disk smaller, down to the end of the
   * last partition. Where the disk has a GPT, its backup moves to the new end; no partition and no file
   * system changes. The file of a smaller disk ends behind the last block that is left: compacting makes it
   * shorter. Children of the disk become invalid: where there are any in the same folder, it is
   * refused.
   *
   * A GPT whose primary header or entries are damaged is restored from its backup before, and the report
   * says so; a damaged or missing backup is written anew (UEFI 2.10, 5.3.2). So resizing to the present
   * size puts a GPT right whose disk another program has made larger.
   *
   * A crash or an abort leaves the old size or the new one, and every byte of what both have, and a sound GPT. Where the
   * backup has not moved then, resizing to the same size moves it. The file of a fixed VHD that was growing
   * may be too long then, and other programs may refuse it: the next open for writing, or a check with
   * `repair`, cuts off what the growth has left.
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
   * @param size The new size, in bytes or as in `"10GiB"`, whole sectors; or what to add: `"+1GiB"`; or
   * `"smallest-safe"`: where the last partition ends, and behind that, with a GPT, its backup.
   * @returns What has become of the disk, and which partition can grow.
   * @throws {VirtualDiskError} `ERROR_VHD_RESIZE_WOULD_TRUNCATE_DATA`;
   * `ERROR_VHD_COULD_NOT_COMPUTE_MINIMUM_VIRTUAL_SIZE` if it shall shrink, but there is no sound partition
   * table; `ERROR_VHD_ALREADY_AT_OR_BELOW_MINIMUM_VIRTUAL_SIZE`; `ERROR_VHD_INVALID_TYPE` for a VHD that
   * shall shrink, a differencing one, and an ISO image; `ERROR_VHD_INVALID_STATE` if the disk has
   * children, belongs to a machine with a saved state, or is a child whose parent is not open;
   * `ERROR_VHD_INVALID_SIZE` if the format has no such disks; `ERROR_INVALID_PARAMETER` if the size is
   * not of whole sectors, and for `"smallest-safe"` with `allowUnsafe`; `ERROR_ACCESS_DENIED`
   * where the disk was opened for reading; `ERROR_DISK_FULL`.
   * @throws {RangeError} If the size is none.
   */
  override resize(
    size: Size | SmallestSafeSize,
    options: ResizeOptions = {},
  ): Promise<ResizeReport & Required<Pick<ResizeReport, "virtualSize" | "previousSize">>> {
    return this.#operate(
      "ResizeVirtualDisk",
      () =>
        this.#resize({
          ...checkOptions(RESIZE_OPTIONS, options, "resize"),
          size,
          expandOnly: false,
        }),
    );
  }

  /**
   * Writes what a differencing disk holds into one of its ancestors, so that it reads as the disk does; or,
   * with `into`, what the whole chain holds into a new file. Other children of that ancestor, and of merged
   * files between, become invalid: where there are any in the same folders, it is refused. The disk itself
   * stays valid, and can go with all merged files: with `removeChild` they do. {@linkcode MergeOptions} tells
   * what becomes of metadata items.
   *
   * A crash or an abort at any moment leaves a chain that reads as before; merging again ends right. With
   * `removeChild` that chain may be the shorter one already: look at the disk's `parents` before. Merged files
   * that are not among them can be removed; as long as one of them opens, merging into the same ancestor is
   * refused. The ancestor is opened for writing, with nobody beside. The disk can neither be read nor written
   * meanwhile.
   *
   * @example Merge a child into its parent, and be done with it
   * ```ts
   * import { createVirtualDisk } from "@virtdisk/virtdisk";
   *
   * const folder = await Deno.makeTempDir();
   * const options = { backend: "portable" } as const;
   * (await createVirtualDisk(`${folder}/base.vhdx`, { ...options, size: 64 * 1024 * 1024 })).close();
   * using child = await createVirtualDisk(`${folder}/child.vhdx`, {
   *   ...options,
   *   parent: `${folder}/base.vhdx`,
   * });
   * child.writeSync(new TextEncoder().encode("hello"), 0);
   * const { removed } = await child.merge({ removeChild: true });
   * console.log(removed, child.closed); // true true
   * ```
   *
   * @param options What into what, how to watch and how to cancel.
   * @returns What there is now.
   * @throws {VirtualDiskError} `ERROR_VHD_INVALID_TYPE` if the disk has no parent;
   * `ERROR_INVALID_PARAMETER` for a depth that the chain does not have; `ERROR_VHD_INVALID_STATE` if the
   * parents are not open, other children would become invalid, or a disk belongs to a machine with a saved
   * state; `ERROR_SHARING_VIOLATION` if the ancestor is in use; `ERROR_ACCESS_DENIED` if the disk was
   * opened for reading; `ERROR_FILE_EXISTS` if the new file is there already; `ERROR_VHD_METADATA_FULL`;
   * `ERROR_DISK_FULL`.
   */
  override merge(options: MergeOptions = {}): Promise<Required<MergeReport>> {
    return this.#operate(
      "MergeVirtualDisk",
      () => this.#merge(checkOptions(MERGE_OPTIONS, options, "merge")),
    );
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
   * @throws {VirtualDiskError} `ERROR_INVALID_PARAMETER` if the disk was not opened with the flag
   * `"custom-diff-chain"`; `ERROR_VHD_CHILD_PARENT_ID_MISMATCH` for a wrong parent; `ERROR_VHD_INVALID_TYPE`
   * where the chain is complete; what `openVirtualDisk` throws for the parent.
   */
  override addParent(path: string | URL): void {
    const parent = toHostPath(path);
    this.#assertUsable("AddVirtualDiskParent");
    inOperation("AddVirtualDiskParent", () => this.#chain.addParent(parent));
  }

  /** Only the native backend attaches: fails with `ERROR_NOT_SUPPORTED`. `readSync` and `writeSync` need no attaching. */
  override attach(_options?: AttachOptions): Promise<Attachment> {
    return this.#lacksLater("AttachVirtualDisk");
  }

  /** Only the native backend attaches: throws `ERROR_NOT_SUPPORTED`. */
  override detach(_options?: DetachOptions): void {
    this.#lacks("DetachVirtualDisk");
  }

  /** Only the native backend attaches: throws `ERROR_NOT_SUPPORTED`. */
  override physicalPath(): string {
    return this.#lacks("GetVirtualDiskPhysicalPath");
  }

  /** Only the native backend mirrors: fails with `ERROR_NOT_SUPPORTED`. */
  override mirror(_path: string | URL, _options?: MirrorOptions): Promise<void> {
    return this.#lacksLater("MirrorVirtualDisk");
  }

  /** Only the native backend mirrors: fails with `ERROR_NOT_SUPPORTED`. */
  override breakMirror(): Promise<void> {
    return this.#lacksLater("BreakMirrorVirtualDisk");
  }

  /** Only the native backend forks: fails with `ERROR_NOT_SUPPORTED`. */
  override fork(_path: string | URL, _options?: ForkOptions): Promise<void> {
    return this.#lacksLater("ForkVirtualDisk");
  }

  /** Only the native backend forks: fails with `ERROR_NOT_SUPPORTED`. */
  override completeFork(): Promise<void> {
    return this.#lacksLater("CompleteForkVirtualDisk");
  }

  /** Only the native backend tracks changes: throws `ERROR_NOT_SUPPORTED`. `virtualDiskChanges` compares instead. */
  override queryChanges(_id: string, _options?: ChangeQueryOptions): Iterable<ChangedRange> {
    return this.#lacks("QueryChangesVirtualDisk");
  }

  /** Only the native backend sends SCSI commands: throws `ERROR_NOT_SUPPORTED`. */
  override rawScsi(_request: ScsiRequest): ScsiResponse {
    return this.#lacks("RawSCSIVirtualDisk");
  }

  /** Only the native backend attaches: throws `ERROR_NOT_SUPPORTED`. `parents` and `path` name the same images. */
  override storageDependencies(): StorageDependency[] {
    return this.#lacks("GetStorageDependencyInformation");
  }

  /** Only the native backend opens VHD Sets: throws `ERROR_NOT_SUPPORTED`. */
  override takeSnapshot(_options?: TakeSnapshotOptions): string {
    return this.#lacks("TakeSnapshotVhdSet");
  }

  /** Only the native backend opens VHD Sets: throws `ERROR_NOT_SUPPORTED`. */
  override deleteSnapshot(_snapshotId: string, _options?: DeleteSnapshotOptions): void {
    this.#lacks("DeleteSnapshotVhdSet");
  }

  /** Only the native backend opens VHD Sets: throws `ERROR_NOT_SUPPORTED`. */
  override applySnapshot(_snapshotId: string, _options?: ApplySnapshotOptions): void {
    this.#lacks("ApplySnapshotVhdSet");
  }

  /** Only the native backend opens VHD Sets: throws `ERROR_NOT_SUPPORTED`. */
  override modifyVhdSet(_change: VhdSetChange): void {
    this.#lacks("ModifyVhdSet");
  }

  /**
   * Closes the disk, and leaves the image as a clean close does. A second call does nothing.
   *
   * @throws {VirtualDiskError} `ERROR_INVALID_STATE` while a long operation is running; what the last writes fail
   * with: `ERROR_DISK_FULL` if there is no room for them, also if a write was refused for that before.
   */
  override close(): void {
    if (this.#isBusy) throw this.#busy("CloseHandle");
    this.#release(() => this.#chain.close());
  }

  /**
   * Closes the disk at the end of a `using` scope, as {@linkcode PortableVirtualDisk.close}. Only that there is no room
   * is not told once more if a write was refused for it and nothing was flushed since: it would hide that error.
   */
  override [Symbol.dispose](): void {
    if (this.#isBusy) throw this.#busy("CloseHandle");
    this.#release(() => this.#chain[Symbol.dispose]());
  }

  get #geometry(): Geometry {
    return { size: this.#chain.image.virtualSize, unit: 1 };
  }

  #release(close: () => void): void {
    if (this.#closed) return;
    this.#closed = true;
    inOperation("CloseHandle", close);
  }

  /** Open, and no operation has the files for itself. */
  #assertUsable(operation: string): void {
    assertOpen(this, operation);
    if (this.#isLocked) throw this.#busy(operation);
  }

  #busy(operation: string): Error {
    return virtualDiskError("ERROR_INVALID_STATE", operation, {
      path: this.path,
      reason: "another operation is still running on this disk",
      causes: ["Await it, or abort its signal and await it then."],
    });
  }

  #lacks(operation: string): never {
    this.#assertUsable(operation);
    throw unsupported(this, operation);
  }

  #lacksLater(operation: string): Promise<never> {
    return Promise.try(() => this.#lacks(operation));
  }

  /**
   * Refuses what may lack bytes that nobody waits for: always, not only if they are missing.
   *
   * @param asked What would wait for them, as it is written in {@linkcode PortableVirtualDisk.fetched}.
   */
  #assertThere(operation: string, asked: string, instead?: string): void {
    if (this.#isRepeated || !this.#chain.isFetched) return;
    throw this.#notThere(operation, instead ?? `\`await disk.fetched((disk) => disk.${asked})\``);
  }

  #notThere(operation: string, instead?: string): Error {
    return virtualDiskError("ERROR_NOT_SUPPORTED", operation, {
      path: this.path,
      reason: "the bytes of the image are fetched, and this does not wait for them",
      causes: [
        ...(instead === undefined ? [] : [`Wait for them: ${instead}.`]),
        "Save the image to a file, and open that.",
      ],
    });
  }

  /** Runs what is done again if bytes are missing. */
  #repeated<T>(run: () => T): T {
    const before = this.#isRepeated;
    this.#isRepeated = true;
    try {
      return run();
    } finally {
      this.#isRepeated = before;
    }
  }

  readonly #readFetched = (buffer: Uint8Array, offset: number): number | Promise<number> => {
    const read = () => this.#repeated(() => this.readSync(buffer, offset));
    return this.#chain.isFetched
      ? inLongOperation("ReadFile", async () => await whenFetched(read))
      : read();
  };

  #assertReadable(): void {
    this.#assertUsable("ReadFile");
    if (!this.#rights.read) {
      throw this.#denied("ReadFile", "the disk was opened for information alone");
    }
  }

  #denied(operation: string, reason?: string): Error {
    return new ImageError("ERROR_ACCESS_DENIED", { path: this.path, reason })
      .toVirtualDiskError(operation);
  }

  #queried<T>(answer: (chain: ImageChain) => T): T {
    this.#assertUsable(QUERY);
    if (this.#rights.query) return inOperation(QUERY, () => answer(this.#chain));
    throw this.#denied(QUERY, "the disk was opened without the right to ask for information");
  }

  #write(operation: string, run: (image: WritableImage) => void): void {
    this.#assertUsable(operation);
    inOperation(operation, () => {
      const { writable } = this.#chain;
      if (writable === undefined) throw openForReading(this);
      this.#chain.retryable(() => run(writable));
    });
  }

  /** Runs a long operation while no other is. */
  #operate<T>(operation: string, run: () => Promise<T>): Promise<T> {
    return Promise.try(async () => {
      this.#assertUsable(operation);
      if (this.#isBusy) throw this.#busy(operation);
      this.#isBusy = true;
      try {
        return await inLongOperation(operation, run);
      } catch (error) {
        // It reads what it has to change, or would.
        throw error instanceof BytesMissing ? this.#notThere(operation) : error;
      } finally {
        this.#isBusy = false;
      }
    });
  }

  /** Runs what changes the shape of the files, or reads them beside the disk. */
  async #locked<T>(run: () => Promise<T>): Promise<T> {
    this.#isLocked = true;
    try {
      return await run();
    } finally {
      this.#isLocked = false;
    }
  }

  #resize(request: ResizeRequest): Promise<FullResizeReport> {
    const ignoreChildren = request.ignoreChildren ?? this.#rights.ignoreChildren;
    const run = async () => {
      const { resizeChain } = await import("./operations/resize.ts");
      return await resizeChain(this.#chain, { ...request, ignoreChildren });
    };
    // A dry run reads the file as it is on the disk, beside which nobody may write.
    return request.dryRun === true ? this.#locked(run) : run();
  }

  async #merge(options: MergeOptions): Promise<Required<MergeReport>> {
    const { into, removeChild = false, dryRun = false } = options;
    const merging = import("./operations/merge.ts");
    if (into !== undefined) {
      const { mergeIntoFile } = await merging;
      const path = await mergeIntoFile(this.#chain.images, toHostPath(into), options);
      const merged = this.#chain.images.map((image) => image.source.path);
      return { dryRun, path, merged, removed: false };
    }
    return await this.#locked(async () => {
      const { mergeChain, removeMerged } = await merging;
      const files = await mergeChain(this.#chain, options);
      // Whatever were written from here on would go with the files. The operation is still running, so that nobody
      // else can close the disk.
      if (removeChild && !dryRun) {
        removeMerged(this.#chain, files, options, () => this.#release(() => this.#chain.close()));
      }
      return { dryRun, path: files.target, merged: files.merged, removed: removeChild };
    });
  }

  async *#freeRanges(space: FreeSpace): AsyncGenerator<FreeSpaceRange> {
    const pace = new Pace({});
    const ranges = eachFetched(() => space.ranges(0, this.#chain.images));
    while (true) {
      this.#assertReadable();
      const next = await inLongOperation("ReadFile", () => ranges.next());
      if (next.done) return;
      yield next.value;
      await pace.reach(0, 0);
    }
  }

  *#extents(start: number, end: number): Generator<Extent> {
    const pieces = chainExtents(this.#chain.images, start, end);
    while (true) {
      this.#assertReadable();
      this.#assertThere("ReadFile", "extents()", "`for await (const extent of disk.extents())`");
      const next = inOperation("ReadFile", () => pieces.next());
      if (next.done) return;
      yield toExtent(this.#chain.images, next.value);
    }
  }

  async *#fetchedExtents(start: number, end: number): AsyncGenerator<Extent> {
    const pieces = fetchedChainExtents(this.#chain.images, start, end);
    while (true) {
      this.#assertReadable();
      const next = await inLongOperation("ReadFile", () => pieces.next());
      if (next.done) return;
      yield toExtent(this.#chain.images, next.value);
    }
  }

  readonly #beforeDiskChange = (image: DiskImage): void => {
    if (image === this.#chain.image) this.#assertChildless();
    else if (!this.#rights.ignoreChildren) assertChildless(image);
  };

  /** Children made after the first write belong to the disk as it is then, and lock it while open. */
  #assertChildless(): void {
    if (this.#mayChange) return;
    assertChildless(this.#chain.image);
    this.#mayChange = true;
  }

  /** What is lost reads as zeros, which may say something that is not so. */
  #assertSound(what: string): void {
    if (this.#chain.damages === undefined) return;
    throw new ImageError("ERROR_NOT_SUPPORTED", {
      path: this.path,
      reason: `the disk may be damaged: ${what}`,
      causes: ["Open it without `damage` if it is sound."],
    });
  }

  #assertInside(offset: number, length: number): void {
    const { virtualSize } = this.#chain.image;
    if (byteCount(offset, "offset") + byteCount(length, "length") <= virtualSize) return;
    throw new ImageError("ERROR_SECTOR_NOT_FOUND", {
      path: this.path,
      reason:
        `${length} bytes from ${offset} on do not fit: the disk ends after ${virtualSize} bytes`,
      causes: ["Make the disk larger first, with resize()."],
    });
  }
}

/** Classes of information that the structures do not tell which every open reads. */
const KINDS_OF_CONTENTS: ReadonlySet<InformationKind> = new Set([
  "is4kAligned",
  "smallestSafeVirtualSize",
]);

/** A value that no `await` takes for a promise. */
function wrapped<T>(value: T): { readonly value: T } {
  if (!(value instanceof Promise)) return { value };
  // What becomes of it, nobody learns any more.
  value.catch(() => {});
  throw new TypeError("what `run` gives must be there at once, not a promise");
}

/**
 * Opens an image and its parents, none of which has to be fetched.
 *
 * @throws {VirtualDiskError} As OpenVirtualDisk; `ERROR_NOT_SUPPORTED` if one has to be fetched, or may be damaged.
 */
export function openPortableSync(request: OpenRequest): PortableVirtualDisk {
  return inOperation("OpenVirtualDisk", () => {
    checkOpenRequest(request);
    if (request.assumed !== undefined) throw notLoaded(request.path);
    const { source = request.path, parents } = request;
    const file = openSourceFileSync(source, { write: rightsOf(request).writableDepth > 0 });
    return openChain(request, file, parents?.map((parent) => openSourceFileSync(parent)));
  });
}

/** What most programs do without is loaded only if it is asked for, and loading takes a promise. */
function notLoaded(path: string): ImageError {
  return new ImageError("ERROR_NOT_SUPPORTED", {
    path,
    reason: "what opens a damaged image has to be loaded first, which takes a promise",
    causes: ['Use `await openVirtualDisk(path, { damage: "tolerate" })`.'],
  });
}

/**
 * Opens an image and its parents.
 *
 * @throws {VirtualDiskError} As OpenVirtualDisk.
 */
export function openPortable(request: OpenRequest): Promise<PortableVirtualDisk> {
  return inLongOperation("OpenVirtualDisk", async () => {
    checkOpenRequest(request);
    const { source = request.path, parents } = request;
    if (request.assumed !== undefined) assertNotFetched([source, ...parents ?? []]);
    const damaged = request.assumed && await loadDamagedFiles(request.assumed);
    const write = rightsOf(request).writableDepth > 0;
    const [file] = await openSourceFiles([source], { write });
    try {
      const given = parents && await openParents(parents, write);
      try {
        return await whenFetched(() => openChain(request, file!, given, damaged));
      } catch (error) {
        closeFetched(given ?? []);
        throw error;
      }
    } catch (error) {
      closeFetched([file!]);
      throw error;
    }
  });
}

/** What is written is read at once, through its parents too. */
async function openParents(
  parents: NonNullable<OpenRequest["parents"]>,
  write: boolean,
): Promise<(string | OpenFile)[]> {
  const fetched = parents.find(isFetchedSource);
  if (!write || fetched === undefined) return await openSourceFiles(parents);
  throw new ImageError("ERROR_NOT_SUPPORTED", {
    path: nameOfSource(fetched),
    reason: "the bytes of a parent are fetched, and a disk that is written does not wait for them",
    causes: ["Leave `readOnly` out, or save the parent to a file."],
  });
}

function openChain(
  request: OpenRequest,
  file: string | OpenFile,
  parents: (string | OpenFile)[] | undefined,
  damaged?: DamagedFiles,
): PortableVirtualDisk {
  const rights = rightsOf(request);
  const chain = ImageChain.open(file, {
    parents,
    format: request.raw ? "raw" : formatOfDevice(request.storageType.deviceId),
    noParents: (request.flags & (NO_PARENTS | CUSTOM_DIFF_CHAIN)) !== 0,
    isCustom: (request.flags & CUSTOM_DIFF_CHAIN) !== 0,
    ignoreRelative: (request.flags & IGNORE_RELATIVE_PARENT_LOCATOR) !== 0,
    ignoreMismatch: request.ignoreMismatch,
    atomicSectors: request.atomicSectors === true,
    damaged,
    writableDepth: rights.writableDepth,
    sharing: sharingOf(rights),
  });
  const { path, origin } = chain.image.source;
  if (rights.writableDepth > 0 && origin === undefined) removeAbandonedFiles(dirname(path));
  return new PortableVirtualDisk(chain, rights);
}
