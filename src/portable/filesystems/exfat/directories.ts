/**
 * The directories of an exFAT volume: the root has the map of allocation, and what all of them name must be
 * allocated in it.
 *
 * @module
 */
import { u16, u32, u64, u8 } from "../../../bytes/codec.ts";
import { layout } from "../../../bytes/layout.ts";
import type { AllocationMap } from "../allocation_map.ts";
import { BitSet } from "../bit_set.ts";
import { CHECK_ADVICE, type Volume } from "../file_system.ts";
import { type ExfatLayout, FIRST_CLUSTER, refusal } from "./boot_region.ts";
import { type Allocated, type ClusterRun, type ClusterTable, offsetOf } from "./clusters.ts";

const ENTRY = layout("directory entry", { size: 32, endian: "little" }, {
  type: [0, u8],
  /** Of a map: which one. Of a secondary entry: whether it has clusters, and how. */
  flags: [1, u8],
  /** Of a file its attributes, of another primary entry what `flags` is of a secondary one. */
  primary: [4, u16],
  firstCluster: [20, u32],
  length: [24, u64],
});
/** Types, with the bit that says that the entry is in use. */
const TYPE = { end: 0x00, bitmap: 0x81, upcaseTable: 0x82, label: 0x83, file: 0x85, stream: 0xc0 };
const IN_USE = 0x80;
const SECONDARY = 0x40;
const BENIGN = 0x20;
/** GeneralSecondaryFlags, and GeneralPrimaryFlags. */
const HAS_CLUSTERS = 0x01;
const IS_CONTIGUOUS = 0x02;
const DIRECTORY = 0x10;
/** BitmapFlags. */
const SECOND_MAP = 0x01;

/** 7.4: a directory is no longer. */
const MAX_DIRECTORY_LENGTH = 256 * 2 ** 20;
/** A table for each of 65,536 characters. */
const MAX_UPCASE_LENGTH = 2 ** 17;
/** Bytes that are read of a directory at once: most end early. */
const PIECE_LENGTH = 4096;
/** Bytes that are read, or clusters that are followed, before the caller gets its turn. */
const TURN = 2 ** 20;

/** What the root directory says. */
export interface RootDirectory {
  readonly clusters: readonly number[];
  /** The maps, in the order of the tables. */
  readonly maps: readonly Allocated[];
  readonly upcaseTable: Allocated;
}

/** @throws {Refusal} If something is missing in it, or there twice. */
export function readRoot(
  volume: Volume,
  geometry: ExfatLayout,
  table: ClusterTable,
): RootDirectory {
  const { clusterCount, clusterSize } = geometry;
  const limit = Math.min(clusterCount, Math.max(1, MAX_DIRECTORY_LENGTH / clusterSize));
  const clusters = table.chain(geometry.rootCluster, limit, "its root directory");
  const maps: Allocated[] = [];
  let upcaseTable: Allocated | undefined;
  for (const { entry } of entriesOf(volume, geometry, clusters.map(single))) {
    const { type, flags, firstCluster, length } = entry;
    const allocated = { firstCluster, length, isContiguous: false };
    if (type === TYPE.bitmap) {
      if ((flags & SECOND_MAP) !== maps.length) {
        throw refusal("its allocation bitmaps are not in order");
      }
      maps.push(allocated);
    } else if (type === TYPE.upcaseTable) {
      if (upcaseTable !== undefined) throw refusal("it has two up-case tables");
      upcaseTable = allocated;
    } else if (isUnknownCritical(type)) {
      throw refusal(
        `its root directory has an entry that is not understood: 0x${type.toString(16)}`,
      );
    }
  }
  if (maps.length !== geometry.mapCount) {
    throw refusal(`it has ${maps.length} allocation bitmaps instead of ${geometry.mapCount}`);
  }
  if (upcaseTable === undefined || upcaseTable.length > MAX_UPCASE_LENGTH) {
    throw refusal("it has no up-case table");
  }
  return { clusters, maps, upcaseTable };
}

/** Of an entry that is in use and begins a set, and that no one may ignore (6.2.1). */
function isUnknownCritical(type: number): boolean {
  const isPrimary = (type & IN_USE) !== 0 && (type & SECONDARY) === 0;
  return isPrimary && (type & BENIGN) === 0 && type !== TYPE.label && type !== TYPE.file;
}

/**
 * Verifies that all that directories name is allocated, and nothing twice. Yields whenever it has read for a while.
 *
 * @throws {Refusal} If it is not.
 */
export function* verifyAllocated(
  volume: Volume,
  geometry: ExfatLayout,
  table: ClusterTable,
  root: RootDirectory,
  map: AllocationMap,
): Generator<undefined> {
  const reached = new BitSet(geometry.clusterCount);
  const reach = ({ first, count }: ClusterRun, whose: string): void => {
    const free = map.firstFree(first - FIRST_CLUSTER, count);
    if (free !== undefined) {
      throw refusal(
        `${whose} has cluster ${free + FIRST_CLUSTER}, which its map has as free; ${CHECK_ADVICE}`,
      );
    }
    for (let i = 0; i < count; i++) {
      if (!reached.add(first - FIRST_CLUSTER + i)) {
        throw refusal(
          `${whose} has cluster ${first + i}, which something else has too; ${CHECK_ADVICE}`,
        );
      }
    }
  };
  function* reachAll(allocated: Allocated, whose: string): Generator<undefined> {
    let count = 0;
    for (const run of table.runs(allocated, whose)) {
      reach(run, whose);
      count += run.count;
      if (count < TURN) continue;
      count = 0;
      yield undefined;
    }
  }

  for (const cluster of root.clusters) reach(single(cluster), "its root directory");
  for (const bitmap of root.maps) yield* reachAll(bitmap, "its allocation bitmap");
  yield* reachAll(root.upcaseTable, "its up-case table");
  const pending: Allocated[] = [];
  let directory: Iterable<ClusterRun> | undefined = root.clusters.map(single);
  while (directory !== undefined) {
    let isDirectory = false;
    let turn = 0;
    for (const { entry, read } of entriesOf(volume, geometry, directory)) {
      if (read - turn >= TURN) {
        turn = read;
        yield undefined;
      }
      const { type, firstCluster, length } = entry;
      if (type === TYPE.file) isDirectory = (entry.primary & DIRECTORY) !== 0;
      const isSecondary = (type & SECONDARY) !== 0;
      if ((type & IN_USE) === 0 || !isSecondary && (type & BENIGN) === 0) continue;
      const flags = isSecondary ? entry.flags : entry.primary;
      if ((flags & HAS_CLUSTERS) === 0 || firstCluster === 0) continue;
      const isContiguous = (flags & IS_CONTIGUOUS) !== 0;
      const allocated = { firstCluster, length, isContiguous };
      if (!(length <= geometry.size)) throw refusal("a file is longer than the volume");
      if (type === TYPE.stream && isDirectory) {
        if (length > MAX_DIRECTORY_LENGTH) throw refusal("a directory is longer than 256 MiB");
        pending.push(allocated);
        yield* reachAll(allocated, "a directory");
      } else yield* reachAll(allocated, "a file");
    }
    const next = pending.pop();
    directory = next === undefined ? undefined : table.runs(next, "a directory");
  }
}

interface ReadEntry {
  readonly entry: ReturnType<typeof ENTRY.unpack>;
  /** Bytes of the directory that have been read. */
  readonly read: number;
}

/** The entries of a directory up to the first that has never been used. */
function* entriesOf(
  volume: Volume,
  geometry: ExfatLayout,
  runs: Iterable<ClusterRun>,
): Generator<ReadEntry> {
  let read = 0;
  for (const { first, count } of runs) {
    const start = offsetOf(geometry, first);
    const end = start + count * geometry.clusterSize;
    for (let offset = start; offset < end; offset += PIECE_LENGTH) {
      const piece = volume.read(offset, Math.min(PIECE_LENGTH, end - offset));
      read += piece.length;
      for (let at = 0; ENTRY.fits(piece, at); at += ENTRY.size) {
        const entry = ENTRY.unpack(piece, at);
        if (entry.type === TYPE.end) return;
        yield { entry, read };
      }
    }
  }
}

function single(cluster: number): ClusterRun {
  return { first: cluster, count: 1 };
}
