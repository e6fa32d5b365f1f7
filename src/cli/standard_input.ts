/**
 * Bytes from standard input.
 *
 * @module
 */

import { UsageError } from "./usage_error.ts";

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
    `${command}: standard input is a terminal, and would have to be typed`,
    isWindows
      ? "Begin with `PROGRAM |`; or in cmd.exe, unlike PowerShell, add `< FILE`."
      : "Add `< FILE`, or begin with `PROGRAM |`.",
  );
}

/** Collects all of it if it is at most `limit` bytes; gives `undefined` if it is more. */
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
