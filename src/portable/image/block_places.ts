/**
 * Which blocks of an image lie over each other: their table, which no checksum covers, names a place for each,
 * and two blocks in one place are read as each other's bytes. A piece of the table is looked at when the first
 * block of it is read, so that opening costs nothing and memory stays bounded.
 *
 * @module
 */

/** Entries in a piece, unless it is said otherwise: the first MiB of a table of 8 bytes each. */
export const ENTRIES_PER_PIECE = 2 ** 17;
const SECTOR_SIZE = 512;
/** In a piece that has more entries at fault, all entries are. */
const MAX_FAULTS = 4096;

/** Receives the places that a piece of a table names. */
export interface PlaceCollector {
  /** A block that has its place, in bytes. */
  add(offset: number, length: number): void;
  /** A block that has none, though its entry names one. */
  addUnused(offset: number, length: number): void;
}

/** Gives the places of entries, those left out that cannot be in the file. */
export type PlaceReader = (first: number, end: number, places: PlaceCollector) => void;

/** What is wrong in a piece. */
interface Faults {
  /** Where blocks begin that share bytes with others. */
  readonly shared: ReadonlySet<number>;
  /** Whether there are more than are kept. */
  readonly areMany: boolean;
  /** Where unused places begin that no block of the piece has, and how long they are. */
  readonly unclaimed: Map<number, number>;
  /** In how many pieces, from the first on, no block has any of these either. */
  searchedPieces: number;
}

/** Compares the entries of a table with each other. */
export class BlockPlaces {
  readonly #count: number;
  readonly #read: PlaceReader;
  readonly #perPiece: number;
  readonly #pieces: (Faults | null | undefined)[] = [];

  /**
   * @param count How many entries the table has.
   * @param perPiece How many are compared with each other.
   */
  constructor(count: number, read: PlaceReader, perPiece: number = ENTRIES_PER_PIECE) {
    this.#count = count;
    this.#read = read;
    this.#perPiece = perPiece;
  }

  /** Whether the block at `offset`, of the entry `index`, shares bytes with another. */
  isShared(index: number, offset: number): boolean {
    const faults = this.#faults(index);
    return faults !== null && (faults.areMany || faults.shared.has(offset));
  }

  /** Whether an unused entry names a place that no block has whose entry is in the same piece. */
  isUnclaimed(index: number, offset: number): boolean {
    return this.#faults(index)?.unclaimed.has(offset) ?? false;
  }

  /** Whether an unused entry names a place that no block has at all. The whole table is read, for a piece once. */
  isNobodys(index: number, offset: number): boolean {
    const faults = this.#faults(index);
    if (!faults?.unclaimed.has(offset)) return false;
    this.#searchOthers(faults, Math.floor(index / this.#perPiece));
    return faults.unclaimed.has(offset);
  }

  /** An unused place has been looked at, and holds nothing. */
  dismiss(index: number, offset: number): void {
    this.#faults(index)?.unclaimed.delete(offset);
  }

  #faults(index: number): Faults | null {
    const piece = Math.floor(index / this.#perPiece);
    const known = this.#pieces[piece];
    if (known !== undefined) return known;
    return this.#pieces[piece] = this.#compare(piece);
  }

  #compare(piece: number): Faults | null {
    const unused: [offset: number, length: number][] = [];
    const used = this.#placesIn(piece, (offset, length) => {
      if (unused.length < MAX_FAULTS) unused.push([offset, length]);
    });
    const shared = used.shared();
    // Whose a place is that two blocks have, nobody knows.
    const free = shared.size > 0 ? [] : unused.filter((each) => !used.overlaps(...each));
    const unclaimed = new Map(free);
    if (shared.size === 0 && unclaimed.size === 0) return null;
    return { shared, areMany: shared.size >= MAX_FAULTS, unclaimed, searchedPieces: 0 };
  }

  /** Takes from the unclaimed places of a piece those that blocks of other pieces have. */
  #searchOthers(faults: Faults, piece: number): void {
    const { unclaimed } = faults;
    const pieceCount = Math.ceil(this.#count / this.#perPiece);
    // Where the table has to be fetched, this fails until it is there, and goes on with the piece that was missing.
    for (; faults.searchedPieces < pieceCount; faults.searchedPieces++) {
      if (faults.searchedPieces === piece) continue;
      const used = this.#placesIn(faults.searchedPieces, () => {});
      // Where blocks share bytes, one may be missed: an absent block is refused then that need not be.
      for (const place of unclaimed) if (used.overlaps(...place)) unclaimed.delete(place[0]);
    }
  }

  #placesIn(piece: number, addUnused: PlaceCollector["addUnused"]): Places {
    const used = new Places();
    const first = piece * this.#perPiece;
    const add = (offset: number, length: number) => used.add(offset, length);
    this.#read(first, Math.min(this.#count, first + this.#perPiece), { add, addUnused });
    return used;
  }
}

/** Ranges, which may overlap: first all are added, then they are compared. */
class Places {
  /** Where they begin: on the heap, for small images have few, and memory of their own would cost more than they do. */
  #offsets: number[] | Float64Array = [];
  /** Where the last one ends, for as long as each has begun behind the one before. */
  #end = 0;
  #areInOrder = true;
  /** By kind: formats have two lengths at most. */
  readonly #lengths: number[] = [];

  add(offset: number, length: number): void {
    let kind = this.#lengths.indexOf(length);
    if (kind < 0) kind = this.#lengths.push(length) - 1;
    // Offsets are whole sectors: the kind fits into their last bits.
    (this.#offsets as number[]).push(offset + kind);
    if (offset < this.#end) this.#areInOrder = false;
    this.#end = offset + length;
  }

  /** Where those begin that share bytes with others. */
  shared(): Set<number> {
    if (this.#areInOrder) return new Set();
    this.#sort();
    const shared = new Set<number>();
    let [lastOffset, lastEnd] = [0, 0];
    for (let i = 0; i < this.#offsets.length && shared.size < MAX_FAULTS; i++) {
      const { offset, end } = this.#range(i);
      if (offset < lastEnd) shared.add(lastOffset).add(offset);
      if (end > lastEnd) [lastOffset, lastEnd] = [offset, end];
    }
    return shared;
  }

  /** Whether one of the ranges, of which no two share bytes, shares any with the given one. */
  overlaps(offset: number, length: number): boolean {
    this.#sort();
    let low = 0;
    let high = this.#offsets.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#range(middle).offset < offset + length) low = middle + 1;
      else high = middle;
    }
    return low > 0 && this.#range(low - 1).end > offset;
  }

  /** Once, and then only if they are not in order: blocks often lie in the order of the disk. */
  #sort(): void {
    if (this.#areInOrder || this.#offsets instanceof Float64Array) return;
    this.#offsets = Float64Array.from(this.#offsets).sort();
  }

  #range(i: number): { offset: number; end: number } {
    const value = this.#offsets[i]!;
    const kind = value % SECTOR_SIZE;
    return { offset: value - kind, end: value - kind + this.#lengths[kind]! };
  }
}
