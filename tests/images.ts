/** Images in files, on every system by the portable backend: opening them, what they hold, chains of them. */
import { createHash } from "node:crypto";
import {
  type CreateOptions,
  type OpenOptions,
  openVirtualDisk,
  openVirtualDiskSync,
  type PortableVirtualDisk,
} from "@virtdisk/virtdisk";
import { createImage } from "./create_image.ts";
import { IS_FULL } from "./sampling.ts";

const MIB = 2 ** 20;
/**
 * Bytes of a block, for tests that write many: in the sample the smallest that there may be, as what is written and
 * read of larger ones takes the time.
 */
export const BLOCK_SIZES = IS_FULL ? { vhd: 2 * MIB, vhdx: 2 * MIB } : { vhd: MIB / 2, vhdx: MIB };

/** Opens an image, for writing too unless that is not wanted. */
export function openImage(path: string, readOnly = false): Promise<PortableVirtualDisk> {
  return openVirtualDisk(path, { backend: "portable", readOnly });
}

/** Opens an image as scripts do, for reading by default. */
export function openImageSync(path: string, options: OpenOptions = {}): PortableVirtualDisk {
  return openVirtualDiskSync(path, { ...options, backend: "portable" });
}

/** All bytes of a disk. */
export function contentsOf(disk: PortableVirtualDisk): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(disk.getInformation("size").virtualSize);
  disk.readSync(bytes, 0);
  return bytes;
}

/** The SHA-256 of all bytes of a disk, in hexadecimal. */
export function contentsHash(disk: PortableVirtualDisk): string {
  return createHash("sha256").update(contentsOf(disk)).digest("hex");
}

/** As {@linkcode contentsHash}, of the image in a file. */
export async function hashOf(path: string): Promise<string> {
  using disk = await openImage(path, true);
  return contentsHash(disk);
}

/** As {@linkcode contentsHash}, of a disk that is read as a stream. */
export async function streamHash(disk: PortableVirtualDisk): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of disk.readable()) hash.update(chunk);
  return hash.digest("hex");
}

/**
 * Creates a chain of images, each a child of the one before it.
 *
 * @param first Options of the first. A block size is that of all.
 * @param fill Writes what each has of its own.
 */
export async function createChain(
  paths: readonly string[],
  first: CreateOptions,
  fill: (disk: PortableVirtualDisk, depth: number) => void = () => {},
): Promise<void> {
  const { blockSize } = first;
  for (const [depth, path] of paths.entries()) {
    const parent = paths[depth - 1];
    const child = {
      ...parent !== undefined && { parent },
      ...blockSize !== undefined && { blockSize },
    };
    using disk = await createImage(path, depth === 0 ? first : child);
    fill(disk, depth);
  }
}
