/** VHDX files in memory, to be taken apart field by field. Offsets are those of [MS-VHDX], written out. */
import { crc32c } from "../../../src/bytes/crc32.ts";
import { writeGuid } from "../../../src/bytes/guid.ts";
import type { ImageSpec } from "../../../src/portable/image/image.ts";
import { createVhdx } from "../../../src/portable/vhdx/create.ts";
import { SparseFile } from "../../crash/sparse_file.ts";
import { MemorySource } from "../file/memory_source.ts";

export const MIB = 0x100000;
export const HEADERS = [0x10000, 0x20000] as const;
export const REGION_TABLES = [0x30000, 0x40000] as const;
/** Where `createVhdx` puts things. */
export const LOG = MIB;
export const METADATA = 2 * MIB;
export const BAT = 3 * MIB;
export const FIRST_BLOCK = 4 * MIB;
/** Where the items of a new file are. */
export const ITEMS = {
  fileParameters: METADATA + 0x10000,
  size: METADATA + 0x10008,
  logicalSectorSize: METADATA + 0x10010,
  physicalSectorSize: METADATA + 0x10014,
  diskId: METADATA + 0x10018,
  parentLocator: METADATA + 0x10028,
};

/** The table entry behind those of a disk without parent. */
export const FREE_ENTRY = METADATA + 32 + 32 * 5;

/** Of a region, item or log that nobody knows. */
export const UNKNOWN_GUID = "11111111-2222-3333-4444-555555555555";
export const DISK_ID = "00112233-4455-6677-8899-aabbccddeeff";
export const PARENT_ID = "01234567-89ab-cdef-0123-456789abcdef";

/** A disk of 8 MiB in blocks of 1 MiB, unless told otherwise. */
export function vhdxSpec(overrides: Partial<ImageSpec> = {}): ImageSpec {
  return {
    subtype: "dynamic",
    virtualSize: 8 * MIB,
    blockSize: MIB,
    logicalSectorSize: 512,
    physicalSectorSize: 4096,
    identifier: DISK_ID,
    parent: overrides.subtype === "differencing"
      ? { identifier: PARENT_ID, relativePath: ".\\base.vhdx", absolutePath: undefined }
      : undefined,
    ...overrides,
  };
}

/** A VHDX file whose fields can be set; checksums follow on demand. */
export class VhdxBuilder {
  bytes: Uint8Array<ArrayBuffer>;

  /** A new, empty file; or the bytes that are given. */
  constructor(overrides: Partial<ImageSpec> | Uint8Array<ArrayBuffer> = {}) {
    if (overrides instanceof Uint8Array) {
      this.bytes = overrides;
      return;
    }
    const file = new SparseFile();
    createVhdx(file, vhdxSpec(overrides));
    this.bytes = file.bytes();
  }

  get view(): DataView {
    return new DataView(this.bytes.buffer);
  }

  source(): MemorySource {
    return new MemorySource(this.bytes);
  }

  u16(offset: number, value: number): this {
    this.view.setUint16(offset, value, true);
    return this;
  }

  u32(offset: number, value: number): this {
    this.view.setUint32(offset, value, true);
    return this;
  }

  u64(offset: number, value: number | bigint): this {
    this.view.setBigUint64(offset, BigInt(value), true);
    return this;
  }

  guid(offset: number, value: string): this {
    writeGuid(this.bytes, offset, value);
    return this;
  }

  /** Changes both headers alike, and their checksums. */
  headers(edit: (offset: number) => void): this {
    for (const offset of HEADERS) {
      edit(offset);
      this.seal(offset, 4096);
    }
    return this;
  }

  /** Changes both region tables alike, and their checksums. */
  regionTables(edit: (offset: number) => void): this {
    for (const offset of REGION_TABLES) {
      edit(offset);
      this.seal(offset, 0x10000);
    }
    return this;
  }

  /** Sets the entry of the table at `index`, chunk bitmaps counted in. */
  bat(index: number, state: number, mib: number): this {
    return this.u64(BAT + 8 * index, (BigInt(mib) << 20n) | BigInt(state));
  }

  /** Lengthens the file; the new bytes are zeros, or those of `data`. */
  append(data: number | Uint8Array): number {
    const offset = this.bytes.length;
    const length = typeof data === "number" ? data : data.length;
    const bytes = new Uint8Array(offset + length);
    bytes.set(this.bytes);
    if (typeof data !== "number") bytes.set(data, offset);
    this.bytes = bytes;
    return offset;
  }

  seal(offset: number, length: number): void {
    this.u32(offset + 4, 0);
    this.u32(offset + 4, crc32c(this.bytes.subarray(offset, offset + length)));
  }
}
