/**
 * Standard output, where a reader that has seen enough, as `head` has, ends the work: `console.log` would
 * go on printing to nobody.
 *
 * @module
 */

import { UsageError } from "./usage_error.ts";

const encoder = new TextEncoder();

/** How many bytes have gone out. */
let written = 0;

/** Standard output that takes no more: a full volume, for example. */
export class OutputError extends Error {
  override readonly name = "OutputError";

  constructor(cause: Error, state = "") {
    super(`standard output: ${cause.message}, after ${written} bytes${state}`, { cause });
  }
}

/**
 * Makes sure that bytes do not go to a terminal, which would take some of them for commands.
 *
 * @param command The name of the one that writes them, for the error.
 * @throws {UsageError} If standard output is a terminal.
 */
export function assertNoTerminal(command: string): void {
  if (!Deno.stdout.isTerminal()) return;
  const look = Deno.build.os === "windows" ? "" : "`| xxd` to look at them, or ";
  throw new UsageError(
    `${command}: standard output is a terminal, which these bytes would garble`,
    `Add ${look}\`> FILE\` to keep them.`,
  );
}

/**
 * Writes all of `bytes`.
 *
 * @throws {Deno.errors.BrokenPipe} When nobody reads any more.
 * @throws {OutputError} When they cannot be written.
 */
export function writeOut(bytes: Uint8Array): void {
  try {
    for (let done = 0; done < bytes.length;) {
      const count = Deno.stdout.writeSync(bytes.subarray(done));
      done += count;
      written += count;
    }
  } catch (error) {
    throw outputError(error);
  }
}

/**
 * Prints a line, or several.
 *
 * @throws As {@linkcode writeOut}.
 */
export function printLine(text: string): void {
  writeOut(encoder.encode(`${text}\n`));
}

/**
 * Prints what has become of files that were changed.
 *
 * @throws As {@linkcode writeOut}; the error says that they have been changed all the same.
 */
export function printResult(text: string): void {
  try {
    printLine(text);
  } catch (error) {
    if (!(error instanceof OutputError)) throw error;
    throw new OutputError(error.cause as Error, "; what was asked for has been done");
  }
}

/**
 * Takes bytes to standard output, without keeping the program from hearing of signals meanwhile.
 *
 * @param signal Ends a write for which nobody makes room. The program must end by `Deno.exit()` then.
 * @throws As {@linkcode writeOut}, when they are written.
 */
export function outputStream(signal: AbortSignal): WritableStream<Uint8Array> {
  return new WritableStream({
    async write(bytes) {
      try {
        for (let done = 0; done < bytes.length;) {
          const count = await unlessAborted(Deno.stdout.write(bytes.subarray(done)), signal);
          done += count;
          written += count;
        }
      } catch (error) {
        throw signal.aborted ? error : outputError(error);
      }
    },
  });
}

/** What the promise gives, if the signal is not aborted before. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: outcome, resolve, reject } = Promise.withResolvers<T>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort);
  promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  return outcome;
}

function outputError(error: unknown): unknown {
  const isOurs = error instanceof Error && !(error instanceof Deno.errors.BrokenPipe);
  return isOurs ? new OutputError(error) : error;
}
