/**
 * What a reader of a file system answers: which ranges of its volume are free, and nothing else. Whatever it is
 * not certain of is used.
 *
 * @module
 */

/** The bytes of a partition, or of a whole disk that has none. */
export interface Volume {
  /** Bytes. */
  readonly size: number;
  /** Bytes of a logical sector of the disk. */
  readonly sectorSize: number;
  /** Bytes of the volume; the caller keeps the range inside it, and bounds its length. */
  read(offset: number, length: number): Uint8Array<ArrayBuffer>;
}

/** A file system whose allocation is understood. */
export type FileSystemName =
  | "ext2"
  | "ext3"
  | "ext4"
  | "ntfs"
  | "fat12"
  | "fat16"
  | "fat32"
  | "exfat";

/** A piece of a volume that holds nothing. */
export interface FreeRange {
  /** Where it begins, in bytes from the start of the volume. */
  readonly offset: number;
  /** Bytes, at least 1. */
  readonly length: number;
}

/** A file system of which a reader has found so far that it may be believed. */
export interface FileSystem {
  readonly name: FileSystemName;
  /** Bytes of the unit in which it allocates. */
  readonly blockSize: number;
  /** Bytes of the volume that are its own, from the start on: at most the volume's. What lies behind is used. */
  readonly size: number;
  /**
   * The free ranges in order, without overlaps, in batches: one for each piece of the allocation map that is
   * read, at most about 1 MiB of it, so that the event loop gets its turn between them. A batch may be empty,
   * and a range may continue the last one of the batch before.
   *
   * Verifies what it reads as it goes, and the counts at the end, so only an iteration that came to its end
   * has shown that the ranges are free. Can be called again.
   *
   * @throws {Refusal} If something does not hold: nothing of what came before counts then.
   */
  freeRanges(): Iterable<readonly FreeRange[]>;
}

/**
 * Reads the structures at the start of a volume.
 *
 * @returns `undefined` if the volume holds no file system of this kind.
 * @throws {Refusal} If it holds one, but not one whose map of allocation may be believed.
 */
export type FileSystemReader = (volume: Volume) => FileSystem | undefined;

/** Why the ranges of a file system that was recognized are all taken for used. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly fileSystem: FileSystemName;
  /** A sentence without its full stop, whose subject is the file system: `it was not unmounted cleanly`. */
  readonly reason: string;

  constructor(fileSystem: FileSystemName, reason: string) {
    super(`${fileSystem}: ${reason}`);
    this.fileSystem = fileSystem;
    this.reason = reason;
  }
}

/**
 * Reads a range that a field of the file system names, which may be anything.
 *
 * @param length The caller bounds it: it is allocated.
 * @param what What is there, for the reason: `the inode table of group 3`.
 * @throws {Refusal} If the range is not inside the volume.
 */
export function readInside(
  volume: Volume,
  offset: number,
  length: number,
  fileSystem: FileSystemName,
  what: string,
): Uint8Array<ArrayBuffer> {
  if (!(offset >= 0 && length >= 0 && offset + length <= volume.size)) {
    throw new Refusal(fileSystem, `${what} does not lie within the volume`);
  }
  return volume.read(offset, length);
}

/** What helps with a FAT or an exFAT that contradicts itself or was not left in order. */
export const CHECK_ADVICE = "let chkdsk of Windows, or fsck, check it";
