/**
 * What every image format gives the rest of the portable backend.
 *
 * @module
 */
import type { LossReason } from "../../disk/damage.ts";
import type { ProviderSubtype } from "../../disk/information.ts";
import type { ByteSource } from "../file/byte_source.ts";

/**
 * Why there are zeros that are stored nowhere: the file says that they are (`zero`), or that the contents
 * were given back (`trimmed`).
 */
export type ZeroReason = "zero" | "trimmed";

/**
 * A piece of a disk, and where its bytes are: in this image's own file (`file`, from `fileOffset` on),
 * nowhere because they are zeros (`zero`), or to be asked of the parent (`parent`).
 */
export type ImageExtent =
  | {
    readonly kind: "file";
    readonly offset: number;
    readonly length: number;
    readonly fileOffset: number;
  }
  | {
    readonly kind: "zero";
    readonly offset: number;
    readonly length: number;
    /** Absent where the file has never had anything there. */
    readonly reason?: ZeroReason;
  }
  | { readonly kind: "parent"; readonly offset: number; readonly length: number }
  /** Only of an image that is read in spite of its damage: nobody knows what was there. Reads as zeros. */
  | {
    readonly kind: "lost";
    readonly offset: number;
    readonly length: number;
    readonly reason: LossReason;
  };

/** One place where an image says that its parent may be. */
export interface ParentLocator {
  /**
   * `relative` starts at the folder of the child, `absolute` at a drive or root, `volume` at a
   * `\\?\Volume{...}` name, `name` is a bare file name, to be looked for beside the child.
   */
  readonly kind: "relative" | "absolute" | "volume" | "name";
  /** As stored, in the notation of the system that wrote it. */
  readonly path: string;
}

/** What a differencing image says of its parent. */
export interface ParentLink {
  /** The identifiers of which the parent must have one: VHD unique id, or VHDX parent linkage. */
  readonly identifiers: readonly string[];
  /** VHD: seconds since 2000-01-01 UTC, 0 where not recorded. */
  readonly timestamp?: number;
  /** In the order in which they are to be tried. */
  readonly locators: readonly ParentLocator[];
}

/** An image, parsed: one file, without its parents. */
export interface DiskImage {
  readonly format: "iso" | "vhd" | "vhdx" | "raw";
  readonly subtype: ProviderSubtype;
  /** Where `file` extents lie. */
  readonly source: ByteSource;
  /** Bytes. */
  readonly virtualSize: number;
  /** Bytes; 0 where the format has no blocks. */
  readonly blockSize: number;
  readonly logicalSectorSize: number;
  readonly physicalSectorSize: number;
  /** VHD: unique id; VHDX: data write GUID. What children know their parent by. */
  readonly identifier: string | undefined;
  /** VHDX: page 83 identifier; VHD: unique id. */
  readonly virtualDiskId: string | undefined;
  /** Present in differencing images only. */
  readonly parent: ParentLink | undefined;
  /**
   * The first piece of the range from `offset` to `end`: it begins at `offset` and is as long as it
   * cheaply can be, but never empty.
   *
   * @param offset 0 ≤ offset < end.
   * @param end At most `virtualSize`.
   * @throws {ImageError} Where the table that says so is damaged.
   */
  extent(offset: number, end: number): ImageExtent;
  /**
   * This image for a look at a few bytes, of which it is only told what they say: where a block is, is believed after
   * fewer entries have been compared. Absent if that saves nothing.
   */
  glimpse?(): DiskImage;
  /** VHDX: metadata items, to read. */
  readonly metadata?: Pick<ImageMetadata, "keys" | "get" | "copyable">;
  /** ISO: what is on the disc. */
  readonly volume?: IsoVolume;
  /** VHDX: whether the image was not closed, and is read as the log that was left behind leaves it. */
  readonly hasDirtyLog?: boolean;
  /** Whether the data lie at multiples of 4096 in the file. May read the whole block table. */
  is4kAligned(): boolean;
}

/**
 * An image that can be written. After a crash at any moment it still opens, everything that was written
 * before the last {@linkcode WritableImage.flush} is there, and a sector written since is old or new. Where
 * the host may tear a write within a sector of 4096 bytes, that holds for each 512 bytes of it, unless
 * {@linkcode WritableImage.keepSectorsWhole} has been called.
 */
export interface WritableImage extends DiskImage {
  /**
   * Writes whole logical sectors; the range lies inside the disk.
   *
   * @param takesSpace Whether zeros take space too, where the file has nothing yet.
   * @throws {ImageError} What the file system says; a format's code where a table is damaged.
   */
  write(bytes: Uint8Array, offset: number, takesSpace?: boolean): void;
  /**
   * Gives back the whole blocks inside the range, which then read as zeros. Parts of blocks at its ends,
   * and blocks of a kind of image that has no state for it, keep their contents.
   */
  trim(offset: number, length: number): void;
  /**
   * Makes the whole blocks inside the range zeros that every reader finds, and gives their space back. Parts of
   * blocks at its ends, and blocks of a kind of image that has no state for it, keep their contents.
   */
  zeroBlocks(offset: number, length: number): void;
  /** Makes everything written before durable. */
  flush(): void;
  /** Leaves the file as a clean close does; nothing is written afterwards. The file stays open. */
  finish(): void;
  /**
   * Gives a differencing image another parent, durably: what is stored is the link of a new image made
   * with that parent. Absent where the format has no differencing images.
   *
   * @param isSameDisk Whether the disk reads the same through it: then children of this one stay valid.
   * @throws {ImageError} `ERROR_FILENAME_EXCED_RANGE` for a path that is too long.
   */
  rebase?(parent: ParentSpec, isSameDisk?: boolean): void;
  /**
   * Keeps sectors old or new as a whole from now on, on hosts too that write less than a sector at once.
   * Absent where no sector is larger than what every host writes at once.
   */
  keepSectorsWhole?(): void;
  /** VHD: gives the disk another unique id. Absent where the format has none. */
  setUniqueId?(identifier: string): void;
  /** VHDX: gives the disk another page 83 identifier. */
  setVirtualDiskId?(identifier: string): void;
  /** VHDX: 512 or 4096; only what is reported changes. */
  setPhysicalSectorSize?(size: number): void;
  /** VHDX: metadata items. */
  readonly metadata?: ImageMetadata;
}

/** User metadata items of an image: blobs by GUID. Reading them needs no writable image. */
export interface ImageMetadata {
  /** The items' GUIDs, lower case. */
  keys(): string[];
  get(item: string): Uint8Array<ArrayBuffer> | undefined;
  /** @throws {ImageError} `ERROR_VHD_METADATA_FULL` where there is no room. */
  set(item: string, value: Uint8Array): void;
  /** Whether there was such an item. */
  delete(item: string): boolean;
  /** All items that can be copied to another file, the system's too. */
  copyable(): CopyableItem[];
  /**
   * Makes the copyable items that describe the disk these, all at once; those of the file stay, but for ids
   * that both would have.
   *
   * @throws {ImageError} `ERROR_VHD_METADATA_FULL` where there is no room; nothing has been written then.
   */
  setDiskItems(items: readonly CopyableItem[]): void;
}

/** The metadata items that go with the disk, wherever that goes. */
export function diskItems({ metadata }: DiskImage): CopyableItem[] {
  return metadata?.copyable().filter(({ isVirtualDisk }) => isVirtualDisk) ?? [];
}

/** The pieces of a range of one image, in order and without gaps. */
export function* imageExtents(
  image: DiskImage,
  offset: number,
  end: number,
): Generator<ImageExtent> {
  for (let position = offset; position < end;) {
    const extent = image.extent(position, end);
    yield extent;
    position += extent.length;
  }
}

/**
 * A metadata item of a VHDX, as it goes from one file to another.
 *
 * @module
 */

/** What the table of a file says of an item, but for its place. */
export interface ItemDescription {
  /** Lower case. */
  readonly id: string;
  /** Bytes. */
  readonly length: number;
  /** Of a user of the disk, not of the format: such items have a name space of their own. */
  readonly isUser: boolean;
  /** Describes the disk, not the file: a child inherits it, and a merge brings it to the parent. */
  readonly isVirtualDisk: boolean;
  /** A reader that does not know the item must refuse the file. */
  readonly isRequired: boolean;
  /** Bits that have no meaning: of the flags, and of the field behind them. They are kept as they are. */
  readonly reserved?: { readonly flags: number; readonly field: number };
}

/** An item beside those that the format gives a meaning in its file. */
export interface CopyableItem extends ItemDescription {
  /** Its bytes, while the file is open and the item there. */
  read(): Uint8Array<ArrayBuffer>;
}

/**
 * What a new, empty image is to be: every default chosen, every limit checked, so that the formats only
 * write it down.
 *
 * @module
 */

/** The parent of a new differencing image. */
export interface ParentSpec {
  /** What the child knows it by: VHD unique id, or VHDX data write GUID. */
  readonly identifier: string;
  /** From the child's folder, in Windows notation: `.\base.vhdx`, `..\images\base.vhdx`. */
  readonly relativePath: string | undefined;
  /** A drive or UNC path; only a child made on Windows has one. */
  readonly absolutePath: string | undefined;
}

/** A new image. Sizes are bytes. */
export interface ImageSpec {
  readonly subtype: "fixed" | "dynamic" | "differencing";
  readonly virtualSize: number;
  /** 0 for a fixed VHD, which has no blocks. */
  readonly blockSize: number;
  readonly logicalSectorSize: number;
  readonly physicalSectorSize: number;
  /** VHD: the unique id; VHDX: the virtual disk id (page 83). */
  readonly identifier: string;
  /** Differencing images only. */
  readonly parent: ParentSpec | undefined;
  /** VHDX: metadata items that come from another file, where there are any. */
  readonly items?: readonly CopyableItem[];
}

/**
 * A file system that an image may hold; `"iso13490"` (ECMA-168) is known by name only.
 *
 * @category Information
 */
export type IsoFileSystem = "udf" | "joliet" | "iso9660" | "high-sierra" | "iso13490";

/**
 * What the descriptors of an ISO image say.
 *
 * @category Information
 */
export interface IsoVolume {
  /** In the order in which Windows prefers them: UDF first where an image has several. */
  readonly fileSystems: readonly IsoFileSystem[];
  /** From UDF, else Joliet, else ISO 9660; `undefined` where it is empty everywhere. */
  readonly label: string | undefined;
  /** Bytes that the volume claims, which in a truncated image are more than the file has. */
  readonly volumeSize: number | undefined;
  /** For example `"1.02"`. */
  readonly udfRevision: string | undefined;
  /** Whether there is an El Torito boot catalog. */
  readonly bootable: boolean;
  /** What is not as it should be, in sentences. */
  readonly warnings: readonly string[];
}

/** Who made an image, and when, as far as it says so itself. */
export interface ImageOrigin {
  /** A name and a version, as the maker wrote them. */
  readonly creator?: string;
  /** ISO 8601, in UTC. */
  readonly created?: string;
}
