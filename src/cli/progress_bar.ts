/**
 * A progress bar on the terminal; nothing at all where there is none.
 *
 * @module
 */
import type { Progress } from "../../mod.ts";

const WIDTH = 30;
/** Milliseconds between two drawings. */
const INTERVAL = 100;
const ERASE_LINE = "\r\x1b[2K";
const ERASE_REST = "\x1b[K";
/** Milliseconds before which the time that is left is not guessed. */
const SETTLED = 1000;
const encoder = new TextEncoder();

/** Where a bar is drawn. */
export interface Terminal {
  isTerminal(): boolean;
  writeSync(bytes: Uint8Array): number;
}

/** A bar that is erased when its scope ends. */
export class ProgressBar implements Disposable {
  readonly #terminal: Terminal | undefined;
  #drawn = false;
  #last = -INTERVAL;
  #start: number | undefined;

  /** @param terminal Standard error: standard output may be what is being written. */
  constructor(terminal: Terminal = Deno.stderr) {
    this.#terminal = terminal.isTerminal() ? terminal : undefined;
  }

  /** Takes a report, and draws it where it is time to. */
  readonly show = ({ fraction }: Progress): void => {
    const now = performance.now();
    this.#start ??= now;
    if (this.#terminal === undefined || now - this.#last < INTERVAL) return;
    this.#last = now;
    this.#drawn = true;
    const line = `\r${bar(fraction)}${timeLeft(now - this.#start, fraction)}${ERASE_REST}`;
    this.#terminal.writeSync(encoder.encode(line));
  };

  [Symbol.dispose](): void {
    if (this.#drawn) this.#terminal?.writeSync(encoder.encode(ERASE_LINE));
  }
}

/** `[#######.......]  50 %` */
export function bar(fraction: number): string {
  const filled = Math.floor(fraction * WIDTH);
  const percent = String(Math.floor(fraction * 100)).padStart(3);
  return `[${"#".repeat(filled)}${".".repeat(WIDTH - filled)}] ${percent} %`;
}

/** ` 1:05 left`, at the speed until now; empty where that says nothing yet. */
export function timeLeft(elapsed: number, fraction: number): string {
  if (elapsed < SETTLED || fraction <= 0) return "";
  const seconds = Math.ceil(elapsed * (1 - fraction) / fraction / 1000);
  const minutes = Math.floor(seconds / 60);
  return ` ${minutes}:${String(seconds % 60).padStart(2, "0")} left`;
}
