/**
 * What becomes of a file that could not be written: what it holds is uncertain then, so nothing more is written, unless
 * only room was lacking and whoever writes can do it again.
 *
 * @module
 */
import { ImageError } from "./image_error.ts";

/** The failures of one open file. */
export class WriteFailures {
  /** The first one that ended the writing. */
  #failure: unknown;
  #isRetryable = false;
  #lacksRoom = false;

  /** Whether a write has failed, after which nothing more is written. */
  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  /** See {@linkcode OpenFile.lacksRoom}. */
  get lacksRoom(): boolean {
    return this.#lacksRoom;
  }

  /** See {@linkcode OpenFile.retryable}. */
  retryable<T>(run: () => T): T {
    this.#isRetryable = true;
    try {
      return run();
    } finally {
      this.#isRetryable = false;
    }
  }

  /**
   * Changes the file, unless it has failed before.
   *
   * @param undo Takes back what a change without room has done to the length of the file.
   */
  change(run: () => void, undo?: () => void): void {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      run();
    } catch (error) {
      if (undo === undefined || !this.#isRetryable || !isLackOfRoom(error)) {
        this.#failure = error;
        throw error;
      }
      this.#lacksRoom = true;
      this.change(undo);
      throw error;
    }
  }

  /** As {@linkcode WriteFailures.change}, for what takes a while, and is not undone. */
  async changeLater(run: () => Promise<void>): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      await run();
    } catch (error) {
      this.#failure ??= error;
      throw error;
    }
  }

  /** Makes all durable. What could not be made so may be gone: it cannot be tried again. */
  flush(run: () => void): void {
    this.change(run);
    this.#lacksRoom = false;
  }
}

/** Whether a change failed because the volume, or what a user may take of it, is full. */
export function isLackOfRoom(error: unknown): boolean {
  return error instanceof ImageError && error.symbol === "ERROR_DISK_FULL";
}
