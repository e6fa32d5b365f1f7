/**
 * exFAT: which clusters are free.
 *
 * @module
 */
import { AllocationMap } from "../allocation_map.ts";
import type { FileSystemReader, FreeRange, Volume } from "../file_system.ts";
import { foreignSignature } from "../foreign_signature.ts";
import { type ExfatLayout, readBootRegion, refusal } from "./boot_region.ts";
import { type Allocated, ClusterTable, offsetOf } from "./clusters.ts";
import { readRoot, verifyAllocated } from "./directories.ts";

/** The reader. */
export const readExfat: FileSystemReader = (volume) => {
  const geometry = readBootRegion(volume);
  if (geometry === undefined) return undefined;
  const { clusterCount, clusterSize, dataOffset, size } = geometry;
  const foreign = foreignSignature(volume);
  if (foreign !== undefined) throw refusal(`it also looks like ${foreign}`);
  const table = new ClusterTable(volume, geometry);
  const root = readRoot(volume, geometry, table);
  for (const { length } of root.maps) {
    const needed = Math.ceil(clusterCount / 8);
    // The specification has it exact; Linux takes longer ones too, which some devices make.
    if (!(length <= 2 * needed + clusterSize)) {
      throw refusal(`its allocation bitmap is too long for ${clusterCount} clusters`);
    }
    if (length < needed) {
      throw refusal(
        `its allocation bitmap has ${length} bytes, too few for ${clusterCount} clusters`,
      );
    }
  }

  function* freeRanges(): Generator<readonly FreeRange[]> {
    const maps = root.maps.map((map) => new MapStream(volume, geometry!, table, map));
    // TexFAT has a second one, of before or after the last transaction: what one of them has is used.
    const readMap = (offset: number, length: number) =>
      maps.map((map) => map.read(offset, length)).reduce((bytes, others) =>
        bytes.map((byte, i) => byte | others[i]!)
      );
    const map = new AllocationMap({ clusterCount, clusterSize, offset: dataOffset, readMap });
    for (const _ of verifyAllocated(volume, geometry!, table, root, map)) yield [];
    let free = 0;
    for (const ranges of map.freeRanges()) {
      for (const { length } of ranges) free += length / clusterSize;
      yield ranges;
    }
    assertPercent(geometry!, clusterCount - free);
  }
  return { name: "exfat", blockSize: clusterSize, size, freeRanges };
};

/** Rounded down, as the specification has it, or to the nearest number, as some do. */
function assertPercent({ percentInUse, clusterCount, mapCount }: ExfatLayout, used: number): void {
  // Two maps in one have more.
  if (percentInUse === undefined || mapCount > 1) return;
  if (Math.abs(percentInUse - used * 100 / clusterCount) < 1) return;
  throw refusal(
    `it says that ${percentInUse} percent of its clusters are used, its allocation bitmap has ` +
      `${used} of ${clusterCount}`,
  );
}

/** The bytes of a map, which lies in clusters. */
class MapStream {
  readonly #volume: Volume;
  readonly #runs: { readonly start: number; readonly offset: number; readonly length: number }[] =
    [];

  constructor(volume: Volume, geometry: ExfatLayout, table: ClusterTable, map: Allocated) {
    this.#volume = volume;
    let start = 0;
    for (const { first, count } of table.runs(map, "its allocation bitmap")) {
      const length = count * geometry.clusterSize;
      this.#runs.push({ start, offset: offsetOf(geometry, first), length });
      start += length;
    }
  }

  /** The caller keeps the range inside it, and bounds its length. */
  read(offset: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    const end = offset + length;
    for (let at = offset, index = this.#indexAt(offset); at < end; index++) {
      const { start, offset: place, length: inRun } = this.#runs[index]!;
      const count = Math.min(end, start + inRun) - at;
      bytes.set(this.#volume.read(place + at - start, count), at - offset);
      at += count;
    }
    return bytes;
  }

  #indexAt(offset: number): number {
    let [low, high] = [0, this.#runs.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.#runs[middle]!.start <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
