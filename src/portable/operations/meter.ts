/**
 * How far an operation is, counted in bytes of work.
 *
 * @module
 */
import type { Pace } from "./pace.ts";

/** Counts the work of one operation. */
export class Meter {
  readonly #pace: Pace;
  #done = 0;
  #total = 0;

  constructor(pace: Pace) {
    this.#pace = pace;
  }

  /** There is so much more to do. */
  expect(bytes: number): void {
    this.#total += bytes;
  }

  /**
   * So much has been done; the event loop gets its turn where it is due.
   *
   * @param moved How many bytes have been read or written for it, and so count for the speed.
   * @throws The signal's reason, where the operation has been cancelled.
   */
  async add(bytes: number, moved: number): Promise<void> {
    this.#done += bytes;
    this.#pace.count(moved);
    await this.#pace.reach(this.#done, this.#total);
  }
}
