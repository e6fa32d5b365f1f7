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

  /** @param terminal Standard error: standard output may be what is being written. */
  constructor(terminal: Terminal = Deno.stderr) {
    this.#terminal = terminal.isTerminal() ? terminal : undefined;
  }

  /** Takes a report, and draws it where it is time to. */
  readonly show = ({ fraction }: Progress): void => {
    if (this.#terminal === undefined || performance.now() - this.#last < INTERVAL) return;
    this.#last = performance.now();
    this.#drawn = true;
    this.#terminal.writeSync(encoder.encode(`\r${bar(fraction)}`));
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
