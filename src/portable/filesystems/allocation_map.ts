/**
 * A map of clusters: a bit for each, set if it is used, the lowest of a byte first. So NTFS and exFAT keep it.
 *
 * @module
 */
import { bitRun } from "../image/bit_run.ts";
import type { FreeRange } from "./file_system.ts";

/** Bytes of the map that are read at once: of 2 GiB with clusters of 4 KiB. */
const PAGE_LENGTH = 2 ** 16;
const PAGE_CLUSTERS = PAGE_LENGTH * 8;
/** 8 MiB: files lie all over a volume. */
const CACHED_PAGES = 128;

/** Where the clusters are, and their map. */
export interface MappedClusters {
  readonly clusterCount: number;
  /** Bytes. */
  readonly clusterSize: number;
  /** Where the first one begins, in bytes of the volume. */
  readonly offset: number;
  /** Bytes of the map, inside it. */
  readMap(offset: number, length: number): Uint8Array;
}

/** The map, read in pages. Clusters are numbered from 0 on. */
export class AllocationMap {
  readonly #clusters: MappedClusters;
  /** The one that was used last is the last one. */
  readonly #pages = new Map<number, Uint8Array>();

  constructor(clusters: MappedClusters) {
    this.#clusters = clusters;
  }

  /** The first cluster of a range, inside the volume, that is free; `undefined` if all are used. */
  firstFree(first: number, count: number): number | undefined {
    const end = first + count;
    for (let at = first; at < end;) {
      const number = Math.floor(at / PAGE_CLUSTERS);
      const start = number * PAGE_CLUSTERS;
      const bytes = this.#page(number);
      const { value, length } = bitRun(
        bytes,
        at - start,
        Math.min(end - start, PAGE_CLUSTERS),
        "lsb-first",
      );
      if (!value) return at;
      at += length;
    }
    return undefined;
  }

  /** The free clusters, a batch for each page. */
  *freeRanges(): Generator<FreeRange[]> {
    const { clusterCount, clusterSize, offset } = this.#clusters;
    for (let first = 0; first < clusterCount; first += PAGE_CLUSTERS) {
      const bytes = this.#page(first / PAGE_CLUSTERS);
      const count = Math.min(PAGE_CLUSTERS, clusterCount - first);
      const ranges: FreeRange[] = [];
      for (let bit = 0; bit < count;) {
        const { value, length } = bitRun(bytes, bit, count, "lsb-first");
        if (!value) {
          ranges.push({
            offset: offset + (first + bit) * clusterSize,
            length: length * clusterSize,
          });
        }
        bit += length;
      }
      yield ranges;
    }
  }

  #page(number: number): Uint8Array {
    let page = this.#pages.get(number);
    if (page === undefined) {
      const { clusterCount } = this.#clusters;
      const offset = number * PAGE_LENGTH;
      const length = Math.min(PAGE_LENGTH, Math.ceil(clusterCount / 8) - offset);
      page = this.#clusters.readMap(offset, length);
      if (this.#pages.size >= CACHED_PAGES) this.#pages.delete(this.#pages.keys().next().value!);
    } else this.#pages.delete(number);
    this.#pages.set(number, page);
    return page;
  }
}
