/**
 * Another parent for an image of a chain.
 *
 * @module
 */
import { NIL_GUID } from "../../bytes/guid.ts";
import type { CheckedInformation } from "../../disk/information.ts";
import { dirname } from "../../text/paths.ts";
import type { ImageChain, NewParent } from "../chain/chain.ts";
import type { DiskImage } from "../image/image.ts";
import { ImageError } from "../file/image_error.ts";
import { parentSpec } from "../chain/parent_paths.ts";

/** A drive, a share, or the root of this system. */
const ABSOLUTE_PATH = /^(?:[a-z]:|[\\/])/i;

/** A parent's path, and whose. */
export type NewParentPath = CheckedInformation["parentPathWithDepth"] & {
  /** Whether the disk reads the same through it. Default: only where it has the identifier expected. */
  readonly isSameDisk?: boolean;
};

/**
 * Looks at a parent, stores its identifier and the way to it in the image of a depth, and reads through it
 * thereafter; for a dry run it only finds out whether it could.
 *
 * @param beforeDiskChange May refuse a parent through which the image does not read as before.
 * @throws {ImageError} `ERROR_VHD_INVALID_TYPE` where the image is not a differencing one,
 * `ERROR_INVALID_PARAMETER` where the chain has no image of that depth or the parent is of another format,
 * `ERROR_ACCESS_DENIED` where it was not opened for writing; and as OpenVirtualDisk fails for a file or a
 * parent. Nothing has been written then.
 */
export function rebaseChain(
  chain: ImageChain,
  { childDepth, path, ignoreMismatch, isSameDisk = false, dryRun }: NewParentPath,
  beforeDiskChange: NewParent["beforeDiskChange"],
): void {
  const child = chain.images[childDepth - 1];
  if (child === undefined) {
    throw new ImageError("ERROR_INVALID_PARAMETER", {
      path: chain.image.source.path,
      reason: `childDepth ${childDepth}: ${chain.images.length} files of the chain are open`,
    });
  }
  assertDifferencing(child);
  assertPaths(chain.images);
  const childPath = child.source.path;
  if (!dryRun && childDepth > chain.writableDepth) {
    throw new ImageError("ERROR_ACCESS_DENIED", {
      path: childPath,
      reason: "this file of the chain was opened for reading",
      ...(childDepth === 1
        ? { about: ["readOnly"] }
        : { causes: [`Open the chain with { access: ["all"], rwDepth: ${childDepth} }.`] }),
    });
  }
  chain.rebase(childDepth, {
    path,
    ignoreMismatch,
    isSameDisk,
    dryRun,
    beforeDiskChange,
    specOf: (parent) => parentSpec(childPath, dirname(childPath), parent),
  });
}

/**
 * Stores an identifier and a path in the chain's child as they are.
 *
 * @throws {ImageError} `ERROR_VHD_INVALID_TYPE` where it is not a differencing image, `ERROR_INVALID_PARAMETER`
 * for the all-zero identifier, `ERROR_INVALID_NAME` for a path that no image can hold.
 */
export function rebaseByLocator(
  chain: ImageChain,
  { linkageId, path }: CheckedInformation["parentLocator"],
  beforeDiskChange: NewParent["beforeDiskChange"],
): void {
  assertDifferencing(chain.image);
  const childPath = chain.image.source.path;
  if (linkageId === NIL_GUID) {
    const reason = "the all-zero GUID cannot identify a parent";
    throw new ImageError("ERROR_INVALID_PARAMETER", { path: childPath, reason });
  }
  if (!path.isWellFormed()) {
    const reason = `${JSON.stringify(path)} is not Unicode text`;
    throw new ImageError("ERROR_INVALID_NAME", { path: childPath, reason });
  }
  if (!chain.image.parent?.identifiers.includes(linkageId)) beforeDiskChange(chain.image);
  const isAbsolute = ABSOLUTE_PATH.test(path);
  chain.rebaseTo(1, {
    identifier: linkageId,
    absolutePath: isAbsolute ? path : undefined,
    relativePath: isAbsolute ? undefined : path,
  });
}

/**
 * Refuses what closes files and opens them again, or stores the way from one to another.
 *
 * @throws {ImageError} `ERROR_NOT_SUPPORTED` for a chain with an image that has no path.
 */
export function assertPaths(images: readonly DiskImage[]): void {
  const pathless = images.find(({ source }) => source.origin !== undefined);
  if (pathless === undefined) return;
  throw new ImageError("ERROR_NOT_SUPPORTED", {
    path: pathless.source.path,
    reason: "this needs the path of every image of the chain, and one of them has none",
    causes: ["Save the images to files, and open these."],
  });
}

function assertDifferencing({ parent, source, subtype }: DiskImage): void {
  if (parent !== undefined) return;
  throw new ImageError("ERROR_VHD_INVALID_TYPE", {
    path: source.path,
    reason: `a ${subtype} disk does not have a parent`,
    causes: [
      "Only a differencing disk has one: createVirtualDisk(path, { parent }) makes such a disk.",
    ],
  });
}
