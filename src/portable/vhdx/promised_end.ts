/**
 * Where a VHDX file ends by what is in it.
 *
 * @module
 */
import { NIL_GUID } from "../../bytes/guid.ts";
import { u64 } from "../../bytes/codec.ts";
import { type ByteSource, readStructure, viewOf } from "../file/byte_source.ts";
import { EndlessSource, LostBlocks, type PromisedEnd, readable } from "../file/promised_end.ts";
import {
  BAT_ENTRY_LENGTH,
  batEntryCount,
  BITMAP,
  BITMAP_BLOCK_LENGTH,
  chunkRatio,
  PAYLOAD,
} from "./block_table.ts";
import { HEADER_AREA_LENGTH, MAX_FILE_SIZE, MIB } from "./file_map.ts";
import { type CurrentHeader, readCurrentHeader } from "./header.ts";
import { replayLog, searchLog } from "./log_replay.ts";
import { type LogEntry, LogRing } from "./log_entry.ts";
import { type DiskMetadata, readMetadata } from "./metadata_items.ts";
import { OccupiedRanges } from "./space.ts";
import { readRegions, type Region } from "./region_table.ts";

const STATE_MASK = 0x7;
/** The states of a payload block that owns no place in the file. */
const PLACELESS: readonly number[] = [PAYLOAD.NOT_PRESENT, PAYLOAD.ZERO];

/**
 * Looks where the file should end: behind its log, regions and blocks. What a file has behind all of these
 * is nobody's, and cannot be missed.
 *
 * @param file Begins as every VHDX file does.
 * @returns `undefined` if nothing in the file tells.
 */
export function promisedVhdxEnd(file: ByteSource): PromisedEnd | undefined {
  const source = new EndlessSource(file);
  const ends = new Ends(HEADER_AREA_LENGTH);
  const header = readable(() => readCurrentHeader(source));
  if (header === undefined) return ends.atLeast();
  ends.add(header.logOffset + header.logLength);
  const last = lastEntry(source, header);
  // The length that the file had for certain when the log was written.
  if (last !== undefined) ends.add(last.flushedFileOffset);
  const isLogWhole = header.logGuid === NIL_GUID || last !== undefined;
  const replayed = isLogWhole ? replayedBy(source, header) : undefined;
  const occupied = new OccupiedRanges();
  occupied.add({ name: "header area", offset: 0, length: HEADER_AREA_LENGTH });
  const regions = readable(() => readRegions(replayed ?? source, occupied));
  for (const { offset, length } of occupied) ends.add(offset + length);
  if (regions === undefined) return ends.atLeast();
  const metadata = readable(() => readMetadata(replayed ?? source, regions.metadata));
  if (metadata === undefined) return ends.atLeast();
  // A replay gives the file the length that the last entry names.
  const size = Math.max(source.realSize, last?.lastFileOffset ?? 0);
  addBlocks({ source: replayed ?? source, size }, source.realSize, regions.bat, metadata, ends);
  const isWhole = replayed !== undefined &&
    source.has(regions.bat.offset, batEntryCount(metadata) * BAT_ENTRY_LENGTH);
  return isWhole ? ends.result() : ends.atLeast();
}

/** The last entry of the log that counts. */
function lastEntry(source: EndlessSource, header: CurrentHeader): LogEntry | undefined {
  if (header.logGuid === NIL_GUID || !source.has(header.logOffset, header.logLength)) {
    return undefined;
  }
  return readable(() => searchLog(new LogRing(source, header)).active)?.at(-1);
}

/** The file as its log leaves it; `undefined` if the log is damaged. */
function replayedBy(source: EndlessSource, header: CurrentHeader): ByteSource | undefined {
  return header.logGuid === NIL_GUID ? source : readable(() => replayLog(source, header));
}

/** The entries that the file has, checked by nobody yet. */
function addBlocks(
  { source, size }: { source: ByteSource; size: number },
  realSize: number,
  bat: Region,
  metadata: DiskMetadata,
  ends: Ends,
): void {
  const { blockSize, virtualSize } = metadata;
  const ratio = chunkRatio(metadata);
  const inFile = Math.floor(
    (Math.min(realSize, bat.offset + bat.length) - bat.offset) / BAT_ENTRY_LENGTH,
  );
  const count = Math.max(0, Math.min(batEntryCount(metadata), inFile));
  const blocks = new LostBlocks(size);
  let lastShort = 0;
  for (let first = 0; first < count; first += MIB / BAT_ENTRY_LENGTH) {
    const length = Math.min(MIB, (count - first) * BAT_ENTRY_LENGTH);
    const at = bat.offset + first * BAT_ENTRY_LENGTH;
    const view = viewOf(
      readStructure(source, at, length, "block allocation table", "ERROR_FILE_CORRUPT"),
    );
    for (let i = 0; i < length; i += BAT_ENTRY_LENGTH) {
      const low = view.getUint32(i, true);
      if (low === 0) continue;
      const index = first + i / BAT_ENTRY_LENGTH;
      const isBitmap = index % (ratio + 1) === ratio;
      const state = low & STATE_MASK;
      const hasPlace = isBitmap
        ? metadata.hasParent && state === BITMAP.PRESENT
        : !PLACELESS.includes(state);
      const offset = Math.floor(u64.read(view, i, true) / MIB) * MIB;
      if (!hasPlace || offset === 0) continue;
      const block = index - Math.floor(index / (ratio + 1));
      // A table of whole chunks goes on behind the last block.
      if (!isBitmap && block * blockSize >= virtualSize) continue;
      // Fixed files of QEMU end with the disk, though the last block, as a block, would go on.
      const used = isBitmap
        ? BITMAP_BLOCK_LENGTH
        : Math.min(blockSize, virtualSize - block * blockSize);
      blocks.add(offset, used);
      if (used < blockSize && !isBitmap) lastShort = offset + used;
    }
  }
  // The replay would give the file that length: what lies before it need not be there yet.
  if (blocks.end > realSize && blocks.end <= size) return;
  ends.add(blocks.end);
  // Whether the rest of the disk's last block was in the file, nobody knows.
  if (lastShort > 0 && blocks.end === lastShort) ends.isExact = false;
}

/** The farthest of several ends. */
class Ends {
  isExact = true;
  #end: number;

  constructor(end: number) {
    this.#end = end;
  }

  /** Takes an end; none that no image can have. */
  add(end: number): void {
    if (end <= MAX_FILE_SIZE) this.#end = Math.max(this.#end, end);
  }

  result(): PromisedEnd {
    return { end: this.#end, isExact: this.isExact };
  }

  atLeast(): PromisedEnd {
    return { end: this.#end, isExact: false };
  }
}
