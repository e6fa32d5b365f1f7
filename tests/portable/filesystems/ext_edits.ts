/** An ext4 whose structures are changed, with checksums that hold all the same. */
import { crc32c } from "../../../src/bytes/crc32.ts";

const SUPERBLOCK = 1024;

/** CRC-32C as ext4 has it: without the inversion at the end. */
function continued(seed: number, bytes: Uint8Array): number {
  return ~crc32c(bytes, ~seed) >>> 0;
}

/** Its bytes, by structure. Whatever it was made with: only metadata_csum is sealed. */
export class ExtEditor {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly view: DataView<ArrayBuffer>;

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.bytes = bytes.slice();
    this.view = new DataView(this.bytes.buffer);
  }

  /** As what the file system was made. */
  get blockSize(): number {
    return 1024 << this.view.getUint32(SUPERBLOCK + 0x18, true);
  }

  get hasChecksums(): boolean {
    return (this.view.getUint32(SUPERBLOCK + 0x64, true) & 0x400) !== 0;
  }

  get #seed(): number {
    return continued(~0, this.bytes.subarray(SUPERBLOCK + 0x68, SUPERBLOCK + 0x78));
  }

  get #descriptorSize(): number {
    const has64Bit = (this.view.getUint32(SUPERBLOCK + 0x60, true) & 0x80) !== 0;
    return has64Bit ? this.view.getUint16(SUPERBLOCK + 0xfe, true) : 32;
  }

  /** Where the descriptor of a group is: without meta_bg. */
  descriptor(group: number): number {
    return (this.blockSize === 1024 ? 2 : 1) * this.blockSize + group * this.#descriptorSize;
  }

  /** Where the block bitmap of a group is. */
  bitmap(group: number): number {
    return this.view.getUint32(this.descriptor(group), true) * this.blockSize;
  }

  /** Where an inode of the first group is. */
  inode(number: number): number {
    const table = this.view.getUint32(this.descriptor(0) + 8, true) * this.blockSize;
    return table + (number - 1) * this.view.getUint16(SUPERBLOCK + 0x58, true);
  }

  /** Where the journal is: its first extent, or its first block. */
  get journal(): number {
    const inode = this.inode(8);
    const hasExtents = (this.view.getUint32(inode + 0x20, true) & 0x80000) !== 0;
    return this.view.getUint32(inode + 0x28 + (hasExtents ? 20 : 0), true) * this.blockSize;
  }

  /** Where the block of mount protection is; 0 if there is none. */
  get mmp(): number {
    return this.view.getUint32(SUPERBLOCK + 0x168, true) * this.blockSize;
  }

  super16(field: number, value: number): this {
    this.view.setUint16(SUPERBLOCK + field, value, true);
    return this;
  }

  super32(field: number, value: number): this {
    this.view.setUint32(SUPERBLOCK + field, value, true);
    return this;
  }

  /** Sets bits of a field of the superblock. */
  superBits(field: number, bits: number): this {
    return this.super32(field, this.view.getUint32(SUPERBLOCK + field, true) | bits);
  }

  /** Adds to a 16-bit field of a descriptor. */
  add16(group: number, field: number, amount: number): this {
    const at = this.descriptor(group) + field;
    this.view.setUint16(at, this.view.getUint16(at, true) + amount, true);
    return this;
  }

  set32(at: number, value: number): this {
    this.view.setUint32(at, value, true);
    return this;
  }

  /** Marks a block of a file system with blocks of 1 KiB as free, in bitmap and counts. */
  free(block: number): this {
    const perGroup = this.view.getUint32(SUPERBLOCK + 0x20, true);
    const group = Math.floor((block - 1) / perGroup);
    const bit = (block - 1) % perGroup;
    const at = this.bitmap(group) + (bit >>> 3);
    this.bytes[at] = this.bytes[at]! & ~(1 << (bit & 7));
    this.add16(group, 0x0c, 1);
    return this.super32(0x0c, this.view.getUint32(SUPERBLOCK + 0x0c, true) + 1);
  }

  /** Makes all checksums hold again. */
  seal(): this {
    if (!this.hasChecksums) return this;
    const seed = this.#seed;
    const perGroup = this.view.getUint32(SUPERBLOCK + 0x20, true);
    const blocks = this.view.getUint32(SUPERBLOCK + 0x04, true);
    const groups = Math.min(256, Math.ceil(blocks / perGroup));
    for (const number of [2, 8]) this.#sealInode(number, seed);
    for (let group = 0; group < groups; group++) {
      const at = this.descriptor(group);
      const size = this.#descriptorSize;
      if (at + size > this.bytes.length) break;
      const isUninitialized = (this.view.getUint16(at + 0x12, true) & 2) !== 0;
      const bitmap = this.bitmap(group);
      if (!isUninitialized && bitmap < this.bytes.length) {
        const checksum = continued(seed, this.bytes.subarray(bitmap, bitmap + perGroup / 8));
        this.view.setUint16(at + 0x18, checksum & 0xffff, true);
        if (size > 32) this.view.setUint16(at + 0x38, checksum >>> 16, true);
      }
      this.view.setUint16(at + 0x1e, 0, true);
      const number = new Uint8Array(Uint32Array.of(group).buffer);
      const checksum = continued(continued(seed, number), this.bytes.subarray(at, at + size));
      this.view.setUint16(at + 0x1e, checksum & 0xffff, true);
    }
    const { mmp } = this;
    if (mmp > 0 && mmp + 1024 <= this.bytes.length) {
      this.set32(mmp + 0x3fc, continued(seed, this.bytes.subarray(mmp, mmp + 0x3fc)));
    }
    const checksum = continued(~0, this.bytes.subarray(SUPERBLOCK, SUPERBLOCK + 0x3fc));
    return this.super32(0x3fc, checksum);
  }

  #sealInode(number: number, fileSystemSeed: number): void {
    const at = this.inode(number);
    const size = this.view.getUint16(SUPERBLOCK + 0x58, true);
    if (at + size > this.bytes.length) return;
    const name = new Uint8Array(Uint32Array.of(number).buffer);
    const seed = continued(
      continued(fileSystemSeed, name),
      this.bytes.subarray(at + 0x64, at + 0x68),
    );
    this.view.setUint16(at + 0x7c, 0, true);
    if (size > 128) this.view.setUint16(at + 0x82, 0, true);
    const checksum = continued(seed, this.bytes.subarray(at, at + size));
    this.view.setUint16(at + 0x7c, checksum & 0xffff, true);
    if (size > 128) this.view.setUint16(at + 0x82, checksum >>> 16, true);
  }
}
