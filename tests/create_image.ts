/** Images for tests, made by the portable backend on every system. */
import {
  type CreateOptions,
  createVirtualDisk,
  type PortableVirtualDisk,
} from "@virtdisk/virtdisk";

/** Creates an image. */
export function createImage(
  path: string | URL,
  options: CreateOptions,
): Promise<PortableVirtualDisk> {
  return createVirtualDisk(path, { ...options, backend: "portable" });
}
