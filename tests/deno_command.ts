/** Starts this Deno in processes of its own. */

/** What starts a process, and may do so again. */
type Start<T> = () => T;

/**
 * Under Wine, CreateProcessW now and then fails with ERROR_INTERNAL_ERROR, which has nothing to do with
 * what is started: the next try succeeds. Nothing has run by then, so that trying again repeats nothing.
 */
const WINE_FAULT = /\(os error 1359\)/;
const TRIES = 3;

/** As `new Deno.Command(Deno.execPath(), options)`, but a start that Wine refuses is tried again. */
export function denoCommand(
  options: Deno.CommandOptions = {},
): Pick<Deno.Command, "spawn" | "output" | "outputSync"> {
  const command = () => new Deno.Command(Deno.execPath(), options);
  return {
    spawn: () => startAgain(() => command().spawn()),
    output: () => startAgainLater(() => command().output()),
    outputSync: () => startAgain(() => command().outputSync()),
  };
}

/** What `start` gives; up to two more times if Wine's fault keeps it from starting. */
export function startAgain<T>(start: Start<T>, isWindows = Deno.build.os === "windows"): T {
  for (let tries = 1;; tries++) {
    try {
      return start();
    } catch (error) {
      if (!mayTryAgain(error, tries, isWindows)) throw error;
    }
  }
}

/** As {@linkcode startAgain}, for what tells of the fault in its promise. */
export async function startAgainLater<T>(
  start: Start<Promise<T>>,
  isWindows = Deno.build.os === "windows",
): Promise<T> {
  for (let tries = 1;; tries++) {
    try {
      return await start();
    } catch (error) {
      if (!mayTryAgain(error, tries, isWindows)) throw error;
    }
  }
}

function mayTryAgain(error: unknown, tries: number, isWindows: boolean): boolean {
  return isWindows && tries < TRIES && error instanceof Error && WINE_FAULT.test(error.message);
}
