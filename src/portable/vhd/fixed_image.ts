/**
 * Fixed VHD: the disk from offset 0 on, then the footer (VHD 1.0, "Fixed Hard Disk Image").
 *
 * @module
 */
import type { ByteSource } from "../file/byte_source.ts";
import type { DiskImage, ImageExtent, WritableImage } from "../image/image.ts";
import type { DiskIdentity } from "./footer.ts";
import { SECTOR_SIZE } from "./layout.ts";
import type { VhdFile } from "./vhd_file.ts";

/** An open fixed image. */
export class FixedVhdImage implements DiskImage {
  readonly format = "vhd";
  readonly subtype = "fixed";
  readonly source: ByteSource;
  readonly virtualSize: number;
  readonly blockSize = 0;
  readonly logicalSectorSize = SECTOR_SIZE;
  readonly physicalSectorSize = SECTOR_SIZE;
  readonly parent = undefined;
  readonly #footer: DiskIdentity;

  /** @param footer Checked. */
  constructor(source: ByteSource, footer: DiskIdentity) {
    this.source = source;
    this.virtualSize = footer.currentSize;
    this.#footer = footer;
  }

  get identifier(): string {
    return this.#footer.uniqueId;
  }

  get virtualDiskId(): string {
    return this.#footer.uniqueId;
  }

  /** All of the range: every byte of the disk is in the file. */
  extent(offset: number, end: number): ImageExtent {
    return { kind: "file", offset, length: end - offset, fileOffset: offset };
  }

  /** Always: the disk begins at offset 0. */
  is4kAligned(): boolean {
    return true;
  }
}

/** A fixed image that can be written. */
export class WritableFixedVhdImage extends FixedVhdImage implements WritableImage {
  readonly #file: VhdFile;

  constructor(file: VhdFile) {
    super(file.source, file.footers);
    this.#file = file;
  }

  write(bytes: Uint8Array, offset: number): void {
    this.#file.source.writeAt(bytes, offset);
  }

  /** Keeps the contents: the format has no state for what is not there. */
  trim(): void {}

  /** Keeps the contents, as {@linkcode trim} does. */
  zeroBlocks(): void {}

  flush(): void {
    this.#file.publish();
  }

  finish(): void {
    this.#file.close();
  }

  setUniqueId(identifier: string): void {
    this.#file.footers.setUniqueId(identifier);
  }
}
