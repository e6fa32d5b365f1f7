/** Chains of images in real files, each with something of its own. */
import { assertThrows } from "@std/assert";
import { join } from "@std/path";
import { type PortableVirtualDisk, VirtualDiskError } from "@virtdisk/virtdisk";
import { pattern } from "../../support.ts";
import { createChain } from "../../images.ts";

const MIB = 1 << 20;

/** Makes a chain in a folder, the child first; each disk writes a MiB of its own. */
export async function chain(folder: string, format: string, depth: number): Promise<string[]> {
  Deno.mkdirSync(folder, { recursive: true });
  const paths = Array.from({ length: depth }, (_, i) => join(folder, `${i}.${format}`));
  await createChain(
    paths,
    { size: 8 * MIB },
    (disk, i) => disk.writeSync(pattern(MIB, i), i * MIB),
  );
  return paths.reverse();
}

/** The symbol of the error that something done with a disk fails with. */
export function failure(
  disk: PortableVirtualDisk,
  run: (disk: PortableVirtualDisk) => void,
): string {
  return assertThrows(() => run(disk), VirtualDiskError).symbol;
}
