/**
 * The contents of a disk to be copied, from its beginning to its end.
 *
 * @module
 */
import { chainExtent, readChain } from "../chain_reader.ts";
import type { DiskImage } from "../image.ts";
import type { Pace } from "./pace.ts";

/** Bytes of the disk that may hold something. */
export interface DiskPiece {
  /** Where they are in the disk. */
  readonly offset: number;
  /** They may be overwritten as soon as the next piece is asked for. */
  readonly bytes: Uint8Array;
}

/** What is copied. */
export interface DiskContents {
  /** Bytes, or `undefined` where only the end tells. */
  readonly size: number | undefined;
  /**
   * The pieces in order; what lies between them is zeros. None crosses a multiple of `unit`.
   *
   * @throws {ImageError} What reading fails with.
   */
  pieces(unit: number): AsyncIterable<DiskPiece>;
}

/** A range of a disk that may hold something. */
export interface DataWindow {
  readonly offset: number;
  readonly length: number;
}

/** Where a chain may hold something: windows that begin at a multiple of `unit` and are as long. */
export async function* dataWindows(
  images: readonly DiskImage[],
  unit: number,
  pace: Pace,
): AsyncGenerator<DataWindow> {
  const size = images[0]!.virtualSize;
  for (let position = 0; position < size;) {
    await pace.reach(position, size);
    const extent = chainExtent(images, position, size);
    if (extent.kind === "zero") {
      position += extent.length;
      continue;
    }
    const offset = Math.floor(position / unit) * unit;
    const length = Math.min(unit, size - offset);
    yield { offset, length };
    position = offset + length;
  }
}

/** The disk that a chain of images makes. */
export function chainContents(images: readonly DiskImage[], pace: Pace): DiskContents {
  return {
    size: images[0]!.virtualSize,
    async *pieces(unit) {
      const buffer = new Uint8Array(unit);
      for await (const { offset, length } of dataWindows(images, unit, pace)) {
        const bytes = length === unit ? buffer : buffer.subarray(0, length);
        readChain(images, bytes, offset);
        pace.count(length);
        yield { offset, bytes };
      }
    },
  };
}
