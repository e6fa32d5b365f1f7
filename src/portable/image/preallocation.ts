/**
 * A new file without holes: what nothing else is written to is written with zeros.
 *
 * @module
 */
import type { BackgroundWriter } from "../file/background_writer.ts";
import type { Pace } from "./pace.ts";

/** What is written at once, in bytes. */
const PIECE = new Uint8Array(2 ** 20);

/** Follows the writing of a new file from its beginning to its end, and fills what it passes over. */
export class Preallocation {
  readonly #writer: BackgroundWriter;
  readonly #pace: Pace;
  /** Up to where all has been written. */
  #end = 0;

  /** @param pace Learns how far the file is; nobody else tells it. */
  constructor(writer: BackgroundWriter, pace: Pace) {
    this.#writer = writer;
    this.#pace = pace;
  }

  /**
   * Writes zeros up to `offset`, which must be before nothing that has been written.
   *
   * @param total How long the file will be, as far as that is known.
   */
  async fillTo(offset: number, total: number): Promise<void> {
    while (this.#end < offset) {
      const bytes = PIECE.subarray(0, offset - this.#end);
      await this.#writer.write(bytes, this.#end);
      await this.passTo(this.#end + bytes.length, total);
    }
  }

  /** Everything before `offset` has been written. */
  async passTo(offset: number, total: number): Promise<void> {
    this.#pace.count(offset - this.#end);
    this.#end = offset;
    await this.#pace.reach(offset, total);
  }
}
