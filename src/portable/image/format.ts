/**
 * What a format of images gives the operations: one object, by which they do with its images what they do
 * with any. What an image of the format is once it is open says {@linkcode DiskImage}.
 *
 * @module
 */
import type { ErrorSymbol } from "../../errors/codes.ts";
import type { ByteSource, WritableSource } from "../file/byte_source.ts";
import type { PromisedEnd } from "../file/promised_end.ts";
import type { Findings, LinkPlace } from "./findings.ts";
import type { DiskImage, ImageOrigin, ImageSpec, WritableImage } from "./image.ts";
import type { ImageLayout } from "./layout.ts";
import type { Pace } from "./pace.ts";
import type { Damages, TolerantImage } from "./tolerant_image.ts";

/** A format of images. */
export interface Format {
  readonly name: DiskImage["format"];
  /** One of its images in words, with the article: `"a VHD image"`. */
  readonly title: string;
  /** Its number among the storage types of virtdisk.h; absent if it has none. */
  readonly deviceId?: number;
  /** Lower case, the usual one first. */
  readonly extensions: readonly string[];
  /** What opening a file of such a name fails with if the file has no mark of the format. */
  readonly unmarked: ErrorSymbol;
  /** What opening a file fails with that is shorter than its own structures say. */
  readonly cutOff: ErrorSymbol;

  /** Whether a file has the mark of the format; says nothing of its health. */
  matches(source: ByteSource): boolean;
  /** As `matches`, of a mark in its usual place; absent if there is no other. */
  matchesPlainly?(source: ByteSource): boolean;
  /**
   * The image in a file that has the mark, but breaks a rule without which it does not open: what it holds
   * can be told all the same. Absent if there is no such rule.
   */
  openBroken?(source: ByteSource): DiskImage | undefined;
  /** Whether a file is one of the format although its mark has been overwritten. */
  matchesWithoutMark?(source: ByteSource): boolean;

  /** @throws {ImageError} With the code of the rule that the image breaks. */
  open(source: ByteSource): DiskImage;
  /**
   * As `open`, if the mark is in its usual place; otherwise `undefined`. Absent if nothing is saved by looking for
   * the mark and opening in one.
   */
  openMarked?(source: ByteSource): DiskImage | undefined;
  /**
   * Loads what opens what is left of a damaged image, which those who open sound ones do not need. Absent if
   * nothing of an image leads to the rest of it.
   */
  damagedOpener?(): Promise<OpenDamaged>;
  /** Absent if images of the format can only be read. */
  openForWriting?(source: WritableSource): WritableImage;
  /** Who made an image that opens, and when. */
  origin(source: ByteSource): ImageOrigin;

  /** Absent if none are made. */
  readonly newImages?: NewImages;
  /** Absent if the disk in an image keeps its size. */
  readonly resizing?: Resizing;
  /** Absent if images have no blocks to give back. */
  compact?(file: WritableSource, job: Compaction): Promise<CompactionOutcome>;
  /** Absent if there are no differencing images. */
  readonly differencing?: Differencing;
  /** Absent if there are no differencing images. */
  merge?(merging: Merging): Promise<void>;

  /** Loads what checks and repairs, which those who open an image do not need. */
  checks(): Promise<Checks>;
  /** Where a file ends by what is in it; `undefined` if that does not tell. */
  promisedEnd?(file: ByteSource): PromisedEnd | undefined;

  /** Whether an image stores the size of its disk, which may be wrong then. */
  readonly storesSize: boolean;
  /** The shortest file that can be an image, in bytes; absent if its mark tells all of that. */
  readonly minimumLength?: number;
  /** Every image is a whole number of so many bytes. */
  readonly lengthUnit?: number;
  /**
   * Bytes that follow the disk in an image that holds it as it is. Only they tell it from a raw disk. Absent
   * if there are no such images.
   */
  readonly trailerLength?: number;
  /** What to do about a damaged structure, by its name, if there is more to it than another copy. */
  readonly remedies?: Readonly<Record<string, string>>;
}

/**
 * Opens what is left of a damaged image, or of one that is not.
 *
 * @param damages Takes what is wrong; what can be lost is not found before it is read.
 * @throws {ImageError} If it cannot be told what is left.
 */
export type OpenDamaged = (source: ByteSource, damages: Damages) => TolerantImage;

/** How the files of a format are checked and repaired. */
export interface Checks {
  /**
   * Checks a file that is taken for an image; its parent is not looked for.
   *
   * @returns Where a differencing image names its parent, if it can be opened as far as that.
   */
  check(
    file: ByteSource,
    findings: Findings,
    pace: Pace,
    options: RepairOptions,
  ): LinkPlace | undefined | Promise<LinkPlace | undefined>;
  /**
   * Repairs what can be repaired; absent if that is nothing. After a crash at any moment the image is as it
   * was, or repaired.
   */
  repair?(file: WritableSource, options: RepairOptions): void;
}

/** How a file is repaired. */
export interface RepairOptions {
  /** Whether what cannot be replayed of a damaged log is discarded. */
  readonly discardDamagedLog: boolean;
}

/** What new images of a format can be. Sizes are bytes. */
export interface NewImages {
  /** Of file names that ask for one. */
  readonly extensions: readonly string[];
  /** The first is the default. */
  readonly subtypes: readonly ImageSpec["subtype"][];
  readonly maximumSize: number;
  /** None if sectors cannot be chosen, as the image does not store what they are. */
  readonly sectorSizes: readonly number[];
  readonly physicalSectorSizes: readonly number[];
  readonly defaultPhysicalSectorSize: number;
  readonly blockSizes: readonly number[];
  defaultBlockSize(parent: DiskImage | undefined): number;
  fixedBlockSize(size: number): number;
  /** Whether a disk has an identifier, which is its own or, as long as it is not changed, its parent's. */
  readonly identifier: "none" | "own" | "inherited";
  /** Whether the data of such an image begin the file, however large the disk. */
  isDataFirst(subtype: ImageSpec["subtype"]): boolean;
  /**
   * A new image, and where its structures go.
   *
   * @param path The file, for errors.
   * @throws {ImageError} `ERROR_FILENAME_EXCED_RANGE` for a parent whose path cannot be stored,
   * `ERROR_VHD_METADATA_FULL` for more metadata items than a file may have.
   */
  layout(spec: ImageSpec, path: string): Promise<ImageLayout>;
}

/** What children are to their parents. */
export interface Differencing {
  /** Whether both have disks of one size. */
  readonly isSameSize: boolean;
  /** Whether a parent that has changed still has the identifier by which its children know it. */
  readonly keepsIdentifier: boolean;
}

/** How disks of a format get another size. */
export interface Resizing {
  /** Bytes. */
  readonly maximumSize: number;
  readonly canShrink: boolean;
  /** @throws {ImageError} If this disk keeps its size, whatever the new one were. */
  assertPossible?(image: DiskImage): void;
  /**
   * Resizes the disk; what is added reads as zeros.
   *
   * @param file As a clean close left it; it is left so again.
   * @throws {ImageError} As for any change of the file. The disk has the old size or the new one then.
   */
  run(file: WritableSource, size: NewSize): void;
}

/** A size to be given to a disk, in bytes. */
export interface NewSize {
  /** Whole logical sectors, at most as many as the format has. */
  readonly virtualSize: number;
  /** How large the parent is, whose contents must not show in what is added; 0 if there is none. */
  readonly parentSize: number;
}

/** How an image is compacted. */
export interface Compaction {
  /** The nearest first; none where they are not open: then nothing is compared with them. */
  readonly parents: readonly DiskImage[];
  /** Whether the contents of blocks are looked at. */
  readonly zeroScan: boolean;
  /** Whether blocks move to shorten the file. */
  readonly blockMoves: boolean;
  /**
   * Gives the image without what its file system says is free, as read through it and the parents. Absent if
   * that is to stay.
   */
  readonly hideFree?: (image: DiskImage) => DiskImage;
  readonly pace: Pace;
}

/** What compacting has done. */
export interface CompactionOutcome {
  /** Of the file afterwards, in bytes. */
  readonly fileSize: number;
  readonly releasedBlocks: number;
  readonly movedBlocks: number;
}

/** Files of a chain, of which some are merged into their ancestor. */
export interface Merging {
  /** What is merged beside `child`, the nearest to the user first. */
  readonly above: readonly ByteSource[];
  /** The last that is merged: the child of `target`. */
  readonly child: WritableSource;
  /** What it is merged into. */
  readonly target: WritableSource;
  /** How large the disk of the parent of `target` is, in bytes; 0 where there is none. */
  readonly targetParentSize: number;
  /** Everything but the data is done, to files that are changed in memory alone. */
  readonly dryRun: boolean;
  readonly pace: Pace;
}
