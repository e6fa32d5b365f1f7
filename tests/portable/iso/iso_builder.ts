/** Hand-built ISO images: bytes in memory, sector by sector, with the fields that readers look at. */
import type { ByteSource } from "../../../src/portable/file/byte_source.ts";
import { crc16 } from "../../../src/portable/iso/udf.ts";

export const SECTOR = 2048;

/** Bytes as an image file; counts what is read of them. */
export class MemorySource implements ByteSource {
  readonly path = "/images/disc.iso";
  readonly bytes: Uint8Array;
  /** The offsets of all reads. */
  readonly reads: number[] = [];

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  get size(): number {
    return this.bytes.length;
  }

  readAt(buffer: Uint8Array, offset: number): number {
    this.reads.push(offset);
    const piece = this.bytes.subarray(offset, offset + buffer.length);
    buffer.set(piece);
    return piece.length;
  }
}

/** An image under construction. */
export class IsoBuilder {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly view: DataView;

  constructor(sectors: number) {
    this.bytes = new Uint8Array(sectors * SECTOR);
    this.view = new DataView(this.bytes.buffer);
  }

  get source(): MemorySource {
    return new MemorySource(this.bytes);
  }

  ascii(offset: number, text: string, length = text.length): this {
    this.bytes.fill(0x20, offset, offset + length);
    for (let i = 0; i < text.length; i++) this.bytes[offset + i] = text.charCodeAt(i);
    return this;
  }

  /** The head of a descriptor. */
  head(sector: number, identifier: string, type = 0, version = 1): this {
    this.bytes[sector * SECTOR] = type;
    this.bytes[sector * SECTOR + 6] = version;
    return this.ascii(sector * SECTOR + 1, identifier);
  }

  primary(sector: number, { label = "", blocks = 0, blockSize = SECTOR } = {}): this {
    const at = sector * SECTOR;
    this.head(sector, "CD001", 1).ascii(at + 40, label, 32);
    return this.bothEndian32(at + 80, blocks).bothEndian16(at + 128, blockSize);
  }

  highSierra(sector: number, { label = "", blocks = 0 } = {}): this {
    const at = sector * SECTOR;
    this.bytes[at + 8] = 1;
    this.ascii(at + 9, "CDROM").ascii(at + 48, label, 32);
    return this.bothEndian32(at + 88, blocks).bothEndian16(at + 136, SECTOR);
  }

  joliet(
    sector: number,
    label: string,
    { escape = "%/E", padding = 0x20, version = 1 } = {},
  ): this {
    const at = sector * SECTOR;
    this.head(sector, "CD001", 2, version).ascii(at + 88, escape);
    for (let i = 0; i < 16; i++) {
      this.view.setUint16(
        at + 40 + 2 * i,
        i < label.length ? label.charCodeAt(i) : padding,
        false,
      );
    }
    return this;
  }

  elTorito(sector: number, catalogSector: number): this {
    this.head(sector, "CD001", 0).ascii(sector * SECTOR + 7, "EL TORITO SPECIFICATION");
    this.view.setUint32(sector * SECTOR + 71, catalogSector, true);
    return this;
  }

  terminator(sector: number): this {
    return this.head(sector, "CD001", 255);
  }

  /** The descriptors that announce UDF. */
  udfArea(sector: number, standard: "NSR02" | "NSR03" = "NSR02"): this {
    return this.head(sector, "BEA01").head(sector + 1, standard).head(sector + 2, "TEA01");
  }

  bothEndian32(offset: number, value: number): this {
    this.view.setUint32(offset, value, true);
    this.view.setUint32(offset + 4, value, false);
    return this;
  }

  bothEndian16(offset: number, value: number): this {
    this.view.setUint16(offset, value, true);
    this.view.setUint16(offset + 2, value, false);
    return this;
  }

  /** An anchor; extents are [sector, bytes]. */
  anchor(
    sector: number,
    main: readonly [number, number],
    reserve: readonly [number, number] = [0, 0],
    sectorSize = SECTOR,
  ): this {
    const at = sector * sectorSize;
    this.view.setUint32(at + 16, main[1], true);
    this.view.setUint32(at + 20, main[0], true);
    this.view.setUint32(at + 24, reserve[1], true);
    this.view.setUint32(at + 28, reserve[0], true);
    return this.tag(sector, 2, sectorSize);
  }

  logicalVolume(
    sector: number,
    { label = "", revision = 0x0102, number = 1, sectorSize = SECTOR, domain = true } = {},
  ): this {
    const at = sector * sectorSize;
    this.view.setUint32(at + 16, number, true);
    this.dstring(at + 84, 128, label);
    this.view.setUint32(at + 212, sectorSize, true);
    if (domain) this.ascii(at + 217, "*OSTA UDF Compliant");
    this.view.setUint16(at + 240, revision, true);
    return this.tag(sector, 6, sectorSize);
  }

  partition(
    sector: number,
    { start, length, partition = 0, number = 1, sectorSize = SECTOR }: {
      start: number;
      length: number;
      partition?: number;
      number?: number;
      sectorSize?: number;
    },
  ): this {
    const at = sector * sectorSize;
    this.view.setUint32(at + 16, number, true);
    this.view.setUint16(at + 22, partition, true);
    this.view.setUint32(at + 188, start, true);
    this.view.setUint32(at + 192, length, true);
    return this.tag(sector, 5, sectorSize);
  }

  /** A dstring of 8-bit characters. */
  dstring(offset: number, length: number, text: string): this {
    this.bytes[offset] = text === "" ? 0 : 8;
    for (let i = 0; i < text.length; i++) this.bytes[offset + 1 + i] = text.charCodeAt(i);
    this.bytes[offset + length - 1] = text === "" ? 0 : text.length + 1;
    return this;
  }

  /** Writes the tag of a descriptor whose fields are there, with both checksums. */
  tag(sector: number, identifier: number, sectorSize = SECTOR, crcLength = 240): this {
    const at = sector * sectorSize;
    this.view.setUint16(at, identifier, true);
    this.view.setUint16(at + 2, 2, true);
    this.view.setUint16(at + 8, crc16(this.bytes.subarray(at + 16, at + 16 + crcLength)), true);
    this.view.setUint16(at + 10, crcLength, true);
    this.view.setUint32(at + 12, sector, true);
    this.bytes[at + 4] = 0;
    let sum = 0;
    for (let i = 0; i < 16; i++) sum += this.bytes[at + i]!;
    this.bytes[at + 4] = sum & 0xff;
    return this;
  }
}

/** A pure UDF volume of `sectors` sectors with one partition; the sequence is at 32, its copy at 48. */
export function udfImage(sectors = 320, label = "UDF LABEL"): IsoBuilder {
  return new IsoBuilder(sectors)
    .udfArea(16)
    .anchor(256, [32, 16 * SECTOR], [48, 16 * SECTOR])
    .logicalVolume(32, { label })
    .partition(33, { start: 257, length: 50 })
    .tag(34, 8)
    .logicalVolume(48, { label: "RESERVE" })
    .partition(49, { start: 257, length: 40 })
    .tag(50, 8);
}

/** ISO 9660, Joliet, El Torito and UDF in one. */
export function bridgeImage(): IsoBuilder {
  const image = udfImage(400);
  image.bytes.fill(0, 16 * SECTOR, 20 * SECTOR);
  return image.primary(16, { label: "BRIDGE", blocks: 400 }).elTorito(17, 300)
    .joliet(18, "Bridge").terminator(19).udfArea(20, "NSR03");
}
