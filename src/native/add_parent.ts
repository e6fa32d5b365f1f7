/** The call of AddVirtualDiskParent. */
import { toHostPath } from "../disk/arguments.ts";
import { assertSuccess, type CalledDisk } from "./called_disk.ts";
import { fullPath } from "./full_path.ts";
import { wideString } from "./wide_string.ts";

const OPERATION = "AddVirtualDiskParent";

/**
 * Adds the next parent of a chain that is made by hand.
 *
 * @throws {VirtualDiskError} With the code that the call returns.
 */
export function addParent(disk: CalledDisk, parent: string | URL): void {
  const { virtdisk, kernel32 } = disk.libraries;
  const path = fullPath(kernel32, toHostPath(parent), OPERATION);
  assertSuccess(virtdisk.AddVirtualDiskParent(disk.handle, wideString(path)), OPERATION, disk.path);
}
