/**
 * What a person is told when a command fails.
 *
 * @module
 */
import { VirtualDiskError } from "../../mod.ts";
import { formatCode } from "../error_codes.ts";
import { quoted } from "../quoted.ts";
import { forShell, withFlags } from "./in_options.ts";
import { OutputError } from "./standard_output.ts";

/** The exit status where a command failed, or could not be understood. */
export const FAILED_STATUS = 2;
/** The exit status where what was asked for was done, and shows a fault or a difference. */
export const FINDING_STATUS = 1;

/** A volume, or a file, that takes no more: what is there by then is sound. */
const FULL: readonly string[] = ["ERROR_DISK_FULL", "ERROR_FILE_SYSTEM_LIMITATION"];

/**
 * Tells of the failure; gives the exit status. A reader who has seen enough, as `head` does, needs to be
 * told nothing.
 *
 * @param subject The file that it was about.
 * @param whenFull In which state it is if it could not grow any more.
 * @throws `error` itself where nobody but this program can be at fault.
 */
export function fail(subject: string, error: unknown, whenFull?: string): number {
  if (error instanceof Deno.errors.BrokenPipe) return FAILED_STATUS;
  const isFull = error instanceof VirtualDiskError && FULL.includes(error.symbol);
  const state = isFull && whenFull !== undefined ? `\n  ${whenFull}` : "";
  console.error(failureText(subject, error) + state);
  return FAILED_STATUS;
}

/**
 * The failure in words.
 *
 * @param subject The file that it was about.
 * @throws `error` itself where nobody but this program can be at fault.
 */
function failureText(subject: string, error: unknown): string {
  if (error instanceof VirtualDiskError) {
    const { path = subject, reason, symbol, code, causes } = error;
    // Codes without a name are their own symbol.
    const name = symbol.startsWith("0x") ? symbol : `${symbol}, ${formatCode(code)}`;
    const advice = forShell(causes).join("\n  or: ");
    const text = `virtdisk: ${quoted(path)}: ${withFlags(reason)} (${name})`;
    return advice === "" ? text : `${text}. ${advice}`;
  }
  if (error instanceof OutputError) return `virtdisk: ${error.message}`;
  // An errno: of standard input, for those of images are VirtualDiskErrors.
  const isSystems = error instanceof Error && "code" in error && typeof error.code === "string";
  const isRefusal = error instanceof Deno.errors.NotCapable || error instanceof TypeError ||
    error instanceof RangeError;
  if (isSystems || isRefusal) {
    return `virtdisk: ${quoted(subject)}: ${withFlags(error.message)}`;
  }
  throw error;
}
