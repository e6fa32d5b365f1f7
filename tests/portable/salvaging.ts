/**
 * What may be read of a damaged image, by the bytes of the sound one: each byte is the one that was there, or is said
 * to be lost; and what is there, with all that leads to it, is not lost.
 */
import { Buffer } from "node:buffer";
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import type { AssumedSizes } from "../../src/disk/damage.ts";
import type { ByteSource } from "../../src/portable/file/byte_source.ts";
import { ImageError } from "../../src/portable/file/image_error.ts";
import { chainExtents } from "../../src/portable/image/extents.ts";
import type { Format } from "../../src/portable/image/format.ts";
import { imageExtents } from "../../src/portable/image/image.ts";
import { damagedImageOpener } from "../../src/portable/formats.ts";
import { Damages, TolerantImage } from "../../src/portable/image/tolerant_image.ts";
import { MemorySource } from "./file/memory_source.ts";

const openDamagedImage = await damagedImageOpener();

/**
 * Opens what is left of an image.
 *
 * @throws {ImageError} If it cannot be told what is left.
 */
export function openDamaged(
  { name }: Format,
  file: ByteSource,
  damages = new Damages(),
): TolerantImage {
  const image = openDamagedImage(file, damages, name);
  assertInstanceOf(image, TolerantImage);
  return image;
}

/** A range of the file. */
export interface Place {
  readonly offset: number;
  readonly length: number;
}

/** A part of the disk, and what of the file says what is in it. */
interface Piece extends Place {
  readonly kind: "file" | "zero" | "parent" | "lost";
  /** If `kind` is `"file"`. */
  readonly fileOffset: number;
  /** Entries of tables and bitmaps. */
  readonly leads: readonly Place[];
}

/** A sound image, to be damaged. */
export class Subject {
  readonly format: Format;
  readonly file: Uint8Array<ArrayBuffer>;
  readonly virtualSize: number;
  readonly blockSize: number;
  readonly #pieces: Piece[] = [];

  /** @param leads Which places of the file say what is in a block. */
  constructor(
    format: Format,
    file: Uint8Array<ArrayBuffer>,
    leads: (block: number) => readonly Place[],
  ) {
    this.format = format;
    this.file = file;
    const image = format.open(new MemorySource(file));
    this.virtualSize = image.virtualSize;
    this.blockSize = image.blockSize;
    const unit = image.blockSize || image.virtualSize;
    for (const extent of imageExtents(image, 0, image.virtualSize)) {
      const end = extent.offset + extent.length;
      for (let offset = extent.offset; offset < end;) {
        const block = Math.floor(offset / unit);
        const length = Math.min(end, (block + 1) * unit) - offset;
        const fileOffset = extent.kind === "file" ? extent.fileOffset + offset - extent.offset : 0;
        this.#pieces.push({ kind: extent.kind, offset, length, fileOffset, leads: leads(block) });
        offset += length;
      }
    }
  }

  /** The places of the file where the data of the disk begin and end. */
  get dataEdges(): number[] {
    const data = this.#pieces.filter(({ kind }) => kind === "file");
    return data.flatMap(({ fileOffset, length }) => [fileOffset, fileOffset + length]);
  }

  /**
   * Reads what is left.
   *
   * @param options Whether what has no place in the file may be lost too, as it is if the table is in doubt.
   * @returns Bytes that are lost; `undefined` if nothing can be told of the file.
   */
  check(
    damaged: Uint8Array<ArrayBuffer>,
    message: string,
    { assumed = {}, mayLoseZeros = false, mayOverlap = false }: CheckOptions = {},
  ): Reading | undefined {
    const damages = new Damages(assumed);
    const source = new MemorySource(damaged);
    let image: TolerantImage;
    try {
      image = openDamaged(this.format, source, damages);
    } catch (error) {
      if (!(error instanceof ImageError)) throw error;
      assert(error.options.reason ?? error.options.detail, `${message}: an error without words`);
      return undefined;
    }
    image.loseParent();
    assertEquals(image.virtualSize, this.virtualSize, `${message}: size`);
    let lostBytes = 0;
    for (const extent of chainExtents([image], 0, image.virtualSize)) {
      const end = extent.offset + extent.length;
      for (const piece of this.#piecesIn(extent.offset, end)) {
        const at = `${message}: byte ${piece.offset} of the disk`;
        if (extent.kind === "lost") {
          lostBytes += piece.length;
          const isAllowed = piece.kind === "parent" || piece.kind === "zero" && mayLoseZeros ||
            extent.reason === "overlap" && mayOverlap;
          assert(isAllowed || !this.#isThere(piece, damaged), `${at} is lost (${extent.reason})`);
          continue;
        }
        assert(piece.kind !== "parent", `${at} is in the parent, and is not lost`);
        const bytes = new Uint8Array(piece.length);
        if (extent.kind === "file") {
          const from = extent.fileOffset + piece.offset - extent.offset;
          assertEquals(image.source.readAt(bytes, from), bytes.length, `${at} ends too early`);
        }
        const expected = piece.kind === "file"
          ? damaged.subarray(piece.fileOffset, piece.fileOffset + piece.length)
          : new Uint8Array(piece.length);
        assert(Buffer.compare(bytes, expected) === 0, `${at} is invented`);
      }
    }
    return { lostBytes, damages };
  }

  *#piecesIn(start: number, end: number): Generator<Piece> {
    for (const piece of this.#pieces) {
      const from = Math.max(start, piece.offset);
      const to = Math.min(end, piece.offset + piece.length);
      if (from >= to) continue;
      const fileOffset = piece.fileOffset + from - piece.offset;
      yield { ...piece, offset: from, length: to - from, fileOffset };
    }
  }

  /** Whether some byte of the piece is in the file, and so is, unchanged, what leads to it. */
  #isThere({ kind, fileOffset, leads }: Piece, damaged: Uint8Array): boolean {
    return (kind !== "file" || fileOffset < damaged.length) &&
      leads.every(({ offset, length }) => {
        const there = damaged.subarray(offset, offset + length);
        return there.length === length &&
          Buffer.compare(there, this.file.subarray(offset, offset + length)) === 0;
      });
  }
}

interface CheckOptions {
  readonly assumed?: AssumedSizes;
  readonly mayLoseZeros?: boolean;
  readonly mayOverlap?: boolean;
}

/** What was read. */
export interface Reading {
  readonly lostBytes: number;
  readonly damages: Damages;
}

/** The file with zeros in a range. */
export function zeroed(file: Uint8Array<ArrayBuffer>, { offset, length }: Place) {
  const bytes = file.slice();
  bytes.fill(0, offset, offset + length);
  return bytes;
}
