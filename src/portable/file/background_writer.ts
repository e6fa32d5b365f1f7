/**
 * Writes a file while its caller prepares what comes next.
 *
 * @module
 */
import type { BackgroundFile, SyncHandle, WritableSource } from "./byte_source.ts";

/** Less than that is written at once: handing it over takes as long. */
const MIN_LENGTH = 128 * 1024;
/**
 * After so many bytes the system is asked to put them on the disk. Otherwise most would be left until the flush at the
 * end, and nothing be done meanwhile.
 */
const SYNC_LENGTH = 32 * 2 ** 20;

/**
 * Writes one piece at a time. Its scope ends when nothing works on the file any more; whether all has been written
 * {@linkcode BackgroundWriter.settle} tells.
 */
export class BackgroundWriter implements AsyncDisposable {
  readonly #file: WritableSource;
  readonly #background: BackgroundFile | undefined;
  #writing: Promise<void> = Promise.resolve();
  #handle: SyncHandle | undefined;
  #syncing: Promise<void> | undefined;
  #unsynced = 0;

  /** @param file Nobody else writes or reads it within the scope. */
  constructor(file: WritableSource) {
    this.#file = file;
    this.#background = file.inBackground?.();
  }

  /**
   * Writes, returning as soon as what was given before is written: until the next call returns, or
   * {@linkcode BackgroundWriter.settle}, the bytes must stay what they are.
   *
   * @throws {ImageError} What this write fails with, or the one before.
   */
  async write(bytes: Uint8Array, offset: number): Promise<void> {
    await this.#writing;
    if (this.#background === undefined || bytes.length < MIN_LENGTH) {
      this.#file.writeAt(bytes, offset);
    } else {
      this.#syncAhead(this.#background);
      this.#writing = quiet(this.#background.write(bytes, offset));
    }
    this.#unsynced += bytes.length;
  }

  /**
   * Returns as soon as all that was given is written.
   *
   * @throws {ImageError} What that fails with.
   */
  async settle(): Promise<void> {
    await this.#writing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled([this.#writing, this.#syncing]);
    this.#handle?.close();
  }

  #syncAhead(file: BackgroundFile): void {
    if (this.#syncing !== undefined || this.#unsynced < SYNC_LENGTH) return;
    try {
      this.#handle ??= file.reopen();
    } catch {
      // As where too many files are open: the flush at the end does all.
      this.#unsynced = Number.NEGATIVE_INFINITY;
      return;
    }
    this.#unsynced = 0;
    this.#syncing = quiet(this.#handle.sync().finally(() => this.#syncing = undefined));
  }
}

/** Whoever waits for it next is told of a failure, and may be busy with something else now. */
function quiet(promise: Promise<void>): Promise<void> {
  promise.catch(() => {});
  return promise;
}
