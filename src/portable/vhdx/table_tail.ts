/**
 * Clears what the block allocation table holds behind the entries of a disk: nothing, or what a larger
 * disk or another writer left there.
 *
 * @module
 */
import { isAllZero } from "../../bytes/zeros.ts";
import {
  BAT_ENTRY_LENGTH,
  batEntryCount,
  type BatGeometry,
  chunkRatio,
  payloadEntryIndex,
} from "./block_allocation_table.ts";
import { LOG_SECTOR_SIZE } from "./file_map.ts";
import type { LoggedPages } from "./logged_pages.ts";
import type { Region } from "./region_table.ts";

/**
 * Clears the entries that the larger of two disks has and the smaller one has not. They are not looked
 * at: nobody does, while the disk has the smaller size.
 */
export function clearEntriesBehind(
  pages: LoggedPages,
  { offset }: Region,
  smaller: BatGeometry,
  larger: BatGeometry,
): void {
  const ratio = chunkRatio(smaller);
  const blocks = Math.ceil(smaller.virtualSize / smaller.blockSize);
  const first = payloadEntryIndex(blocks, ratio);
  const end = batEntryCount(larger);
  const clear = (from: number, to: number) => {
    if (from < to) {
      clearBytes(pages, offset + from * BAT_ENTRY_LENGTH, (to - from) * BAT_ENTRY_LENGTH);
    }
  };
  // The bitmap of the last chunk stays, for the blocks of it that stay.
  const bitmap = Math.ceil(blocks / ratio) * (ratio + 1) - 1;
  clear(first, Math.min(bitmap, end));
  clear(Math.max(first, bitmap + 1), end);
}

function clearBytes(pages: LoggedPages, offset: number, length: number): void {
  const end = offset + length;
  for (let position = offset; position < end;) {
    const next = Math.min(end, (Math.floor(position / LOG_SECTOR_SIZE) + 1) * LOG_SECTOR_SIZE);
    const bytes = new Uint8Array(next - position);
    pages.readAt(bytes, position);
    if (!isAllZero(bytes)) {
      pages.reserve(1);
      pages.writeAt(bytes.fill(0), position);
    }
    position = next;
  }
}
