/**
 * The file allocation table: an entry for each cluster, which is free, bad, the last of a chain, or followed by
 * another cluster.
 *
 * @module
 */
import { isEqual } from "../../../bytes/equal.ts";
import { BitSet } from "../bit_set.ts";
import { ENTRY_BITS, type FatLayout, type FatName, FIRST_CLUSTER } from "./boot_sector.ts";
import { CHECK_ADVICE, type FreeRange, Refusal, type Volume } from "../file_system.ts";

/** What the entries mean, by type: fatgen103, "FAT Data Structure". */
interface EntryMeaning {
  readonly bad: number;
  /** This and all larger numbers. */
  readonly minEnd: number;
  /** In the second entry: the volume was unmounted. FAT12 has no room for such bits. */
  readonly cleanShutdown: number;
  /** In the second entry: there was no error of reading or writing. */
  readonly noHardError: number;
}

const MEANING: Readonly<Record<FatName, EntryMeaning>> = {
  fat12: { bad: 0xff7, minEnd: 0xff8, cleanShutdown: 0, noHardError: 0 },
  fat16: { bad: 0xfff7, minEnd: 0xfff8, cleanShutdown: 0x8000, noHardError: 0x4000 },
  fat32: {
    bad: 0x0ffffff7,
    minEnd: 0x0ffffff8,
    cleanShutdown: 0x08000000,
    noHardError: 0x04000000,
  },
};
const FREE = 0;
const MEDIA = 21;

/** Entries that are read at once: a whole number of bytes for each type, at most 1 MiB. */
const PIECE_ENTRIES = 2 ** 18;
/** Entries that are read at once to follow a chain. */
const WINDOW_ENTRIES = 2 ** 10;

/** What the table says of each cluster, once {@linkcode readTable} has read all of it. */
export interface ClusterMap {
  readonly free: BitSet;
  /** Clusters that a chain, or a directory, has led to: nothing else may lead to them. */
  readonly reached: BitSet;
}

/** A map for a volume about which nothing is known yet. */
export function newClusterMap({ clusterCount }: FatLayout): ClusterMap {
  const length = clusterCount + FIRST_CLUSTER;
  return { free: new BitSet(length), reached: new BitSet(length) };
}

/**
 * Looks at the first two entries, which say of what medium the table is, and whether it was left in order.
 *
 * FAT12 has no bits for that; the boot sector has, and its table and directories are verified as those of the
 * other types are: what is free there is proved, not believed.
 *
 * @throws {Refusal} If they do not.
 */
export function assertTableClean(volume: Volume, layout: FatLayout): void {
  const { name } = layout;
  const { minEnd, cleanShutdown, noHardError } = MEANING[name];
  const entries = readEntries(volume, layout, layout.tables[0]!, 0, FIRST_CLUSTER);
  const [medium, state] = [entryAt(entries, 0, name), entryAt(entries, 1, name)];
  const mask = MEANING[name].minEnd | 0xff;
  const [media] = volume.read(MEDIA, 1);
  if (medium !== (mask & ~0xff | media!)) {
    throw new Refusal(name, "the first entry of its table is not that of its medium");
  }
  if (cleanShutdown !== 0 && (state & cleanShutdown) === 0) {
    throw new Refusal(
      name,
      `it was not unmounted cleanly: the second entry of its table says so; ${CHECK_ADVICE}`,
    );
  }
  if (noHardError !== 0 && (state & noHardError) === 0) {
    throw new Refusal(
      name,
      "there was an error of reading or writing: the second entry of its table says so; " +
        CHECK_ADVICE,
    );
  }
  if (state < minEnd) {
    throw new Refusal(name, "the second entry of its table is not one of such a volume");
  }
}

/**
 * Reads the whole table, and fills in the map: the free clusters, in batches.
 *
 * @throws {Refusal} If the copies differ, an entry has no meaning, or a chain leads to a cluster that is free or
 * that another one leads to.
 */
export function* readTable(
  volume: Volume,
  layout: FatLayout,
  { free, reached }: ClusterMap,
): Generator<FreeRange[]> {
  const { name, clusterCount, clusterSize, dataOffset, tables: [table, ...copies] } = layout;
  const { bad, minEnd } = MEANING[name];
  const end = clusterCount + FIRST_CLUSTER;
  let freeCount = 0;
  for (let first = 0; first < end; first += PIECE_ENTRIES) {
    const count = Math.min(PIECE_ENTRIES, end - first);
    const entries = readEntries(volume, layout, table!, first, count);
    for (const copy of copies) {
      if (!isEqual(entries, readEntries(volume, layout, copy, first, count))) {
        throw new Refusal(name, `the copies of its table differ; ${CHECK_ADVICE}`);
      }
    }
    const ranges: { offset: number; length: number }[] = [];
    let freeEnd = -1;
    for (let i = first === 0 ? FIRST_CLUSTER : 0; i < count; i++) {
      const cluster = first + i;
      const next = entryAt(entries, i, name);
      if (next === FREE) {
        if (reached.has(cluster)) throw leadsToFree(name, cluster);
        free.add(cluster);
        freeCount++;
        if (freeEnd === cluster) {
          ranges.at(-1)!.length += clusterSize;
        } else {
          ranges.push({
            offset: dataOffset + (cluster - FIRST_CLUSTER) * clusterSize,
            length: clusterSize,
          });
        }
        freeEnd = cluster + 1;
      } else if (next >= FIRST_CLUSTER && next < end) {
        if (next <= cluster && free.has(next)) throw leadsToFree(name, next);
        if (!reached.add(next)) throw crossLinked(name, next);
      } else if (next !== bad && next < minEnd) {
        throw new Refusal(
          name,
          `the entry of cluster ${cluster} in its table is ${next}, which is no cluster`,
        );
      }
    }
    yield ranges;
  }
  assertFreeCount(layout, freeCount);
}

/**
 * FSInfo is a hint only, as the specification has it. But every driver keeps it when it unmounts, so that a wrong
 * one shows that the last writer did not come to its end, or that the table is not the one it left.
 */
function assertFreeCount({ name, statedFree }: FatLayout, freeCount: number): void {
  if (statedFree === undefined || statedFree === freeCount) return;
  throw new Refusal(
    name,
    `its FSInfo says that ${statedFree} clusters are free, its table ${freeCount}; ${CHECK_ADVICE}`,
  );
}

/** Notes that something begins at a cluster. */
export function reachStart(name: FatName, { free, reached }: ClusterMap, cluster: number): void {
  if (free.has(cluster)) throw leadsToFree(name, cluster);
  if (!reached.add(cluster)) throw crossLinked(name, cluster);
}

/** Follows chains, through a window of the table. */
export class Chains {
  readonly #volume: Volume;
  readonly #layout: FatLayout;
  #first = -1;
  #window: Uint8Array = new Uint8Array(0);

  constructor(volume: Volume, layout: FatLayout) {
    this.#volume = volume;
    this.#layout = layout;
  }

  /** The cluster that follows, of a table that was verified; `undefined` behind the last one. */
  next(cluster: number): number | undefined {
    const { name, clusterCount, tables } = this.#layout;
    const end = clusterCount + FIRST_CLUSTER;
    const first = cluster - cluster % WINDOW_ENTRIES;
    if (first !== this.#first) {
      const count = Math.min(WINDOW_ENTRIES, end - first);
      this.#window = readEntries(this.#volume, this.#layout, tables[0]!, first, count);
      this.#first = first;
    }
    const next = entryAt(this.#window, cluster - first, name);
    return next >= FIRST_CLUSTER && next < end ? next : undefined;
  }
}

/** Bytes of entries; `first` is even, so that those of FAT12 begin at a byte. */
function readEntries(
  volume: Volume,
  { name }: FatLayout,
  table: number,
  first: number,
  count: number,
): Uint8Array {
  const bits = ENTRY_BITS[name];
  return volume.read(table + first * bits / 8, Math.ceil(count * bits / 8));
}

function entryAt(entries: Uint8Array, index: number, name: FatName): number {
  switch (name) {
    case "fat12": {
      const at = Math.floor(index * 3 / 2);
      const pair = entries[at]! | entries[at + 1]! << 8;
      return index % 2 === 0 ? pair & 0xfff : pair >> 4;
    }
    case "fat16":
      return entries[index * 2]! | entries[index * 2 + 1]! << 8;
    case "fat32": {
      const at = index * 4;
      // The highest four bits are not part of the number.
      return entries[at]! | entries[at + 1]! << 8 | entries[at + 2]! << 16 |
        (entries[at + 3]! & 0x0f) << 24;
    }
  }
}

function leadsToFree(name: FatName, cluster: number): Refusal {
  return new Refusal(
    name,
    `something leads to cluster ${cluster}, which its table has as free; ${CHECK_ADVICE}`,
  );
}

function crossLinked(name: FatName, cluster: number): Refusal {
  return new Refusal(name, `two chains share cluster ${cluster}; ${CHECK_ADVICE}`);
}
