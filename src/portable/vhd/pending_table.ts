/**
 * The block allocation table of an image that is being written: changes wait in memory until what they
 * lead to is durable.
 *
 * @module
 */
import { viewOf, type WritableSource } from "../byte_source.ts";
import {
  type BlockAllocationTable,
  type BlockTable,
  TABLE_ENTRY_SIZE,
  UNALLOCATED,
} from "./block_allocation_table.ts";
import { SECTOR_SIZE } from "./sector.ts";

const BIG_ENDIAN = false;

/** The table with the changes that wait. */
export class PendingTable implements BlockTable {
  readonly #source: WritableSource;
  readonly #table: BlockAllocationTable;
  /** Entries by block. */
  readonly #changes = new Map<number, number>();

  constructor(source: WritableSource, table: BlockAllocationTable) {
    this.#source = source;
    this.#table = table;
  }

  /** How many changes wait. */
  get changeCount(): number {
    return this.#changes.size;
  }

  isAllocated(index: number): boolean {
    const entry = this.#changes.get(index);
    return entry === undefined ? this.#table.isAllocated(index) : entry !== UNALLOCATED;
  }

  blockOffset(index: number): number | undefined {
    const entry = this.#changes.get(index);
    if (entry === undefined) return this.#table.blockOffset(index);
    return entry === UNALLOCATED ? undefined : entry * SECTOR_SIZE;
  }

  offsetToRead(index: number): number | undefined {
    return this.#changes.has(index) ? this.blockOffset(index) : this.#table.offsetToRead(index);
  }

  /** Lets the block begin at `offset`. */
  place(index: number, offset: number): void {
    this.#changes.set(index, offset / SECTOR_SIZE);
  }

  /** Takes the block out of the file. */
  remove(index: number): void {
    this.#changes.set(index, UNALLOCATED);
  }

  /** Writes the changes to the file; they still wait. */
  write(): void {
    const changes = [...this.#changes].sort(([a], [b]) => a - b);
    for (let first = 0; first < changes.length;) {
      const [index] = changes[first]!;
      let last = first + 1;
      while (last < changes.length && changes[last]![0] === index + last - first) last++;
      const entries = viewOf(new Uint8Array((last - first) * TABLE_ENTRY_SIZE));
      for (let i = first; i < last; i++) {
        entries.setUint32((i - first) * TABLE_ENTRY_SIZE, changes[i]![1], BIG_ENDIAN);
      }
      const bytes = new Uint8Array(entries.buffer);
      this.#source.writeAt(bytes, this.#table.offset + index * TABLE_ENTRY_SIZE);
      first = last;
    }
  }

  /** What was written has become durable. */
  settle(): void {
    this.#changes.clear();
    this.#table.forget();
  }
}
