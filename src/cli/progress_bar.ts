/**
 * A progress bar on the terminal; nothing at all where there is none.
 *
 * @module
 */
import type { Progress } from "../../mod.ts";
import { roundBytes } from "./format_bytes.ts";
import { Speed } from "./speed.ts";

const WIDTH = 30;
/** Milliseconds between two drawings. */
const INTERVAL = 100;
const ERASE_LINE = "\r\x1b[2K";
const ERASE_REST = "\x1b[K";
const encoder = new TextEncoder();

/** Where a bar is drawn. */
export interface Terminal {
  isTerminal(): boolean;
  writeSync(bytes: Uint8Array): number;
  /**
   * Characters in a line; 0 where that is not known. A line that does not fit would be left behind with each
   * drawing.
   */
  columns(): number;
}

/** Standard output may be what is being written. */
const STANDARD_ERROR: Terminal = {
  isTerminal: () => Deno.stderr.isTerminal(),
  writeSync: (bytes) => Deno.stderr.writeSync(bytes),
  columns: () => Deno.consoleSize().columns,
};

/** A bar that is erased when its scope ends. */
export class ProgressBar implements Disposable {
  readonly #terminal: Terminal | undefined;
  readonly #now: () => number;
  readonly #speed = new Speed();
  #drawn = false;
  #last = Number.NEGATIVE_INFINITY;

  /** @param now A clock that never goes back, in milliseconds. */
  constructor(terminal: Terminal = STANDARD_ERROR, now: () => number = () => performance.now()) {
    this.#terminal = terminal.isTerminal() ? terminal : undefined;
    this.#now = now;
  }

  /** Takes a report, and draws it where it is time to. */
  readonly show = (progress: Progress): void => {
    const now = this.#now();
    if (this.#terminal === undefined || now - this.#last < INTERVAL) return;
    this.#last = now;
    this.#drawn = true;
    this.#speed.add(progress, now);
    const { bytesPerSecond, secondsLeft } = this.#speed;
    const line = bar(progress.fraction) +
      (bytesPerSecond === undefined ? "" : ` ${rate(bytesPerSecond)}`) +
      (secondsLeft === undefined ? "" : ` ${timeLeft(secondsLeft)}`);
    this.#draw((columns) => `\r${line.slice(0, columns - 1)}${ERASE_REST}`);
  };

  [Symbol.dispose](): void {
    if (this.#drawn) this.#draw(() => ERASE_LINE);
  }

  /** Where the terminal has been closed, SIGHUP says so: it is no failure of the work. */
  #draw(text: (columns: number) => string): void {
    try {
      const columns = this.#terminal?.columns() || Number.POSITIVE_INFINITY;
      this.#terminal?.writeSync(encoder.encode(text(columns)));
    } catch {
      // Nobody looks any more.
    }
  }
}

/** `[#######.......]  50 %` */
export function bar(fraction: number): string {
  const filled = Math.floor(fraction * WIDTH);
  const percent = String(Math.floor(fraction * 100)).padStart(3);
  return `[${"#".repeat(filled)}${".".repeat(WIDTH - filled)}] ${percent} %`;
}

/** `128 MiB/s` */
function rate(bytesPerSecond: number): string {
  return `${roundBytes(Math.round(bytesPerSecond))}/s`;
}

/** `1:05 left`, `3:00:00 left` */
export function timeLeft(secondsLeft: number): string {
  const seconds = Math.ceil(secondsLeft);
  const [minutes, hours] = [Math.floor(seconds / 60), Math.floor(seconds / 3600)];
  const two = (value: number) => String(value % 60).padStart(2, "0");
  const time = hours === 0 ? `${minutes}` : `${hours}:${two(minutes)}`;
  return `${time}:${two(seconds)} left`;
}
