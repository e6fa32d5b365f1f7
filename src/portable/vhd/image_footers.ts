/**
 * The footers of an image that is being written: the one at the end, and the copy that dynamic and
 * differencing images have at offset 0. At each moment the file ends with a good footer, or has a good
 * copy; and both describe the same disk.
 *
 * @module
 */
import type { WritableSource } from "../byte_source.ts";
import {
  DISK_TYPE,
  type DiskIdentity,
  type Footer,
  parseFooter,
  withCurrentSize,
  withDataOffset,
  withUniqueId,
} from "./footer.ts";
import { geometryOf } from "./geometry.ts";
import { roundUp, SECTOR_SIZE } from "./sector.ts";

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
