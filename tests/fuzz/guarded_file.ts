/** A file in memory that fails a test which asks too much of it. */
import { assert, assertLessOrEqual } from "@std/assert";
import { SparseFile } from "../crash/sparse_file.ts";

/** A structure, or a piece of data; never a length that a damaged field may have set. */
const MAX_BUFFER = 2 ** 26;
/** A new block, tables that move, a log. */
const MAX_GROWTH = 2 ** 29;
/** A few times what the samples hold, and blocks that become partially used. */
const MAX_MOVED = 2 ** 28;

/** "loge", as a little-endian number, and what such an entry says of the file. */
const ENTRY_SIGNATURE = 0x65676f6c;
const LAST_FILE_OFFSET = 56;
const LOG_SECTOR = 4096;
/** No sample is longer. */
const MAX_SEARCHED = 2 ** 25;

/** Counts what is read and written, and refuses what no sound program would ask for. */
export class GuardedFile extends SparseFile {
  #moved = 0;
  #limit = Infinity;

  /** A file with these contents. */
  static override of(bytes: Uint8Array): GuardedFile {
    return GuardedFile.over(SparseFile.of(bytes));
  }

  /** A copy of another file. */
  static over(file: SparseFile): GuardedFile {
    const guarded = file.forkAs(GuardedFile);
    guarded.#limit = file.size + MAX_GROWTH;
    return guarded;
  }

  override readAt(buffer: Uint8Array, offset: number): number {
    this.#count(buffer.length, offset);
    return super.readAt(buffer, offset);
  }

  override writeAt(bytes: Uint8Array, offset: number): void {
    this.#count(bytes.length, offset);
    assertLessOrEqual(offset + bytes.length, this.#limit, "a file that grows too much");
    super.writeAt(bytes, offset);
  }

  override truncate(size: number): void {
    this.#count(0, size);
    if (size > this.#limit) this.#limit = Math.max(this.#limit, this.#loggedSize());
    assertLessOrEqual(size, this.#limit, "a file that grows too much");
    super.truncate(size);
  }

  /** How long the file has to be, as entries of a log in it say that may be replayed (MS-VHDX 2.3.1.1). */
  #loggedSize(): number {
    const head = new Uint8Array(64);
    const view = new DataView(head.buffer);
    let longest = 0;
    for (let offset = 0; offset < this.size && offset < MAX_SEARCHED; offset += LOG_SECTOR) {
      if (super.readAt(head, offset) < head.length) break;
      if (view.getUint32(0, true) !== ENTRY_SIGNATURE) continue;
      longest = Math.max(longest, Number(view.getBigUint64(LAST_FILE_OFFSET, true)));
    }
    return longest;
  }

  #count(length: number, offset: number): void {
    this.#moved += length;
    // An assertion takes longer than what it asks for, and holds each time but once.
    if (isPlace(offset) && length <= MAX_BUFFER && this.#moved <= MAX_MOVED) return;
    assert(isPlace(offset), "a place that is none");
    assertLessOrEqual(length, MAX_BUFFER, "a buffer larger than a file justifies");
    assertLessOrEqual(this.#moved, MAX_MOVED, "reads and writes without end");
  }
}

function isPlace(offset: number): boolean {
  return Number.isSafeInteger(offset) && offset >= 0;
}
