/**
 * A command of a finding as it is typed where this program was started.
 *
 * @module
 */
import { fromFileUrl } from "@std/path";
import { shellWord } from "../text/shell.ts";

const NAME = "virtdisk";
const MAIN = new URL("./main.ts", import.meta.url);
/** A word that begins with a root or a drive, quoted or not, or a step up: files outside this folder. */
const OUTSIDE = /(?:^|[\s'"])(?:[/\\]|[A-Za-z]:[\\/]|~)|\.\.[/\\]/;

/**
 * The command with all that a shell needs to run it: `virtdisk` may be an alias that the reader has not got.
 * Its permissions are for this folder, unless it names files elsewhere.
 */
export function typedCommand(command: string): string {
  if (!command.startsWith(`${NAME} `) || Deno.build.standalone) return command;
  const rest = command.slice(NAME.length);
  const scope = OUTSIDE.test(rest) ? "" : "=.";
  const writes = /^ (?:check --repair|convert|rebase|resize)/.test(rest)
    ? ` --allow-write${scope}`
    : "";
  const module = MAIN.protocol === "file:" ? fromFileUrl(MAIN) : MAIN.href;
  return `deno run --allow-read${scope}${writes} ${shellWord(module)}${rest}`;
}
