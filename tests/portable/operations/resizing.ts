/** Disks that tests give another size. */
import { assertRejects } from "@std/assert";
import { openVirtualDisk, type PortableVirtualDisk, VirtualDiskError } from "@virtdisk/virtdisk";
import { MemoryDisk } from "../partitions/partition_builder.ts";

export const MIB = 2 ** 20;

/** Opens for writing. */
export function writer(path: string, options = {}): Promise<PortableVirtualDisk> {
  return openVirtualDisk(path, { backend: "portable", readOnly: false, ...options });
}

/** What a call fails with, and as what. */
export async function symbolOf(run: () => Promise<unknown>): Promise<[string, string]> {
  const { symbol, operation } = await assertRejects(run, VirtualDiskError);
  return [symbol, operation];
}

/** Puts a GPT with one partition up to 4 MiB onto a disk of 8 MiB. */
export function partition(disk: PortableVirtualDisk): void {
  const table = new MemoryDisk(8 * MIB / 512);
  table.gpt([2048, 8191]);
  disk.writeSync(table.bytes, 0);
}
