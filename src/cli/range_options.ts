/**
 * The options of `read` and `write` that say which bytes of the disk.
 *
 * @module
 */
import { bytesText } from "../text/digits.ts";
import { size } from "./arguments.ts";
import { CommandFailure } from "./failure.ts";

/** As `parseArgs` takes them. */
export const RANGE_OPTIONS = {
  offset: { type: "string" },
  length: { type: "string" },
} as const;

/**
 * What they say, in bytes.
 *
 * @throws {UsageError} If a size is none.
 */
export function rangeOptions(
  { offset, length }: { offset?: string | undefined; length?: string | undefined },
): { offset: number; length: number | undefined } {
  return {
    offset: offset === undefined ? 0 : size("--offset", offset),
    length: length === undefined ? undefined : size("--length", length),
  };
}

/**
 * Refuses a range that begins behind the end of the disk: it holds nothing, and hardly is what was meant.
 *
 * @throws {CommandFailure} If it does.
 */
export function assertBeginsIn(disk: { readonly virtualSize: number }, offset: number): void {
  if (offset <= disk.virtualSize) return;
  throw new CommandFailure(
    `--offset must be within the disk, which has ${bytesText(disk.virtualSize)}, not ${offset}`,
  );
}
