/** What other programs find of a GUID partition table (UEFI 2.10, 5.3.2), without the code under test. */
import { crc32 } from "node:zlib";

const SECTOR = 512;
const SIGNATURE = "EFI PART";

/** A disk that is looked at. */
export interface SeenDisk {
  readonly size: number;
  read(offset: number, length: number): Uint8Array<ArrayBuffer>;
}

/** All bytes of a disk. */
export function seenBytes(bytes: Uint8Array): SeenDisk {
  return { size: bytes.length, read: (offset, length) => bytes.slice(offset, offset + length) };
}

/** The entries of the sound table whose header is at a sector; `undefined` where there is none. */
function entriesAt(disk: SeenDisk, sector: number): Uint8Array | undefined {
  const header = disk.read(sector * SECTOR, SECTOR);
  if (new TextDecoder("latin1").decode(header.subarray(0, 8)) !== SIGNATURE) return undefined;
  const view = new DataView(header.buffer);
  const stored = view.getUint32(16, true);
  view.setUint32(16, 0, true);
  if (crc32(header.subarray(0, view.getUint32(12, true))) !== stored) return undefined;
  const field = (offset: number) => Number(view.getBigUint64(offset, true));
  if (field(24) !== sector || field(48) > lastSector(disk)) return undefined;
  const length = view.getUint32(80, true) * view.getUint32(84, true);
  const entries = disk.read(field(72) * SECTOR, length);
  return crc32(entries) === view.getUint32(88, true) ? entries : undefined;
}

/** The entries that the primary table has, or where that is damaged, the one in the last sector. */
export function foundEntries(disk: SeenDisk): Uint8Array | undefined {
  return entriesAt(disk, 1) ?? entriesAt(disk, lastSector(disk));
}

/** Whether primary table and backup are sound, name each other, and stand where they belong. */
export function isWhole(disk: SeenDisk): boolean {
  const last = lastSector(disk);
  const other = (sector: number) =>
    Number(new DataView(disk.read(sector * SECTOR, SECTOR).buffer).getBigUint64(32, true));
  return entriesAt(disk, 1) !== undefined && entriesAt(disk, last) !== undefined &&
    other(1) === last && other(last) === 1;
}

function lastSector({ size }: SeenDisk): number {
  return Math.floor(size / SECTOR) - 1;
}
