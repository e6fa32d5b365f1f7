/**
 * What a person sees on a terminal: colours, and a progress bar while something takes long.
 *
 * @module
 */
import type { Progress } from "../../portable.ts";
import { roundBytes } from "../text/digits.ts";

/** The numbers of Select Graphic Rendition (ECMA-48): what begins a style, and what ends it. */
const STYLES = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  yellow: [33, 39],
} as const;

/**
 * The text for standard output: in that style on a terminal, unless the environment has NO_COLOR, and as it
 * is elsewhere. `styleText` of `node:util` reads the environment when standard output is a terminal, which
 * Deno asks the user's permission for.
 */
export function style(name: keyof typeof STYLES, text: string): string {
  if (!hasColors()) return text;
  const [begin, end] = STYLES[name];
  return `\x1b[${begin}m${text}\x1b[${end}m`;
}

/** Whether standard output is a terminal that may be coloured. */
export function hasColors(): boolean {
  return !Deno.noColor && Deno.stdout.isTerminal();
}

/** Two of the 256 colours that terminals have: what is written, and what it is written on. */
export interface CellColors {
  readonly text: number;
  readonly ground: number;
}

/** Text on a ground, in colours that are the same on light and dark terminals. */
export function coloured({ text, ground }: CellColors, shown: string): string {
  return `\x1b[38;5;${text};48;5;${ground}m${shown}\x1b[39;49m`;
}

/** Characters in a line if there is no terminal to say how many fit: what is easy to read. */
const LINE = 100;
const SHORTEST_LINE = 40;

/** Text in lines that fit, each indented. */
export function wrapped(text: string, indent = 0): string {
  return filled(text, lineWidth() - indent).replaceAll(/^/gm, " ".repeat(indent));
}

/** Text in lines of so many characters at most, unless a word is longer. */
export function filled(text: string, length: number): string {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const longer = `${lines.at(-1)} ${word}`;
    if (lines.length > 0 && longer.length <= length) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines.join("\n");
}

/** Characters that fit into a line of standard output, of as many as can be read with ease. */
export function lineWidth(): number {
  return Math.max(SHORTEST_LINE, Math.min(LINE, terminalWidth()));
}

/** Characters that fit into a line of standard output. */
export function terminalWidth(): number {
  if (!Deno.stdout.isTerminal()) return LINE;
  const { columns } = Deno.consoleSize();
  // What is written into the last column makes some terminals go on in the next line.
  return columns === 0 ? LINE : Math.max(1, columns - 1);
}

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

  /**
   * @param terminal `null` if nothing is to be drawn.
   * @param now A clock that never goes back, in milliseconds.
   */
  constructor(
    terminal: Terminal | null = STANDARD_ERROR,
    now: () => number = () => performance.now(),
  ) {
    this.#terminal = terminal?.isTerminal() ? terminal : undefined;
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

/**
 * How fast an operation is at present: over the last seconds, not since its start, for a disk has parts that
 * take time and others that take none.
 */
class Speed {
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
