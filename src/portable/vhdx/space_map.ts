/**
 * Which MiB of a file are in use: one bit for each. Everything in a VHDX file lies at whole MiB and is
 * whole MiB long.
 *
 * @module
 */

const ALL_USED = 0xff;

/** A set of MiB numbers. */
export class SpaceMap {
  #bits = new Uint8Array(64);
  /** Bytes of `#bits` below this hold nothing free. */
  #fullBytes = 0;

  /** Whether a MiB is in use; beyond what was ever taken nothing is. */
  has(index: number): boolean {
    return ((this.#bits[index >> 3] ?? 0) & (1 << (index & 7))) !== 0;
  }

  /**
   * Takes a run.
   *
   * @returns Whether all of it was free; nothing is taken else.
   */
  take(first: number, count: number): boolean {
    for (let i = first; i < first + count; i++) if (this.has(i)) return false;
    this.#reach(first + count);
    for (let i = first; i < first + count; i++) this.#bits[i >> 3]! |= 1 << (i & 7);
    return true;
  }

  /** Gives a run back. */
  release(first: number, count: number): void {
    for (let i = first; i < first + count; i++) this.#bits[i >> 3]! &= ~(1 << (i & 7));
    this.#fullBytes = Math.min(this.#fullBytes, first >> 3);
  }

  /** The first run of `count` free MiB at `start` or later; behind everything there is always one. */
  findFree(start: number, count: number): number {
    while (this.#bits[this.#fullBytes] === ALL_USED) this.#fullBytes++;
    let first = Math.max(start, this.#fullBytes * 8);
    for (let i = first; i < first + count && i < this.#bits.length * 8; i++) {
      if ((i & 7) === 0 && this.#bits[i >> 3] === ALL_USED) {
        i += 7;
        first = i + 1;
      } else if (this.has(i)) {
        first = i + 1;
      }
    }
    return first;
  }

  /** The number behind the last MiB in use. */
  get end(): number {
    let byte = this.#bits.length - 1;
    while (byte >= 0 && this.#bits[byte] === 0) byte--;
    return byte < 0 ? 0 : byte * 8 + 32 - Math.clz32(this.#bits[byte]!);
  }

  /** Makes room for `count` bits. */
  #reach(count: number): void {
    const needed = Math.ceil(count / 8);
    if (needed <= this.#bits.length) return;
    const bits = new Uint8Array(Math.max(needed, this.#bits.length * 2));
    bits.set(this.#bits);
    this.#bits = bits;
  }
}
