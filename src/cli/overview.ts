/**
 * The list of commands, and what they have in common.
 *
 * @module
 */
import type { Commands } from "./declaration.ts";
import { wrapped } from "./terminal.ts";

/** How sizes are written. */
export const SIZES =
  "Sizes are bytes, or numbers with K, M, G or T: 4096, 64KiB, 1.5T. All units are powers of 1024, as in " +
  "Windows and qemu-img: 10G, 10GB and 10GiB are the same 10737418240 bytes.";
/** What programs get. */
export const JSON_OUTPUT =
  "With --json a command prints an object for each file, failures too: json_schema.json describes them.";
/** What all exit statuses mean. */
export const STATUSES =
  "Exit status: 0; 1 for a finding or a difference (check, compare, changes, diagnose); 2 if the command " +
  "failed, as with a file that is not there, or the command line is wrong; 130 after Ctrl-C, 143 after " +
  "SIGTERM, 129 after the terminal was closed.";

/** The list of commands. */
export function overview(commands: Commands): string {
  const names = [...commands].map(([name, { summary }]) => `  ${name.padEnd(12)}${summary}`);
  return [
    "Usage: virtdisk COMMAND [OPTION...] FILE...",
    "       virtdisk COMMAND --help",
    "       virtdisk --version",
    "",
    "Commands:",
    ...names,
    "",
    wrapped(SIZES),
    "",
    wrapped(JSON_OUTPUT),
    "",
    wrapped(STATUSES),
  ].join("\n");
}
