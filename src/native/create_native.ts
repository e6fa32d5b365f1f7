/** Creates images by VirtDisk.dll. */
import type { OperationOptions } from "../disk/progress.ts";
import { createImage } from "./create.ts";
import type { NativeCreateRequest } from "./create_request.ts";
import { type Libraries, systemLibraries } from "./library.ts";
import { NativeVirtualDisk } from "./native_disk.ts";

/**
 * Creates an image by CreateVirtualDisk.
 *
 * @throws {VirtualDiskError} As `openNative`, with the code that CreateVirtualDisk ends with.
 * @throws The signal's reason, where it ended the call.
 */
export async function createNative(
  request: NativeCreateRequest,
  options: OperationOptions,
  libraries?: Libraries,
): Promise<NativeVirtualDisk> {
  const loaded = libraries ?? systemLibraries();
  return new NativeVirtualDisk(loaded, await createImage(loaded, request, options));
}
