/** Images that are made up of equal cells, and what a chain of them reads as. */
import type { ByteSource } from "../../../src/portable/file/byte_source.ts";
import type { DiskImage, ImageExtent } from "../../../src/portable/image/image.ts";

/** A map of equal cells, each in the file, zero, or the parent's. */
export class CellImage implements DiskImage {
  readonly format = "vhdx";
  readonly subtype = "differencing";
  readonly blockSize = 0;
  readonly logicalSectorSize = 1;
  readonly physicalSectorSize = 1;
  readonly identifier = undefined;
  readonly virtualDiskId = undefined;
  readonly parent = undefined;
  readonly source: ByteSource;
  readonly virtualSize: number;
  /** How often it was asked for an extent. */
  asked = 0;

  /**
   * @param bytes What the file holds, in the order of the disk.
   * @param places In which order the cells lie in the file. Default: that of the disk.
   */
  constructor(
    readonly bytes: Uint8Array,
    readonly cells: readonly Exclude<ImageExtent["kind"], "lost">[],
    readonly cellSize: number,
    readonly places: readonly number[] = cells.map((_, i) => i),
  ) {
    this.virtualSize = bytes.length;
    const stored = new Uint8Array(cells.length * cellSize);
    places.forEach((place, cell) => {
      stored.set(bytes.subarray(cell * cellSize, (cell + 1) * cellSize), place * cellSize);
    });
    this.source = {
      path: "cells",
      size: stored.length,
      readAt: (buffer, offset) => {
        const part = stored.subarray(offset, offset + buffer.length);
        buffer.set(part);
        return part.length;
      },
    };
  }

  extent(offset: number, end: number): ImageExtent {
    this.asked++;
    const cell = Math.floor(offset / this.cellSize);
    const inCell = offset - cell * this.cellSize;
    const length = Math.min(end - offset, this.cellSize - inCell);
    const kind = this.cells[cell]!;
    return kind === "file"
      ? { kind, offset, length, fileOffset: this.places[cell]! * this.cellSize + inCell }
      : { kind, offset, length };
  }

  is4kAligned(): boolean {
    return true;
  }
}

/** What a chain has at a place of the disk. */
export function oracleByte(images: readonly CellImage[], index: number): number {
  for (const image of images) {
    if (index >= image.virtualSize) return 0;
    const kind = image.cells[Math.floor(index / image.cellSize)];
    if (kind === "file") return image.bytes[index]!;
    if (kind === "zero") return 0;
  }
  return 0;
}
