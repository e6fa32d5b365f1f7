/** What to create: the options of both backends. */
import {
  BACKEND,
  type Backend,
  BOOLEAN,
  BYTES,
  either,
  FLAGS,
  type Kind,
  OBJECT,
  oneOf,
  type OptionKinds,
  PATH,
  STRING,
} from "./arguments.ts";
import type { AssumedDisk } from "./damage.ts";
import { type DiskSource, SOURCE, SOURCES } from "./disk_source.ts";
import type { AccessRight, ImageType, OpenFlag } from "./open_options.ts";
import { OPERATION_OPTIONS, type OperationOptions } from "./progress.ts";
import { SIZE, type Size, sizeOf } from "./size.ts";

/**
 * How the image is to be created: CREATE_VIRTUAL_DISK_FLAG. A fixed disk has its flag by `subtype`.
 *
 * @category Creating
 */
export type CreateFlag =
  | "prevent-writes-to-source-disk"
  | "do-not-copy-metadata-from-parent"
  | "create-backing-storage"
  | "use-change-tracking-source-limit"
  | "preserve-parent-change-tracking-state"
  | "vhd-set-use-original-backing-storage"
  | "sparse-file"
  | "pmem-compatible"
  | "support-compressed-volumes"
  | "support-sparse-files-any-fs";

/**
 * What to create, on either backend.
 *
 * @category Creating
 */
export interface CommonCreateOptions extends OperationOptions {
  /**
   * The format; by default the extension of the path says it: `.vhd`, `.avhd`, `.vhdx`, `.avhdx`, on the
   * portable backend `.raw` and `.img`, and `.vhds` on the native one. `"raw"`, the disk's bytes alone, is for
   * the portable backend.
   */
  type?: "vhd" | "vhdx" | "vhdset" | "raw" | undefined;
  /**
   * How space is allocated: `"dynamic"` grows as it is written, `"fixed"` has its full size at once
   * (portable backend: with holes for zeros, unless `preallocate` says otherwise), `"differencing"` holds what differs from its
   * `parent`.
   *
   * @default {"differencing" with a `parent`, else "dynamic"}
   */
  subtype?: "dynamic" | "fixed" | "differencing" | undefined;
  /**
   * Writes all of a fixed disk, zeros too, so that its file has no holes: a full volume cannot break the disk
   * later, and Windows, which may refuse to attach a sparse file, attaches it. Takes as long as writing the
   * whole size. The native backend always does so. What a later `resize` adds may be a hole again.
   *
   * Without it the file is sparse where the file system can: on Windows 8 or newer, `fsutil sparse setflag
   * disk.vhd 0` allocates what is missing of a sparse copy on NTFS.
   *
   * @default {false}
   */
  preallocate?: boolean | undefined;
  /**
   * Size of the disk, in bytes or as in `"10GiB"`: from 3 MiB to 2040 GiB (VHD) or 64 TiB (VHDX), a multiple of the sector
   * size. A differencing disk has its parent's; a copy has by default, and at least, its source's. Of a
   * stream it must be said, unless the image is raw or a fixed VHD.
   */
  size?: Size | undefined;
  /**
   * The size is rounded up to a multiple of it, which is one of the sector size: `"1MiB"` for Azure, which
   * takes fixed VHDs of whole MiB. For the portable backend.
   */
  alignment?: Size | undefined;
  /**
   * Unit of allocation, in bytes or as in `"2MiB"`, not for fixed disks. VHD: 512 KiB or 2 MiB. VHDX: a power of two from
   * 1 MiB to 256 MiB.
   *
   * @default {VHD: 2 MiB, or the parent's; VHDX: 32 MiB, differencing 2 MiB}
   */
  blockSize?: Size | undefined;
  /**
   * Logical sector size in bytes: 512, or for VHDX 4096. A differencing disk has its parent's. See
   * `OpenOptions.atomicSectors` for what a crash may leave of a sector of 4096.
   *
   * @default {512}
   */
  sectorSize?: Size | undefined;
  /**
   * Physical sector size in bytes: VHD 512; VHDX 512 or 4096. A differencing disk has its parent's.
   *
   * @default {VHD: 512, VHDX: 4096}
   */
  physicalSectorSize?: Size | undefined;
  /**
   * The image that a differencing disk is based on; by default none. Its contents must never change again.
   * A new VHDX also gets its metadata items that are marked as the disk's, not the file's.
   */
  parent?: string | URL | undefined;
  /**
   * What the new disk is a copy of: an image of whichever format and kind; on the native backend also a
   * physical disk, `\\.\PhysicalDriveN`; on the portable one also what has no path (see {@linkcode DiskSource}; it
   * stays open), and a stream of the bytes of a disk. Not together with `parent`.
   *
   * What is copied is the disk: the new image has an identifier of its own, and user metadata stay behind.
   * A stream is read to its end, or cancelled where the creation fails.
   */
  source?: DiskSource | ReadableStream<Uint8Array> | undefined;
  /** What the parents of the source are: as `OpenOptions.parents`. Portable backend. */
  sourceParents?: readonly DiskSource[] | undefined;
  /**
   * The source's format; by default it is found out from the file. `"raw"` is for the portable backend. A stream
   * is a raw disk: by default it is refused if its first bytes, or its last, are those of an image, a packed
   * file or a text; with `"raw"` it is taken all the same.
   */
  sourceType?: ImageType | "raw" | undefined;
  /**
   * Copies with `sourceType: "raw"` even a file that plainly is an image, packed or a text, as if its bytes
   * were those of a disk. Portable backend.
   *
   * @default {false}
   */
  force?: boolean | undefined;
  /**
   * Leaves out of the copy what the file systems on the source say is free, whatever is there: it reads as zeros.
   * Only file systems that are understood and were unmounted cleanly are believed; `freeSpace()` of the source says
   * of each partition whether it is. Not for streams. Portable backend.
   *
   * @default {false}
   */
  freeSpace?: boolean | undefined;
  /**
   * `"tolerate"` copies what is left of a damaged source: what is lost are zeros in the copy. Which ranges these are
   * says `damage()` of the source, opened with the same options. Not for streams. Portable backend.
   *
   * @default {"refuse"}
   */
  damage?: "refuse" | "tolerate" | undefined;
  /** With `damage: "tolerate"`: what the source does not say any more. */
  assume?: AssumedDisk | undefined;
  /**
   * A GUID: the unique id of a VHD, the virtual disk id (page 83) of a VHDX.
   *
   * @default {a random one; a differencing VHDX has its parent's}
   */
  identifier?: string | undefined;
  /**
   * Whether a file of that name is replaced. It comes back if the create fails.
   *
   * The native backend moves it aside meanwhile, to a name in the same folder that ends in `.old`, and waits up to two
   * seconds for a program that has it open, a virus scanner for example. A process that is ended during the create
   * leaves that file there, beside what there is of the new one.
   *
   * @default {false}
   */
  overwrite?: boolean | undefined;
  /**
   * Portable backend: replaces a file although images in its folder have it as their parent, which become
   * invalid, or it cannot be found out whether there are any (see `OpenOptions.ignoreChildren`).
   *
   * @default {false}
   */
  ignoreChildren?: boolean | undefined;
}

/**
 * What CreateVirtualDisk takes beyond that. The portable backend refuses it.
 *
 * @category Creating
 */
export interface NativeCreateOptions {
  /** `CREATE_VIRTUAL_DISK_FLAG_*`, as words or as the number of the header. */
  flags?: readonly CreateFlag[] | number | undefined;
  /**
   * `VIRTUAL_DISK_ACCESS_*` of the disk that comes back, as words or as the number of the header. It
   * makes a Windows 7 (version 1) create, and excludes `physicalSectorSize` and all options below but
   * `securityDescriptor`.
   */
  access?: readonly AccessRight[] | number | undefined;
  /** `OPEN_VIRTUAL_DISK_FLAG_*` of the disk that comes back, as words or as the number of the header. */
  openFlags?: readonly OpenFlag[] | number | undefined;
  /** Tells openers of the same image apart, a GUID. */
  resiliencyGuid?: string | undefined;
  /** The parent's format; by default it is found out from the file. */
  parentType?: ImageType | undefined;
  /**
   * How much of the source is copied: what the children of this file of its chain hold, or with the flag
   * `"use-change-tracking-source-limit"` what has changed since this change tracking id. A version 3
   * create, Windows 10.
   */
  sourceLimitPath?: string | undefined;
  /** The format behind a VHD Set; by default Windows chooses. A version 3 create, Windows 10. */
  backingStorageType?: "vhd" | "vhdx" | undefined;
  /**
   * Virtual persistent memory, where it is wanted: how addresses are translated, a GUID. A version 4 create,
   * Windows 10.
   */
  pmemAddressAbstractionType?: string | undefined;
  /** Virtual persistent memory: alignment of the data in bytes. A version 4 create, Windows 10. */
  dataAlignment?: Size | undefined;
  /** A self-relative SECURITY_DESCRIPTOR of the new file; by default the folder's applies. */
  securityDescriptor?: Uint8Array<ArrayBuffer> | undefined;
}

/**
 * What to create, and by which backend.
 *
 * @category Creating
 */
export interface CreateOptions<B extends Backend = Backend>
  extends CommonCreateOptions, NativeCreateOptions {
  /**
   * Which backend creates the image; `"auto"` is native on Windows and portable elsewhere. The portable
   * one does so on every system, Windows included; no driver and no administrator is needed.
   *
   * @default {"auto"}
   */
  backend?: B | undefined;
}

const STREAM: Kind = {
  expected: "a ReadableStream",
  accepts: (value) => value instanceof ReadableStream,
};

/** Their kinds. */
export const CREATE_OPTIONS: OptionKinds<CreateOptions> = {
  ...OPERATION_OPTIONS,
  backend: BACKEND,
  type: oneOf("vhd", "vhdx", "vhdset", "raw"),
  subtype: oneOf("dynamic", "fixed", "differencing"),
  preallocate: BOOLEAN,
  size: SIZE,
  alignment: SIZE,
  blockSize: SIZE,
  sectorSize: SIZE,
  physicalSectorSize: SIZE,
  parent: PATH,
  source: either(SOURCE, STREAM),
  sourceParents: SOURCES,
  sourceType: oneOf("iso", "vhd", "vhdx", "vhdset", "raw"),
  force: BOOLEAN,
  freeSpace: BOOLEAN,
  damage: oneOf("refuse", "tolerate"),
  assume: OBJECT,
  identifier: STRING,
  overwrite: BOOLEAN,
  ignoreChildren: BOOLEAN,
  flags: FLAGS,
  access: FLAGS,
  openFlags: FLAGS,
  resiliencyGuid: STRING,
  parentType: oneOf("iso", "vhd", "vhdx", "vhdset"),
  sourceLimitPath: STRING,
  backingStorageType: oneOf("vhd", "vhdx"),
  pmemAddressAbstractionType: STRING,
  dataAlignment: SIZE,
  securityDescriptor: BYTES,
};

type SizeOption = "size" | "alignment" | "blockSize" | "sectorSize" | "physicalSectorSize";

/**
 * The sizes among the options of a new disk, in bytes.
 *
 * @throws {TypeError | RangeError} If one is no size.
 */
export function sizesOf(
  options: { readonly [K in SizeOption]?: Size | undefined },
): { [K in SizeOption]: number | undefined } {
  const bytes = (name: SizeOption) => {
    const size = options[name];
    return size === undefined ? undefined : sizeOf(size, name);
  };
  return {
    size: bytes("size"),
    alignment: bytes("alignment"),
    blockSize: bytes("blockSize"),
    sectorSize: bytes("sectorSize"),
    physicalSectorSize: bytes("physicalSectorSize"),
  };
}
