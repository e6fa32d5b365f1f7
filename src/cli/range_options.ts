/**
 * The options of `read` and `write` that say which bytes of the disk.
 *
 * @module
 */
import { parseSize } from "./parse_size.ts";

/** As `parseArgs` takes them. */
export const RANGE_OPTIONS = {
  offset: { type: "string" },
  length: { type: "string" },
} as const;

/**
 * What they say, in bytes.
 *
 * @throws {UsageError} Where a size is none.
 */
export function rangeOptions(
  { offset, length }: { offset?: string | undefined; length?: string | undefined },
): { offset: number; length: number | undefined } {
  return {
    offset: offset === undefined ? 0 : parseSize(offset, "--offset"),
    length: length === undefined ? undefined : parseSize(length, "--length"),
  };
}
