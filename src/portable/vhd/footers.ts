/**
 * The footers of an image that is being written: the one at the end, and the copy that dynamic and
 * differencing images have at offset 0. At each moment the file ends with a good footer, or has a good
 * copy; and both describe the same disk.
 *
 * @module
 */
import { readStructure, type WritableSource } from "../file/byte_source.ts";
import {
  DISK_TYPE,
  type DiskIdentity,
  type Footer,
  FOOTER_SIZE,
  parseFooter,
  withCurrentSize,
  withDataOffset,
  withUniqueId,
} from "./footer.ts";
import type { FoundFooter } from "./footer_search.ts";
import { undoGrowth } from "./grow_fixed.ts";
import { geometryOf, roundUp, SECTOR_SIZE } from "./layout.ts";

/** Where the copy is. */
export const FOOTER_COPY_OFFSET = 0;

/** The footers of an open image. */
export class ImageFooters implements DiskIdentity {
  readonly #source: WritableSource;
  readonly #hasCopy: boolean;
  #bytes: Uint8Array;
  #currentSize: number;
  #uniqueId: string;
  #offset: number;

  /**
   * @param bytes The footer's 512 bytes, checked.
   * @param offset Where the trailing one is.
   */
  constructor(source: WritableSource, bytes: Uint8Array, offset: number) {
    const { currentSize, uniqueId, diskType } = parseFooter(bytes);
    this.#currentSize = currentSize;
    this.#source = source;
    this.#hasCopy = diskType !== DISK_TYPE.fixed;
    this.#bytes = bytes;
    this.#uniqueId = uniqueId;
    this.#offset = offset;
  }

  get currentSize(): number {
    return this.#currentSize;
  }

  get uniqueId(): string {
    return this.#uniqueId;
  }

  /** What they say. */
  get footer(): Footer {
    return parseFooter(this.#bytes);
  }

  /** Their 512 bytes. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** Where the trailing footer is. */
  get offset(): number {
    return this.#offset;
  }

  /**
   * Puts a footer at a multiple of 512 that nothing refers to. Durable on return, so that the place of
   * the former footer may be used; the file still has it, and does not get shorter.
   */
  place(offset: number): void {
    this.#source.writeAt(this.#bytes, offset);
    this.#source.flush();
    this.#offset = offset;
  }

  /** Gives the disk another unique id, durably. */
  setUniqueId(uniqueId: string): void {
    this.#replace(withUniqueId(this.#bytes, uniqueId));
    this.#uniqueId = parseFooter(this.#bytes).uniqueId;
  }

  /** Gives the disk another size, durably, and the geometry that belongs to it. */
  setCurrentSize(size: number): void {
    this.#replace(withCurrentSize(this.#bytes, size, geometryOf(size)));
    this.#currentSize = size;
  }

  /** Has the image begin with a sparse header at another place, durably. That header is durable already. */
  setDataOffset(offset: number): void {
    this.#replace(withDataOffset(this.#bytes, offset));
  }

  /** The trailing footer first, for it is the one believed. */
  #replace(bytes: Uint8Array): void {
    // Written as a whole or not at all: a sector. A footer astride two of them stays, with one after it.
    const aligned = this.#offset % SECTOR_SIZE === 0;
    const offset = aligned ? this.#offset : roundUp(this.#source.size, SECTOR_SIZE);
    this.#source.writeAt(bytes, offset);
    this.#source.flush();
    if (this.#hasCopy) {
      this.#source.writeAt(bytes, FOOTER_COPY_OFFSET);
      this.#source.flush();
    }
    this.#bytes = bytes;
    this.#offset = offset;
  }
}

// Makes both footers of a dynamic or differencing image good and equal before anything else is written:
// other writers rely on the copy while they overwrite the footer at the end, and a crash leaves it so.

/**
 * The footers of an image, repaired where they have to be.
 *
 * @param found The footer that describes the image, checked.
 * @param endOfData Where the last structure or block ends.
 */
export function repairedFooters(
  source: WritableSource,
  found: FoundFooter,
  endOfData: number,
): ImageFooters {
  const trailing = found.structure === "footer";
  const footers = new ImageFooters(
    source,
    found.bytes,
    trailing ? found.offset : placeOfFooter(source.size, endOfData),
  );
  if (!trailing) footers.place(footers.offset);
  const copy = readStructure(
    source,
    FOOTER_COPY_OFFSET,
    FOOTER_SIZE,
    "footer copy",
    "ERROR_VHD_METADATA_READ_FAILURE",
  );
  if (copy.some((byte, i) => byte !== found.bytes[i])) {
    source.writeAt(found.bytes, FOOTER_COPY_OFFSET);
    source.flush();
  }
  return footers;
}

/**
 * As {@linkcode repairedFooters}, of a fixed image, which may have been growing.
 *
 * @throws {ImageError} As `undoGrowth()`.
 */
export function repairedFixedFooter(source: WritableSource, found: FoundFooter): ImageFooters {
  return new ImageFooters(source, found.bytes, undoGrowth(source, found));
}

/** The last sector of the file where it is free, for there the damaged footer is; else the next one. */
function placeOfFooter(fileSize: number, endOfData: number): number {
  return Math.max(roundUp(endOfData, SECTOR_SIZE), roundUp(fileSize, SECTOR_SIZE) - SECTOR_SIZE);
}
