/** Time and chance that a seed repeats, in place of those of the system. */
import type { Random } from "../../fuzz/random.ts";

/** 2026-01-01, in milliseconds. */
const START = 1_767_225_600_000;
/** Between two looks at the clock pass up to so many milliseconds. */
const MOST_BETWEEN = 25;

/** Takes the place of clocks, pauses and random identifiers as long as its scope lasts. */
export class SimulatedTime implements Disposable {
  readonly #random: Random;
  readonly #originals: readonly (() => void)[];
  #now = 0;

  constructor(random: Random) {
    this.#random = random;
    this.#originals = [
      replace(performance, "now", () => this.#later()),
      replace(Date, "now", () => START + Math.floor(this.#later())),
      replace(crypto, "randomUUID", () => this.#guid()),
      replace(Atomics, "wait", () => {
        this.#later();
        return "timed-out";
      }),
    ];
  }

  [Symbol.dispose](): void {
    for (const restore of this.#originals) restore();
  }

  #later(): number {
    return this.#now += this.#random.below(MOST_BETWEEN);
  }

  #guid(): `${string}-${string}-${string}-${string}-${string}` {
    const digits = Array.from(
      { length: 4 },
      () => this.#random.uint32().toString(16).padStart(8, "0"),
    ).join("");
    const part = (from: number, to: number) => digits.slice(from, to);
    return `${part(0, 8)}-${part(8, 12)}-4${part(13, 16)}-a${part(17, 20)}-${part(20, 32)}`;
  }
}

/** Gives what puts the original back. */
function replace<T extends object, K extends keyof T>(object: T, name: K, value: T[K]): () => void {
  const own = Object.getOwnPropertyDescriptor(object, name);
  Object.defineProperty(object, name, { value, configurable: true, writable: true });
  return () => {
    if (own === undefined) Reflect.deleteProperty(object, name);
    else Object.defineProperty(object, name, own);
  };
}
