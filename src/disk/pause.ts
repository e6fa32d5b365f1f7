/** Waiting, with others and without. */

/** Lets everything else that is due run first: a turn of the event loop. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/**
 * Lets others run for a while.
 *
 * @param milliseconds How long.
 * @throws The reason of `signal`, as soon as it is aborted.
 */
export async function pauseFor(milliseconds: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  const timer = setTimeout(resolve, milliseconds);
  signal.addEventListener("abort", resolve);
  if (!signal.aborted) await promise;
  signal.removeEventListener("abort", resolve);
  clearTimeout(timer);
  signal.throwIfAborted();
}

/**
 * Waits, and lets nothing else of this program run meanwhile: for what takes only a moment and has no promise.
 *
 * @param milliseconds How long.
 */
export function pauseSync(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
