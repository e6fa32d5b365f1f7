/** A file in memory that fails a test which asks too much of it. */
import { assert, assertLessOrEqual } from "@std/assert";
import { SparseFile } from "../crash/sparse_file.ts";

/** A structure, or a piece of data; never a length that a damaged field may have set. */
const MAX_BUFFER = 2 ** 26;
/** A new block, tables that move, a log. */
const MAX_GROWTH = 2 ** 29;
/** A few times what the samples hold, and blocks that become partially used. */
const MAX_MOVED = 2 ** 28;

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
    assertLessOrEqual(size, this.#limit, "a file that grows too much");
    super.truncate(size);
  }

  #count(length: number, offset: number): void {
    assert(Number.isSafeInteger(offset) && offset >= 0, "a place that is none");
    assertLessOrEqual(length, MAX_BUFFER, "a buffer larger than a file justifies");
    this.#moved += length;
    assertLessOrEqual(this.#moved, MAX_MOVED, "reads and writes without end");
  }
}
