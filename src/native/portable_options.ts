/**
 * Options that only the portable backend has.
 *
 * @module
 */
import { virtualDiskError } from "../errors/error.ts";

/**
 * Refuses options of the portable backend that are set: what Windows cannot leave undone, or do besides, must
 * not look as if it had.
 *
 * @throws {VirtualDiskError} `ERROR_NOT_SUPPORTED`, with the option's name.
 */
export function refusePortable(
  operation: string,
  path: string,
  options: Readonly<Record<string, unknown>>,
): void {
  const name = Object.keys(options).find((key) => (options[key] ?? false) !== false);
  if (name === undefined) return;
  throw virtualDiskError("ERROR_NOT_SUPPORTED", operation, {
    path,
    reason: `${name} is an option of the portable backend`,
    causes: ['Open the disk with { backend: "portable" }.'],
  });
}
