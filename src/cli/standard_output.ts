/**
 * Standard output, where a reader that has seen enough, as `head` has, ends the work: `console.log` would
 * go on printing to nobody.
 *
 * @module
 */

const encoder = new TextEncoder();

/**
 * Writes all of `bytes`.
 *
 * @throws {Deno.errors.BrokenPipe} Where nobody reads any more.
 */
export function writeOut(bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) done += Deno.stdout.writeSync(bytes.subarray(done));
}

/**
 * Prints a line, or several.
 *
 * @throws As {@linkcode writeOut}.
 */
export function printLine(text: string): void {
  writeOut(encoder.encode(`${text}\n`));
}
