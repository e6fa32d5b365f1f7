/** The virtual disks that are attached to this machine, and the images behind them. */
import { VirtualDiskError } from "../errors.ts";
import type { AttachedVirtualDisk, StorageDependency } from "../storage_dependency.ts";
import { queryDependencies } from "./dependency_query.ts";
import type { Libraries } from "./library.ts";
import { allPhysicalPaths } from "./physical_path.ts";

/**
 * Lists the attached disks.
 *
 * @throws {VirtualDiskError} With the code that GetAllAttachedVirtualDiskPhysicalPaths returns.
 */
export function listAttachedDisks(libraries: Libraries): AttachedVirtualDisk[] {
  return allPhysicalPaths(libraries.virtdisk).map((physicalPath) => ({
    physicalPath,
    imagePaths: imagePaths(libraries, physicalPath),
  }));
}

/** None where Windows does not tell: the disk may be gone by now, or belong to somebody else. */
function imagePaths(libraries: Libraries, physicalPath: string): string[] {
  try {
    return diskDependencies(libraries, physicalPath).map(({ imagePath }) => imagePath);
  } catch (error) {
    if (error instanceof VirtualDiskError) return [];
    throw error;
  }
}

/**
 * The images that an attached disk itself rests on, nearest first: not those that the volume of its image
 * rests on, should that be a virtual disk too.
 */
export function diskDependencies(libraries: Libraries, physicalPath: string): StorageDependency[] {
  const hosts = queryDependencies(libraries, { disk: physicalPath }, "hosts")
    .sort((a, b) => a.ancestorLevel - b.ancestorLevel);
  const own = hosts.filter(({ deviceName }) =>
    deviceName.toLowerCase() === physicalPath.toLowerCase()
  );
  // No page says that the device of an entry is written as the device was asked for.
  return own.length > 0 ? own : hosts;
}
