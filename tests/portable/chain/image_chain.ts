/** Chains of images in real files, each with something of its own. */
import { assertThrows } from "@std/assert";
import { join } from "@std/path";
import {
  openVirtualDiskSync,
  type PortableVirtualDisk,
  VirtualDiskError,
} from "@virtdisk/virtdisk";
import { createImage } from "../../create_image.ts";
import { pattern } from "../../support.ts";

const MIB = 1 << 20;

/** Opens a disk here. */
export function open(path: string, options = {}): PortableVirtualDisk {
  return openVirtualDiskSync(path, { backend: "portable", ...options });
}

/** Makes a chain in a folder, the child first; each disk writes a MiB of its own. */
export async function chain(folder: string, format: string, depth: number): Promise<string[]> {
  Deno.mkdirSync(folder, { recursive: true });
  const paths: string[] = [];
  for (let i = 0; i < depth; i++) {
    const path = join(folder, `${i}.${format}`);
    const [parent] = paths;
    using disk = await createImage(path, parent === undefined ? { size: 8 * MIB } : { parent });
    disk.writeSync(pattern(MIB, i), i * MIB);
    paths.unshift(path);
  }
  return paths;
}

/** All of a disk of 8 MiB, to be compared. */
export function contents(disk: PortableVirtualDisk): string {
  const bytes = new Uint8Array(8 * MIB);
  disk.readSync(bytes, 0);
  return bytes.join();
}

/** The symbol of the error that something done with a disk fails with. */
export function failure(
  disk: PortableVirtualDisk,
  run: (disk: PortableVirtualDisk) => void,
): string {
  return assertThrows(() => run(disk), VirtualDiskError).symbol;
}
