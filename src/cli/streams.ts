/**
 * Standard input and output. A reader of the output that has seen enough, as `head` has, ends the work:
 * `console.log` would go on printing to nobody.
 *
 * @module
 */
import { OutputError, UsageError } from "./failure.ts";

const encoder = new TextEncoder();

/** How many bytes have gone out. */
let written = 0;

/**
 * Standard input, if it is something else than a terminal, which would be waited for without a word.
 *
 * @param command The name of the one that reads it, for the error.
 * @throws {UsageError} If it is a terminal.
 */
export function standardInput(command: string): ReadableStream<Uint8Array<ArrayBuffer>> {
  if (!Deno.stdin.isTerminal()) return Deno.stdin.readable;
  const isWindows = Deno.build.os === "windows";
  throw new UsageError(
    `${command}: standard input is a terminal, so the bytes would have to be typed`,
    isWindows
      ? "Begin with `PROGRAM |`; or in cmd.exe, unlike PowerShell, add `< FILE`."
      : "Add `< FILE`, or begin with `PROGRAM |`.",
  );
}

/** Collects all of the input if it is at most `limit` bytes; gives `undefined` if it is more. */
export async function readAll(
  input: ReadableStream<Uint8Array>,
  limit: number,
): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of input) {
    length += chunk.length;
    if (length > limit) return undefined;
    chunks.push(chunk);
  }
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes;
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
    throw new OutputError(error.cause, error.written, "; what was asked for has been done");
  }
}

/** So many bytes go out at once, at most. */
const PIECE = 2 ** 20;

/**
 * Takes a byte stream to standard output, without keeping the program from hearing of signals meanwhile. Two pieces of
 * memory take turns: while one is written, the other is filled.
 *
 * @param signal Ends a write for which nobody makes room. The program must end by `Deno.exit()` then.
 * @param onPiece Is told how many bytes each piece has, before it is written.
 * @throws As {@linkcode writeOut}, or what reading fails with.
 */
export async function pipeOut(
  readable: ReadableStream<Uint8Array<ArrayBuffer>>,
  signal: AbortSignal,
  onPiece: (length: number) => void = () => {},
): Promise<void> {
  const reader = readable.getReader({ mode: "byob" });
  try {
    let spare = new Uint8Array(PIECE);
    for (let next = reader.read(new Uint8Array(PIECE));;) {
      const { done, value } = await next;
      if (done) return;
      onPiece(value.length);
      next = reader.read(spare);
      // Of a failure is told whoever waits for it, if the piece before it can be written.
      next.catch(() => {});
      await writeOutMeanwhile(value, signal);
      spare = new Uint8Array(value.buffer);
    }
  } catch (error) {
    await reader.cancel(error).catch(() => {});
    throw error;
  }
}

async function writeOutMeanwhile(bytes: Uint8Array, signal: AbortSignal): Promise<void> {
  try {
    for (let done = 0; done < bytes.length;) {
      const count = await unlessAborted(Deno.stdout.write(bytes.subarray(done)), signal);
      done += count;
      written += count;
    }
  } catch (error) {
    throw signal.aborted ? error : outputError(error);
  }
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
  return isOurs ? new OutputError(error, written) : error;
}
