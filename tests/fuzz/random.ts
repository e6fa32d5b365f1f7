/** Random numbers that a seed repeats, for tests that damage images. */

/** A sequence of numbers from 0 to 2^32 - 1 (Marsaglia's xorshift, period 2^32 - 1). */
export class Random {
  #state: number;

  constructor(seed: number) {
    // A state of 0 would stay 0; multiplying spreads neighbouring seeds.
    this.#state = Math.imul(seed + 1, 0x9e3779b1) >>> 0 || 1;
    for (let i = 0; i < 8; i++) this.uint32();
  }

  uint32(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x >>> 0;
    return this.#state;
  }

  /** A whole number from 0 to `limit` - 1. */
  below(limit: number): number {
    return this.uint32() % limit;
  }

  /** True in `percent` of a hundred cases. */
  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }
}
