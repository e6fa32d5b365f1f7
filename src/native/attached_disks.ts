/** The virtual disks that are attached to this machine, and the images behind them. */
import { isErrorOf, VirtualDiskError } from "../errors/error.ts";
import type { AttachedVirtualDisk, StorageDependency } from "../disk/storage_dependency.ts";
import type { CalledDisk } from "./called_disk.ts";
import { queryDependencies } from "./dependency_query.ts";
import { readInformation } from "./information_classes.ts";
import type { Libraries } from "./library.ts";
import { openToAsk } from "./open.ts";
import { attachedImagePaths, physicalPath } from "./physical_path.ts";
import { mountPointsOfDisk } from "./volumes.ts";

/** The most files of a chain that are looked at. */
const LONGEST_CHAIN = 256;

/**
 * Lists the attached disks. One about which not everything can be said comes with the error, and hides no other.
 *
 * @throws {VirtualDiskError} With the code that GetAllAttachedVirtualDiskPhysicalPaths returns.
 */
export function listAttachedDisks(libraries: Libraries): AttachedVirtualDisk[] {
  return attachedImagePaths(libraries.virtdisk).map((imagePath) =>
    attachedDisk(libraries, imagePath)
  );
}

function attachedDisk(libraries: Libraries, imagePath: string): AttachedVirtualDisk {
  const found: AttachedVirtualDisk = { imagePath, parents: [], mountPoints: [] };
  try {
    const { path, handle } = openToAsk(libraries, imagePath);
    using _handle = handle;
    const disk = { libraries, handle: handle.value, path };
    found.physicalPath = physicalPath(disk);
    found.mountPoints = mountPointsOfDisk(libraries.kernel32, found.physicalPath);
    addParents(disk, found.parents);
  } catch (error) {
    if (!(error instanceof VirtualDiskError)) throw error;
    found.error = error;
  }
  return found;
}

/** Adds the parents of an image, nearest first. */
function addParents(image: CalledDisk, parents: string[]): void {
  const seen = new Set([image.path.toLowerCase()]);
  using stack = new DisposableStack();
  let child = image;
  while (parents.length < LONGEST_CHAIN) {
    const candidates = parentCandidates(child);
    if (candidates.length === 0) return;
    const parent = openFirst(child.libraries, candidates);
    stack.use(parent.handle);
    // A chain that ends in itself is one that Windows would not have attached: files were exchanged.
    if (seen.has(parent.path.toLowerCase())) return;
    seen.add(parent.path.toLowerCase());
    parents.push(parent.path);
    child = { libraries: child.libraries, handle: parent.handle.value, path: parent.path };
  }
}

/** Where the parent may be; nowhere if the image has none. */
function parentCandidates(disk: CalledDisk): string[] {
  try {
    return readInformation(disk, "parentLocation").paths;
  } catch (error) {
    if (isErrorOf(error, ...NO_PARENT)) return [];
    throw error;
  }
}

const NO_PARENT = [
  "ERROR_VHD_INVALID_TYPE",
  "ERROR_NOT_SUPPORTED",
  "ERROR_INVALID_PARAMETER",
] as const;

function openFirst(libraries: Libraries, candidates: readonly string[]) {
  let first: unknown;
  for (const candidate of candidates) {
    try {
      return openToAsk(libraries, candidate);
    } catch (error) {
      first ??= error;
    }
  }
  throw first;
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
