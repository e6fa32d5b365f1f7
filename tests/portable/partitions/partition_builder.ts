/** Disks in memory with partition tables, written field by field. */
import { crc32 } from "node:zlib";
import { writeGuid } from "../../../src/bytes/guid.ts";
import type { GptTable } from "../../../src/portable/partitions/gpt.ts";
import { moveBackup, restorePrimary } from "../../../src/portable/partitions/gpt_repair.ts";
import { readPartitionTable } from "../../../src/portable/partitions/partition_table.ts";
import type { WritablePartitionedDisk } from "../../../src/portable/partitions/partitioned_disk.ts";

export const LINUX = "0fc63daf-8483-4772-8e79-3d69d8477de4";
const ENTRIES = 128;
const ENTRY = 128;

/** A disk in memory; damaged by hand. */
export class MemoryDisk implements WritablePartitionedDisk {
  readonly sectorSize: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly view: DataView;
  /** Where it was written, in order. */
  readonly writes: number[] = [];
  /** How many more sectors reach it before a crash. */
  sectorsLeft: number = Infinity;

  constructor(sectors: number, sectorSize = 512) {
    this.sectorSize = sectorSize;
    this.bytes = new Uint8Array(sectors * sectorSize);
    this.view = new DataView(this.bytes.buffer);
  }

  get size(): number {
    return this.bytes.length;
  }

  read(offset: number, length: number): Uint8Array<ArrayBuffer> {
    if (offset < 0 || offset + length > this.size) throw new RangeError(`${length} at ${offset}`);
    return this.bytes.slice(offset, offset + length);
  }

  write(bytes: Uint8Array, offset: number): void {
    const length = Math.min(bytes.length, this.sectorsLeft * this.sectorSize);
    if (length === 0) return;
    this.sectorsLeft -= length / this.sectorSize;
    this.bytes.set(bytes.subarray(0, length), offset);
    this.writes.push(offset);
  }

  flush(): void {}

  /** An entry of the record at a sector. */
  mbrEntry(index: number, type: number, first: number, count: number, record = 0): void {
    const start = record * this.sectorSize;
    const at = start + 446 + 16 * index;
    this.view.setUint8(at + 4, type);
    this.view.setUint32(at + 8, first, true);
    this.view.setUint32(at + 12, count, true);
    this.view.setUint16(start + 510, 0xaa55, true);
  }

  /** A GPT whose checksums are right, with a backup; partitions are first and last sector. */
  gpt(...partitions: readonly (readonly [number, number])[]): void {
    const sectors = this.size / this.sectorSize;
    const arraySectors = ENTRIES * ENTRY / this.sectorSize;
    this.mbrEntry(0, 0xee, 1, sectors - 1);
    const array = new Uint8Array(ENTRIES * ENTRY);
    const view = new DataView(array.buffer);
    partitions.forEach(([first, last], i) => {
      writeGuid(array, i * ENTRY, LINUX);
      view.setBigUint64(i * ENTRY + 32, BigInt(first), true);
      view.setBigUint64(i * ENTRY + 40, BigInt(last), true);
    });
    const last = sectors - 1;
    for (const [own, other, entries] of [[1, last, 2], [last, 1, last - arraySectors]] as const) {
      this.bytes.set(array, entries * this.sectorSize);
      const at = own * this.sectorSize;
      this.bytes.set(new TextEncoder().encode("EFI PART"), at);
      this.view.setUint32(at + 8, 0x10000, true);
      this.view.setUint32(at + 12, 92, true);
      this.view.setBigUint64(at + 24, BigInt(own), true);
      this.view.setBigUint64(at + 32, BigInt(other), true);
      this.view.setBigUint64(at + 40, BigInt(2 + arraySectors), true);
      this.view.setBigUint64(at + 48, BigInt(last - arraySectors - 1), true);
      writeGuid(this.bytes, at + 56, LINUX);
      this.view.setBigUint64(at + 72, BigInt(entries), true);
      this.view.setUint32(at + 80, ENTRIES, true);
      this.view.setUint32(at + 84, ENTRY, true);
      this.sealGpt(own);
    }
  }

  /** Makes the checksums of the table with the header at a sector right; the array's bytes first. */
  sealGpt(sector = 1): void {
    const at = sector * this.sectorSize;
    const entries = Number(this.view.getBigUint64(at + 72, true)) * this.sectorSize;
    const length = this.view.getUint32(at + 80, true) * this.view.getUint32(at + 84, true);
    const array = this.bytes.subarray(entries, entries + length);
    this.view.setUint32(at + 88, crc32(array), true);
    this.view.setUint32(at + 16, 0, true);
    const size = this.view.getUint32(at + 12, true);
    this.view.setUint32(at + 16, crc32(this.bytes.subarray(at, at + size)), true);
  }
}

/** What becomes of the GPT of a disk that is to have, or has, so many bytes; only so many sectors reach it. */
export function settle(disk: MemoryDisk, size: number, sectorsLeft = Infinity): void {
  const gpt = gptOf(disk);
  disk.sectorsLeft = sectorsLeft;
  moveBackup(disk, gpt.isBackup ? restorePrimary(disk, gpt) : gpt, size);
  disk.sectorsLeft = Infinity;
}

/** The GPT that is on a disk. */
export function gptOf(disk: MemoryDisk): GptTable {
  const gpt = readPartitionTable(disk)?.gpt;
  if (gpt === undefined) throw new Error("no GPT");
  return gpt;
}
