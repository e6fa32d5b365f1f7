/**
 * FAT12, FAT16 and FAT32: which clusters are free.
 *
 * @module
 */
import { readFatLayout } from "./boot_sector.ts";
import { verifyDirectories } from "./directories.ts";
import { assertTableClean, newClusterMap, readTable } from "./table.ts";
import { type FileSystemReader, type FreeRange, Refusal } from "../file_system.ts";
import { foreignSignature } from "../foreign_signature.ts";

/** The reader. */
export const readFat: FileSystemReader = (volume) => {
  const layout = readFatLayout(volume);
  if (layout === undefined) return undefined;
  const { name, clusterSize, size } = layout;
  // Of a volume that was made anew as something else, the boot sector of FAT may have been left.
  const foreign = foreignSignature(volume);
  if (foreign !== undefined) throw new Refusal(name, `it also looks like ${foreign}`);
  assertTableClean(volume, layout);

  function* freeRanges(): Generator<readonly FreeRange[]> {
    const map = newClusterMap(layout!);
    yield* readTable(volume, layout!, map);
    for (const _ of verifyDirectories(volume, layout!, map)) yield [];
  }
  return { name, blockSize: clusterSize, size, freeRanges };
};
