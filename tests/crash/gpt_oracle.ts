/** What other programs find of a GUID partition table (UEFI 2.10, 5.3.2), without the code under test. */
import { crc32 } from "node:zlib";

const SECTOR = 512;
const SIGNATURE = "EFI PART";

/** The entries of the sound table whose header is at a sector; `undefined` where there is none. */
function entriesAt(disk: Uint8Array, sector: number): Uint8Array | undefined {
  const header = disk.slice(sector * SECTOR, (sector + 1) * SECTOR);
  if (new TextDecoder("latin1").decode(header.subarray(0, 8)) !== SIGNATURE) return undefined;
  const view = new DataView(header.buffer);
  const stored = view.getUint32(16, true);
  view.setUint32(16, 0, true);
  if (crc32(header.subarray(0, view.getUint32(12, true))) !== stored) return undefined;
  const field = (offset: number) => Number(view.getBigUint64(offset, true));
  const last = disk.length / SECTOR - 1;
  if (field(24) !== sector || field(48) > last) return undefined;
  const start = field(72) * SECTOR;
  const entries = disk.subarray(start, start + view.getUint32(80, true) * view.getUint32(84, true));
  return crc32(entries) === view.getUint32(88, true) ? entries : undefined;
}

/** The entries that the primary table has, or where that is damaged, the one in the last sector. */
export function foundEntries(disk: Uint8Array): Uint8Array | undefined {
  return entriesAt(disk, 1) ?? entriesAt(disk, Math.floor(disk.length / SECTOR) - 1);
}

/** Whether primary table and backup are sound, name each other, and stand where they belong. */
export function isWhole(disk: Uint8Array): boolean {
  const last = Math.floor(disk.length / SECTOR) - 1;
  const view = new DataView(disk.buffer, disk.byteOffset);
  const other = (sector: number) => Number(view.getBigUint64(sector * SECTOR + 32, true));
  return entriesAt(disk, 1) !== undefined && entriesAt(disk, last) !== undefined &&
    other(1) === last && other(last) === 1;
}
