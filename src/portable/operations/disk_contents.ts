/**
 * What a disk holds, piece by piece, for whoever copies it.
 *
 * @module
 */
import { whenFetched } from "../file/fetched_file.ts";
import { chainExtent, readChain } from "../image/extents.ts";
import type { DiskImage } from "../image/image.ts";
import type { Pace } from "../image/pace.ts";
import { withoutFreeSpace } from "./free_space.ts";

/** Bytes of the disk that may hold something. */
export interface DiskPiece {
  /** Where they are in the disk. */
  readonly offset: number;
  /** They may be overwritten as soon as the piece after the next one is asked for. */
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
    const extent = await whenFetched(() => chainExtent(images, position, size), pace.signal);
    if (extent.kind === "zero" || extent.kind === "lost") {
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
      let [buffer, other] = [new Uint8Array(unit), new Uint8Array(unit)];
      for await (const { offset, length } of dataWindows(images, unit, pace)) {
        [buffer, other] = [other, buffer];
        const bytes = length === unit ? buffer : buffer.subarray(0, length);
        await whenFetched(() => readChain(images, bytes, offset), pace.signal);
        pace.count(length);
        yield { offset, bytes };
      }
    },
  };
}

/** As {@linkcode chainContents}, without what its file systems say is free. */
export function usedContents(
  images: readonly [DiskImage, ...DiskImage[]],
  pace: Pace,
): DiskContents {
  return {
    size: images[0].virtualSize,
    async *pieces(unit) {
      yield* chainContents(await withoutFreeSpace(images, pace), pace).pieces(unit);
    },
  };
}
