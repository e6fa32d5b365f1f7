/**
 * What a long operation is given by its caller, and what it owes to the others: reads and writes are
 * synchronous, so between them the event loop must get its turn, the caller may cancel, and learns how far
 * the operation is.
 *
 * @module
 */
import { nextTurn } from "../../disk/pause.ts";
import { type OperationOptions, ProgressReporter } from "../../disk/progress.ts";

/** How long the event loop may wait, in milliseconds. */
const TURN = 10;

/** The context of one operation. */
export class Pace {
  /** Cancels the operation. */
  readonly signal: AbortSignal | undefined;
  readonly #reporter: ProgressReporter;
  #lastTurn = performance.now();
  #bytes: number | undefined;
  #done = 0;
  #total = 0;

  /** @throws The signal's reason, where the operation has been cancelled. */
  constructor({ signal, onProgress }: OperationOptions) {
    this.signal = signal;
    this.#reporter = new ProgressReporter(onProgress);
    this.assertWanted();
  }

  /** There is so much more to do: for operations that learn of their work by and by. */
  expect(bytes: number): void {
    this.#total += bytes;
  }

  /**
   * So much of what was expected has been done; the event loop gets its turn where it is due.
   *
   * @param moved How many bytes have been read or written for it, and so count for the speed.
   * @throws The signal's reason, where the operation has been cancelled.
   */
  async add(bytes: number, moved: number): Promise<void> {
    this.#done += bytes;
    this.count(moved);
    await this.reach(this.#done, this.#total);
  }

  /** So many bytes have been worked through: what is passed over does not count. */
  count(bytes: number): void {
    this.#bytes = (this.#bytes ?? 0) + bytes;
  }

  /**
   * Called after each piece of work. Where the event loop has waited long enough, reports how far the
   * operation is and gives it a turn.
   *
   * @throws The signal's reason, where the operation has been cancelled.
   */
  async reach(completed: number, total: number): Promise<void> {
    if (performance.now() - this.#lastTurn < TURN) return;
    this.#reporter.step(completed, total, this.#bytes);
    await nextTurn();
    this.#lastTurn = performance.now();
    this.assertWanted();
  }

  /** @throws The signal's reason, where the operation has been cancelled. */
  assertWanted(): void {
    this.signal?.throwIfAborted();
  }

  /**
   * Reports that all work is done but for making it visible: the last moment to cancel.
   *
   * @throws As {@linkcode Pace.assertWanted}, or what the listener throws.
   */
  end(): void {
    this.done();
    this.assertWanted();
  }

  /** Reports that all work is done, and to be seen: to cancel comes too late. */
  done(): void {
    this.#reporter.end(this.#bytes);
  }
}
