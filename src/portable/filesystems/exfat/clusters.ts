/**
 * Where the contents of files and directories are: one after the other, or as the file allocation table says.
 *
 * @module
 */
import { u32 } from "../../../bytes/codec.ts";
import type { Volume } from "../file_system.ts";
import { type ExfatLayout, FIRST_CLUSTER, refusal } from "./boot_region.ts";

/** Clusters one after the other. */
export interface ClusterRun {
  readonly first: number;
  readonly count: number;
}

/** What an entry of a directory says of contents. */
export interface Allocated {
  readonly firstCluster: number;
  /** Bytes. */
  readonly length: number;
  /** Whether the clusters follow each other, and the table says nothing of them. */
  readonly isContiguous: boolean;
}

const LAST_CLUSTER = 0xffffffff;
const MEDIA_ENTRIES = [0xfffffff8, 0xffffffff];
/** Entries of the table that are read at once. */
const WINDOW_ENTRIES = 2 ** 10;

/** The file allocation table that counts. */
export class ClusterTable {
  readonly #volume: Volume;
  readonly #layout: ExfatLayout;
  #first = -1;
  #window = new DataView(new ArrayBuffer(0));

  /** @throws {Refusal} If its first two entries are not those of a table. */
  constructor(volume: Volume, layout: ExfatLayout) {
    this.#volume = volume;
    this.#layout = layout;
    if (MEDIA_ENTRIES.some((value, i) => this.#entry(i) !== value)) {
      throw refusal("its file allocation table does not begin as one does");
    }
  }

  /**
   * The runs of clusters that some contents have.
   *
   * @param whose For the reason: `the allocation bitmap`.
   * @throws {Refusal} If they are not in the volume, or fewer than the contents need.
   */
  *runs(
    { firstCluster, length, isContiguous }: Allocated,
    whose: string,
  ): Generator<ClusterRun> {
    const { clusterSize } = this.#layout;
    const needed = Math.ceil(length / clusterSize);
    if (isContiguous) {
      this.#assertInside(firstCluster, needed, whose);
      yield { first: firstCluster, count: needed };
      return;
    }
    let [first, count] = [firstCluster, 0];
    for (let cluster = firstCluster, total = 0; total < needed; total++) {
      this.#assertInside(cluster, 1, whose);
      if (cluster !== first + count) {
        yield { first, count };
        [first, count] = [cluster, 0];
      }
      count++;
      const next = this.#entry(cluster);
      if (next === LAST_CLUSTER && total + 1 < needed) {
        throw refusal(`${whose} ends before its last cluster`);
      }
      cluster = next;
    }
    if (count > 0) yield { first, count };
  }

  /**
   * All clusters of a chain of which no length is stated, as the root directory has it.
   *
   * @param limit How many there may be.
   */
  chain(firstCluster: number, limit: number, whose: string): number[] {
    const clusters: number[] = [];
    for (let cluster = firstCluster; cluster !== LAST_CLUSTER; cluster = this.#entry(cluster)) {
      this.#assertInside(cluster, 1, whose);
      if (clusters.length >= limit) throw refusal(`${whose} has no end`);
      clusters.push(cluster);
    }
    return clusters;
  }

  #assertInside(first: number, count: number, whose: string): void {
    const end = FIRST_CLUSTER + this.#layout.clusterCount;
    if (first >= FIRST_CLUSTER && first + count <= end) return;
    throw refusal(`${whose} has cluster ${first}, which does not exist`);
  }

  #entry(cluster: number): number {
    const first = cluster - cluster % WINDOW_ENTRIES;
    if (first !== this.#first) {
      const { clusterCount, tableOffset } = this.#layout;
      const count = Math.min(WINDOW_ENTRIES, clusterCount + FIRST_CLUSTER - first);
      const bytes = this.#volume.read(tableOffset + first * 4, count * 4);
      this.#window = new DataView(bytes.buffer);
      this.#first = first;
    }
    return u32.read(this.#window, (cluster - first) * 4, true);
  }
}

/** Where a cluster begins in the volume. */
export function offsetOf({ dataOffset, clusterSize }: ExfatLayout, cluster: number): number {
  return dataOffset + (cluster - FIRST_CLUSTER) * clusterSize;
}
