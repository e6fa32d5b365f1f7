/**
 * How fast an operation is at present: over the last seconds, not since its start, for a disk has parts that
 * take time and others that take none.
 *
 * @module
 */
import type { Progress } from "../../mod.ts";

/** Milliseconds that are looked back. */
const WINDOW = 5000;
/** Milliseconds before which nothing is said: the first moments mislead. */
const SETTLED = 1000;

/** What was reported, and when. */
interface Sample {
  /** Milliseconds. */
  readonly time: number;
  readonly fraction: number;
  readonly bytes: number;
}

/** The present speed of one operation. */
export class Speed {
  /** Those of the window, the oldest first, and the last one before it. */
  readonly #samples: Sample[] = [];

  /** Takes a report, at a time in milliseconds. */
  add({ fraction, bytes = 0 }: Progress, time: number): void {
    this.#samples.push({ time, fraction, bytes });
    while ((this.#samples[1]?.time ?? time) <= time - WINDOW) this.#samples.shift();
  }

  /** Bytes in a second; `undefined` where there is nothing to say. */
  get bytesPerSecond(): number | undefined {
    const { milliseconds, bytes } = this.#span();
    return milliseconds < SETTLED || bytes <= 0 ? undefined : bytes / milliseconds * 1000;
  }

  /** Seconds to the end; `undefined` where there is nothing to say. */
  get secondsLeft(): number | undefined {
    const { milliseconds, fraction, rest } = this.#span();
    if (milliseconds < SETTLED || fraction <= 0) return undefined;
    return milliseconds * rest / fraction / 1000;
  }

  /** What has been done from the first sample to the last, and what is left. */
  #span(): { milliseconds: number; fraction: number; bytes: number; rest: number } {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined) {
      return { milliseconds: 0, fraction: 0, bytes: 0, rest: 1 };
    }
    return {
      milliseconds: last.time - first.time,
      fraction: last.fraction - first.fraction,
      bytes: last.bytes - first.bytes,
      rest: 1 - last.fraction,
    };
  }
}
