/**
 * The options of `read` and `write` that say which bytes of the disk.
 *
 * @module
 */
import { size } from "./arguments.ts";

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
