/**
 * What long operations have in common: they can be watched, and they can be cancelled.
 *
 * @module
 */
import { FUNCTION, type OptionKinds, SIGNAL } from "./arguments.ts";

/**
 * How far an operation is.
 *
 * @category Operations
 */
export interface Progress {
  /** Units done, from 0 to `total`: whatever the operation counts. */
  readonly completed: number;
  /** Units in all. It may change from one report to the next. */
  readonly total: number;
  /** The part that is done, from 0 to 1. It never goes back, and is 1 at the end alone. */
  readonly fraction: number;
  /**
   * Bytes that have been worked through until now, from which the speed follows. Unlike in `completed`, what
   * was passed over because no file holds it does not count. Absent where an operation moves no data to
   * speak of, and in the native backend: Windows does not tell its units.
   */
  readonly bytes?: number;
}

/**
 * How a long operation is watched and cancelled.
 *
 * @category Operations
 */
export interface OperationOptions {
  /**
   * Cancels the operation. The promise is rejected with the signal's reason as soon as nothing works on
   * the image any more; an operation that had come to its end by then succeeds.
   */
  signal?: AbortSignal | undefined;
  /**
   * Called with each step of the operation that was seen, and once more at its end. What it throws
   * cancels the operation, and rejects the promise.
   */
  onProgress?: ((progress: Progress) => void) | undefined;
}

/** Their kinds. */
export const OPERATION_OPTIONS: OptionKinds<OperationOptions> = {
  signal: SIGNAL,
  onProgress: FUNCTION,
};

/** The largest fraction before the end: operations may say 100 % and go on. */
const ALMOST_DONE = 1 - Number.EPSILON;

/** Passes the steps of one operation on, each once. */
export class ProgressReporter {
  readonly #onProgress: OperationOptions["onProgress"];
  #last: Progress = { completed: 0, total: 0, fraction: 0 };

  /** Steps go to `onProgress`, if there is one. */
  constructor(onProgress: OperationOptions["onProgress"]) {
    this.#onProgress = onProgress;
  }

  /** The operation has done `completed` units of `total`; of 0 units nothing is said. */
  step(completed: number, total: number, bytes?: number): void {
    if (total <= 0) return;
    const done = Math.min(completed, total);
    const fraction = Math.max(this.#last.fraction, Math.min(done / total, ALMOST_DONE));
    this.#report({ completed: done, total, fraction, ...counted(bytes) });
  }

  /** The operation has come to its end. */
  end(bytes?: number): void {
    const total = this.#last.total || 1;
    this.#report({ completed: total, total, fraction: 1, ...counted(bytes) });
  }

  #report(progress: Progress): void {
    const { completed, total, fraction, bytes } = this.#last;
    if (
      progress.completed === completed && progress.total === total &&
      progress.fraction === fraction && progress.bytes === bytes
    ) return;
    this.#last = progress;
    this.#onProgress?.(progress);
  }
}

function counted(bytes: number | undefined): Pick<Progress, "bytes"> {
  return bytes === undefined ? {} : { bytes };
}
