/** How to open a disk: the options of both backends. */
import {
  BACKEND,
  type Backend,
  BOOLEAN,
  FLAGS,
  NUMBER,
  OBJECT,
  oneOf,
  type OptionKinds,
  STRING,
} from "./arguments.ts";
import type { AssumedDisk } from "./damage.ts";
import { type DiskSource, SOURCES } from "./disk_source.ts";

/**
 * How the image is to be opened: OPEN_VIRTUAL_DISK_FLAG.
 *
 * @category Opening
 */
export type OpenFlag =
  | "no-parents"
  | "blank-file"
  | "boot-drive"
  | "cached-io"
  | "custom-diff-chain"
  | "parent-cached-io"
  | "vhdset-file-only"
  | "ignore-relative-parent-locator"
  | "no-write-hardening"
  | "support-compressed-volumes"
  | "support-sparse-files-any-fs"
  | "support-encrypted-files";

/**
 * What the handle may be used for: VIRTUAL_DISK_ACCESS_MASK.
 *
 * @category Opening
 */
export type AccessRight =
  | "attach-ro"
  | "attach-rw"
  | "detach"
  | "get-info"
  | "create"
  | "metaops"
  | "read"
  | "writable"
  | "all";

/**
 * The image formats that a caller can name.
 *
 * @category Opening
 */
export type ImageType = "iso" | "vhd" | "vhdx" | "vhdset";

/**
 * How to open a virtual disk.
 *
 * @category Opening
 */
export interface OpenOptions<B extends Backend = Backend> {
  /**
   * Which backend opens it; `"auto"` is native on Windows and portable elsewhere.
   *
   * @default {"auto"}
   */
  backend?: B | undefined;
  /**
   * The image's format; by default it is found out from the file. A raw disk, the bytes of a disk and
   * nothing else, is never guessed: only `"raw"` makes a file one. That is for the portable backend.
   */
  type?: ImageType | "raw" | undefined;
  /** `OPEN_VIRTUAL_DISK_FLAG_*`, as words or as the number of the header. */
  flags?: readonly OpenFlag[] | number | undefined;
  /**
   * `VIRTUAL_DISK_ACCESS_*`, as words or as the number of the header. Together with `rwDepth` it makes
   * a Windows 7 (version 1) open, and excludes `readOnly`, `getInfoOnly`, `resiliencyGuid` and
   * `snapshotId`.
   */
  access?: readonly AccessRight[] | number | undefined;
  /**
   * How many files of a chain, counted from the child, are opened for writing.
   *
   * @default {1}
   */
  rwDepth?: number | undefined;
  /**
   * Whether nothing may be written.
   *
   * @default {true}
   */
  readOnly?: boolean | undefined;
  /**
   * Opens for queries alone: no data can be read, and no other opener is in the way.
   *
   * @default {false}
   */
  getInfoOnly?: boolean | undefined;
  /**
   * What the parents are, the nearest first, instead of what the images name: for a child whose parents have moved, or
   * that has no path from which they could be found. Each must be the right one, as if it had been found. Where the
   * list ends before the chain does, the rest is looked for as usual. Excludes the flags `"no-parents"` and
   * `"custom-diff-chain"`. Portable backend.
   */
  parents?: readonly DiskSource[] | undefined;
  /**
   * Takes for parents what the images name, though their identifiers are not what the children expect: for
   * a parent that was written to after its child was made. **The disk may be a mix of what never belonged
   * together**: look at it, and write to it only once you are sure; `setInformation("parentPath")` with
   * `ignoreMismatch` makes it last. Portable backend.
   *
   * @default {false}
   */
  ignoreMismatch?: boolean | undefined;
  /**
   * Lets the disk be written although images in its folder have it as their parent, which become invalid:
   * a VHDX child does not open any more, a VHD child shows a mix. Needed too if it cannot be found out
   * whether there are any: without `--allow-read` for the folder, for a user who may not list it, with more
   * than 1000 images in it, or with one that cannot be read. Portable backend; the native one never looks
   * for children.
   *
   * @default {false}
   */
  ignoreChildren?: boolean | undefined;
  /**
   * Keeps every sector old or new as a whole after a crash, on any host: a disk with physical sectors of
   * 512 bytes may else leave a sector of 4096 bytes as a mix of 512-byte pieces, each of them old or new. What
   * is overwritten then goes through the log of the VHDX first: small writes take about twice as long, and
   * long ones that are not flushed in between twenty times. A log that was left behind holds data then,
   * which this library and QEMU replay as anything else; Windows has not been tried. Of no effect on disks
   * with sectors of 512 bytes, which are always whole. Portable backend; for disks opened for writing.
   *
   * @default {false}
   */
  atomicSectors?: boolean | undefined;
  /**
   * `"tolerate"` opens what is left of a damaged image, for reading. What is lost reads as zeros; `extents()` says
   * which ranges these are, and `damage()` how much it is and why. Nothing is guessed: of what the file tells in two
   * ways, neither is believed. A parent that is not there is lost too. Portable backend; not with
   * `openVirtualDiskSync`, as what opens such images is loaded first.
   *
   * @default {"refuse"}
   */
  damage?: "refuse" | "tolerate" | undefined;
  /** With `damage: "tolerate"`: what the image does not say any more. */
  assume?: AssumedDisk | undefined;
  /** Tells openers of the same image apart, a GUID. */
  resiliencyGuid?: string | undefined;
  /** Which snapshot of a VHD Set to open, a GUID; a version 3 open, Windows 10. */
  snapshotId?: string | undefined;
}

/** Their kinds. */
export const OPEN_OPTIONS: OptionKinds<OpenOptions> = {
  backend: BACKEND,
  type: oneOf("iso", "vhd", "vhdx", "vhdset", "raw"),
  flags: FLAGS,
  access: FLAGS,
  rwDepth: NUMBER,
  readOnly: BOOLEAN,
  getInfoOnly: BOOLEAN,
  parents: SOURCES,
  ignoreMismatch: BOOLEAN,
  ignoreChildren: BOOLEAN,
  atomicSectors: BOOLEAN,
  damage: oneOf("refuse", "tolerate"),
  assume: OBJECT,
  resiliencyGuid: STRING,
  snapshotId: STRING,
};
