/**
 * What a terminal may get of texts that come from images and of names of files: a control character among them
 * could move, clear or type there, and one for the direction of writing shows a name as another.
 *
 * @module
 */

// deno-lint-ignore-file no-control-regex -- control characters are what it looks for

/** What colours and ends lines is this program's own, and at worst makes something look odd. */
const HARMLESS = /^(?:\x1b\[[\d;]*m|[\n\t])$/;
const CONTROL = /\x1b\[[\d;]*m|[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** The text with each such character as `\u001b`, but for those that colour and end lines. */
export function printable(text: string): string {
  return text.replaceAll(
    CONTROL,
    (found) =>
      HARMLESS.test(found) ? found : `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
