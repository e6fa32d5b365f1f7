/**
 * What a person is told when a command fails.
 *
 * @module
 */
import { VirtualDiskError } from "../../mod.ts";
import { UsageError } from "./usage_error.ts";

/**
 * Tells of the failure; gives the exit status. A reader who has seen enough, as `head` does, needs to be
 * told nothing.
 *
 * @param subject The file that it was about.
 * @throws `error` itself where nobody but this program can be at fault.
 */
export function fail(subject: string, error: unknown): number {
  if (!(error instanceof Deno.errors.BrokenPipe)) console.error(failureText(subject, error));
  return 1;
}

/**
 * The failure in words.
 *
 * @param subject The file that it was about.
 * @throws `error` itself where nobody but this program can be at fault.
 */
function failureText(subject: string, error: unknown): string {
  if (error instanceof VirtualDiskError) {
    // The first cause stands in the message already.
    const more = error.causes.slice(1).map((cause) => `\n  or: ${cause}`).join("");
    return `virtdisk: ${error.message}${more}`;
  }
  const isRefusal = error instanceof Deno.errors.NotCapable || error instanceof TypeError ||
    error instanceof RangeError;
  if (isRefusal && !(error instanceof UsageError)) {
    return `virtdisk: ${JSON.stringify(subject)}: ${error.message}`;
  }
  throw error;
}
