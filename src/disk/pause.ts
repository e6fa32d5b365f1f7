/**
 * Waits, and lets nothing else of this program run meanwhile: for what takes only a moment and has no promise.
 *
 * @param milliseconds How long.
 */
export function pauseSync(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
