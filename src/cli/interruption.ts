/**
 * Ctrl-C: the work is cancelled, so that it leaves nothing behind.
 *
 * @module
 */

/** What a shell expects of a program that SIGINT has ended. */
export const INTERRUPTED_STATUS = 130;

/** Windows knows no SIGTERM. */
const SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT"]
  : ["SIGINT", "SIGTERM"];

/** The reason of the signal that {@linkcode interruptible} gives. */
class Interruption extends Error {
  override readonly name = "Interruption";
}

/**
 * Runs work that an interruption cancels. Work that has come to its end by then counts as done.
 *
 * @param run Does the work; what it rejects with after an interruption does not matter.
 * @param state In which state the files are after an interruption; none where nothing changes files.
 * @returns The exit status.
 */
export async function interruptible(
  run: (signal: AbortSignal) => Promise<number>,
  state: () => string | undefined = () => undefined,
): Promise<number> {
  const controller = new AbortController();
  const interrupt = () => controller.abort(new Interruption("interrupted"));
  for (const signal of SIGNALS) Deno.addSignalListener(signal, interrupt);
  try {
    return await run(controller.signal);
  } catch (error) {
    if (!controller.signal.aborted) throw error;
    const left = state();
    console.error(`virtdisk: interrupted${left === undefined ? "" : `: ${left}`}`);
    return INTERRUPTED_STATUS;
  } finally {
    for (const signal of SIGNALS) Deno.removeSignalListener(signal, interrupt);
  }
}
