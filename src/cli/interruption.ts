/**
 * Ctrl-C, a closed terminal, and whoever else ends the program: the work is cancelled, so that it leaves
 * nothing half made.
 *
 * @module
 */
/** What a shell expects of a program that a signal has ended: 128 and the number of the signal. */
const STATUS = {
  SIGHUP: 129,
  SIGINT: 130,
  SIGTERM: 143,
  SIGBREAK: 149,
} as const satisfies Partial<Record<Deno.Signal, number>>;

/** A signal that ends the program. */
export type EndingSignal = keyof typeof STATUS;

/** Windows has no SIGTERM; closing the console window is its SIGHUP. */
const SIGNALS: readonly EndingSignal[] = Deno.build.os === "windows"
  ? ["SIGINT", "SIGBREAK", "SIGHUP"]
  : ["SIGINT", "SIGTERM", "SIGHUP"];

/** The reason of the signal that {@linkcode interruptible} gives. */
class Interruption extends Error {
  override readonly name = "Interruption";
}

/**
 * Runs work that an interruption cancels. Work that has come to its end by then counts as done.
 *
 * @param run Does the work; what it rejects with after an interruption does not matter.
 * @param state In which state the files are after an interruption; none if nothing changes files.
 * @param tell Tells of the interruption, with that state; by default a person on standard error.
 * @returns The exit status.
 */
export async function interruptible(
  run: (signal: AbortSignal) => Promise<number>,
  state: () => string | undefined = () => undefined,
  tell: (state: string | undefined) => void = tellPerson,
): Promise<number> {
  const controller = new AbortController();
  let first: EndingSignal | undefined;
  const outlives = await isUnderNohup();
  const removals = SIGNALS.map((signal) =>
    listen(signal, () => {
      if (signal === "SIGHUP" && outlives) return;
      first ??= signal;
      controller.abort(new Interruption("interrupted"));
    })
  );
  // A file that may grow no further (`ulimit -f`) is to be an error, not a sudden end: until the program ends,
  // for Deno then writes caches of its own.
  if (Deno.build.os !== "windows") listen("SIGXFSZ", () => {});
  try {
    return await run(controller.signal);
  } catch (error) {
    if (first === undefined) throw error;
    try {
      tell(state());
    } catch {
      // The terminal has been closed: nobody is there to read it.
    }
    return STATUS[first];
  } finally {
    for (const remove of removals) remove();
  }
}

/** Waits, as long as it takes, for Ctrl-C or whoever else ends the program; gives the signal. */
export function nextInterruption(): Promise<EndingSignal> {
  return new Promise((resolve) => {
    // Listening alone does not keep a program alive.
    const alive = setInterval(() => {}, 2 ** 30);
    const removals = SIGNALS.map((signal) =>
      listen(signal, () => {
        for (const remove of removals) remove();
        clearInterval(alive);
        resolve(signal);
      })
    );
  });
}

/** Gives the function that ends the listening. */
function listen(signal: Deno.Signal, listener: () => void): () => void {
  try {
    Deno.addSignalListener(signal, listener);
    return () => Deno.removeSignalListener(signal, listener);
  } catch (error) {
    // On Windows, versions of Deno before 2.7 hear of SIGINT and SIGBREAK alone.
    if (error instanceof TypeError) return () => {};
    throw error;
  }
}

function tellPerson(state: string | undefined): void {
  console.error(`virtdisk: interrupted${state === undefined ? "" : `: ${state}`}`);
}

/**
 * Whether the program was started by `nohup`, to outlive its terminal. That SIGHUP is ignored then helps
 * nothing, for Deno catches it all the same. But how nohup arranges the standard streams can be seen: input
 * from /dev/null, and output and errors into one file (POSIX.1-2017, nohup).
 */
async function isUnderNohup(): Promise<boolean> {
  if (Deno.build.os === "windows") return false;
  const { fstatSync } = await import("node:fs");
  try {
    const [input, output, errors] = [fstatSync(0), fstatSync(1), fstatSync(2)];
    return input.isCharacterDevice() && !Deno.stdin.isTerminal() && output.isFile() &&
      output.dev === errors.dev && output.ino === errors.ino;
  } catch {
    // A stream that is closed, which is not how nohup leaves them.
    return false;
  }
}
