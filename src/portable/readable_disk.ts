/**
 * What a disk of the portable backend gives its readers.
 *
 * @module
 */
import {
  byteCount,
  BYTES,
  checkArgument,
  checkOptions,
  NUMBER,
  type OptionKinds,
  SIGNAL,
} from "../disk/arguments.ts";
import { setImmediate } from "node:timers/promises";
import type { InformationKind, VirtualDiskInformation } from "../disk/information.ts";
import { VirtualDisk } from "../disk/virtual_disk.ts";
import type { ImageChain } from "./chain/chain.ts";
import { chainExtents, type Extent, readChain, toExtent } from "./image/extents.ts";
import { type DiskDetails, diskDetails } from "./operations/details.ts";
import { ImageError, inOperation } from "./file/image_error.ts";
import { applicableKinds, imageInformation } from "./information.ts";
import {
  type ImageStream,
  type ImageStreamOptions,
  openImageStream,
} from "./operations/image_stream.ts";
import type { IsoVolume } from "./image/image.ts";
import type { Rights } from "./open_rules.ts";

/** A range of a disk, in bytes. */
export interface DiskRange {
  /**
   * Where it begins, in bytes from the start of the disk.
   *
   * @default {0}
   */
  offset?: number | undefined;
  /** How many bytes; by default, and at most, up to the end of the disk. */
  length?: number | undefined;
}

/** How a stream reads. */
export interface ReadableOptions extends DiskRange {
  /** Cancels the stream, which then fails with the signal's reason. */
  signal?: AbortSignal | undefined;
}

const DISK_RANGE: OptionKinds<DiskRange> = { offset: NUMBER, length: NUMBER };
const READABLE_OPTIONS: OptionKinds<ReadableOptions> = { ...DISK_RANGE, signal: SIGNAL };

const STREAM_CHUNK = 1 << 20;

/** The part of `PortableVirtualDisk` that reads. */
export abstract class ReadableDisk extends VirtualDisk {
  /** Always `"portable"`. */
  override readonly backend = "portable";
  readonly #chain: ImageChain;
  readonly #rights: Rights;

  /** Only the portable backend makes disks of this class. */
  protected constructor(chain: ImageChain, rights: Rights) {
    super(chain.image.source.path);
    this.#chain = chain;
    this.#rights = rights;
  }

  /** The absolute paths of the open parents, the nearest first. */
  get parents(): readonly string[] {
    return this.#chain.images.slice(1).map((image) => image.source.path);
  }

  /**
   * Reads from the disk, through its parents where it is a differencing one. Needs no attaching and no
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
   * @throws {VirtualDiskError} `ERROR_ACCESS_DENIED` where the disk was opened for information only;
   * `ERROR_VHD_INVALID_STATE` where the bytes are in a parent that was not opened; a format's code where
   * the image is damaged; `ERROR_INVALID_HANDLE` after `close()`.
   */
  readSync(buffer: Uint8Array, offset: number): number {
    this.#assertReadable();
    checkArgument(BYTES, buffer, "buffer");
    const { virtualSize } = this.#chain.image;
    const length = Math.min(buffer.length, virtualSize - byteCount(offset, "offset"));
    if (length <= 0) return 0;
    const target = length === buffer.length ? buffer : buffer.subarray(0, length);
    inOperation("ReadFile", () => readChain(this.#chain.images, target, offset));
    return length;
  }

  /**
   * The disk's contents as a stream of chunks of at most 1 MiB. The disk must stay open meanwhile.
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
   * @returns The stream; it fails as {@linkcode ReadableDisk.readSync} does.
   * @throws {VirtualDiskError} `ERROR_ACCESS_DENIED` where the disk was opened without the right to read,
   * `ERROR_INVALID_HANDLE` after `close()`.
   * @throws {RangeError} Where the range is none.
   */
  readable(options: ReadableOptions = {}): ReadableStream<Uint8Array<ArrayBuffer>> {
    this.#assertReadable();
    const { signal, ...range } = checkOptions(READABLE_OPTIONS, options, "readable");
    const { start, end } = this.#range(range);
    let position = start;
    return new ReadableStream({
      pull: async (controller) => {
        // Reads are synchronous: between two of them the event loop gets its turn.
        await setImmediate();
        signal?.throwIfAborted();
        if (position >= end) return controller.close();
        const chunk = new Uint8Array(Math.min(STREAM_CHUNK, end - position));
        position += this.readSync(chunk, position);
        controller.enqueue(chunk);
      },
    }, { highWaterMark: 0 });
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
   * {@linkcode ReadableDisk.readSync} does.
   */
  imageStream(options: ImageStreamOptions): Promise<ImageStream> {
    this.#assertReadable();
    return openImageStream(this.#chain.images, options, () => this.#assertReadable());
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
   * @returns The pieces in order, without gaps; neighbours that continue each other are one.
   * @throws {VirtualDiskError} As {@linkcode ReadableDisk.readSync}.
   */
  extents(range: DiskRange = {}): Iterable<Extent> {
    this.#assertReadable();
    const { start, end } = this.#range(checkOptions(DISK_RANGE, range, "extents"));
    return this.#extents(start, end);
  }

  /**
   * What an ISO image's volume descriptors say; `undefined` for other formats.
   *
   * @throws {VirtualDiskError} `ERROR_FILE_CORRUPT` where a descriptor is damaged, `ERROR_INVALID_HANDLE`
   * after `close()`.
   */
  get isoVolume(): IsoVolume | undefined {
    this.assertOpen("GetVirtualDiskInformation");
    return inOperation("GetVirtualDiskInformation", () => this.#chain.image.volume);
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
    const operation = "GetVirtualDiskInformation";
    this.assertOpen(operation);
    return inOperation(operation, () => {
      if (!this.#rights.query) throw new ImageError("ERROR_ACCESS_DENIED", { path: this.path });
      return diskDetails(this.#chain.images);
    });
  }

  /** Asks the image. */
  protected override queryInformation<K extends InformationKind>(
    kind: K,
  ): VirtualDiskInformation[K] {
    return inOperation("GetVirtualDiskInformation", () => {
      if (!this.#rights.query) {
        const reason = "the disk was opened without the right to ask for information";
        throw new ImageError("ERROR_ACCESS_DENIED", { path: this.path, reason });
      }
      return imageInformation(this.#chain, kind);
    });
  }

  /** What the image has. */
  protected override likelyKinds(): readonly InformationKind[] {
    return applicableKinds(this.#chain.image);
  }

  #assertReadable(): void {
    this.assertOpen("ReadFile");
    if (this.#rights.read) return;
    inOperation("ReadFile", () => {
      const reason = "the disk was opened for information alone";
      throw new ImageError("ERROR_ACCESS_DENIED", { path: this.path, reason });
    });
  }

  *#extents(start: number, end: number): Generator<Extent> {
    const pieces = chainExtents(this.#chain.images, start, end);
    while (true) {
      this.#assertReadable();
      const next = inOperation("ReadFile", () => pieces.next());
      if (next.done) return;
      yield toExtent(this.#chain.images, next.value);
    }
  }

  #range({ offset = 0, length }: DiskRange): { start: number; end: number } {
    const { virtualSize } = this.#chain.image;
    const start = Math.min(byteCount(offset, "offset"), virtualSize);
    const end = length === undefined ? virtualSize : start + byteCount(length, "length");
    return { start, end: Math.min(end, virtualSize) };
  }
}
