/**
 * The directories of a FAT volume: what they name must be allocated.
 *
 * FAT has no journal, FAT12 no mark of being in use, and not every driver sets the marks of the others: a table
 * that is older than the directories would have files among what is free.
 *
 * @module
 */
import { u16, u32, u8 } from "../../../bytes/codec.ts";
import { layout } from "../../../bytes/layout.ts";
import { type FatLayout, FIRST_CLUSTER } from "./boot_sector.ts";
import { Chains, type ClusterMap, reachStart } from "./table.ts";
import { Refusal, type Volume } from "../file_system.ts";

const ENTRY = layout("directory entry", { size: 32, endian: "little" }, {
  first: [0, u8],
  attributes: [11, u8],
  clusterHigh: [20, u16],
  clusterLow: [26, u16],
  size: [28, u32],
});
/** The first byte of an entry. */
const FIRST = { end: 0x00, deleted: 0xe5, dot: 0x2e } as const;
const ATTRIBUTE = { volumeId: 0x08, directory: 0x10, longName: 0x0f, longNameMask: 0x3f } as const;
/** fatgen103: a directory is no longer than 65,536 entries. */
const MAX_LENGTH = 2 ** 21;
/** Bytes that are read of a directory at once: most end early. */
const PIECE_LENGTH = 4096;
/** Bytes that are read before the caller gets its turn. */
const TURN_LENGTH = 2 ** 20;

/**
 * Goes through all directories. Yields whenever it has read for a while.
 *
 * @param map What the table says: it has been read.
 * @throws {Refusal} If an entry names no cluster, a free one, or one that something else leads to.
 */
export function* verifyDirectories(
  volume: Volume,
  layout: FatLayout,
  map: ClusterMap,
): Generator<undefined> {
  const { name, root, rootCluster } = layout;
  const chains = new Chains(volume, layout);
  const pending: number[] = [];
  let read = 0;

  const start = (cluster: number, what: string): void => {
    if (cluster < FIRST_CLUSTER || cluster >= layout.clusterCount + FIRST_CLUSTER) {
      throw new Refusal(name, `${what} begins at cluster ${cluster}, which does not exist`);
    }
    reachStart(name, map, cluster);
  };

  /** @returns Whether the directory may go on. */
  const readEntries = (piece: Uint8Array): boolean => {
    for (let at = 0; ENTRY.fits(piece, at); at += ENTRY.size) {
      const { first, attributes, clusterHigh, clusterLow, size } = ENTRY.unpack(piece, at);
      if (first === FIRST.end) return false;
      if (first === FIRST.deleted || first === FIRST.dot) continue;
      if ((attributes & ATTRIBUTE.longNameMask) === ATTRIBUTE.longName) continue;
      const isDirectory = (attributes & ATTRIBUTE.directory) !== 0;
      if (!isDirectory && (attributes & ATTRIBUTE.volumeId) !== 0) continue;
      // The other types have something else in the upper half, and the highest four bits are none of the number.
      const high = name === "fat32" ? clusterHigh & 0x0fff : 0;
      const cluster = high * 2 ** 16 + clusterLow;
      if (cluster === 0 && !isDirectory && size === 0) continue;
      start(cluster, isDirectory ? "a directory" : "a file");
      if (isDirectory) pending.push(cluster);
    }
    return true;
  };

  /** @returns Whether the directory may go on behind the range. */
  function* readRange(offset: number, length: number): Generator<undefined, boolean> {
    for (let at = 0; at < length; at += PIECE_LENGTH) {
      const piece = volume.read(offset + at, Math.min(PIECE_LENGTH, length - at));
      read += piece.length;
      if (read >= TURN_LENGTH) {
        read = 0;
        yield undefined;
      }
      if (!readEntries(piece)) return false;
    }
    return true;
  }

  if (root !== undefined) yield* readRange(root.offset, root.length);
  if (rootCluster !== undefined) {
    start(rootCluster, "its root directory");
    pending.push(rootCluster);
  }
  for (let cluster = pending.pop(); cluster !== undefined; cluster = pending.pop()) {
    let length = 0;
    for (let at: number | undefined = cluster; at !== undefined; at = chains.next(at)) {
      length += layout.clusterSize;
      if (length > Math.max(MAX_LENGTH, layout.clusterSize)) {
        throw new Refusal(name, `a directory is longer than ${MAX_LENGTH} bytes`);
      }
      const offset = layout.dataOffset + (at - FIRST_CLUSTER) * layout.clusterSize;
      if (!(yield* readRange(offset, layout.clusterSize))) break;
    }
  }
}
