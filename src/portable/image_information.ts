/**
 * GetVirtualDiskInformation as the portable backend answers it: from the image's own structures.
 *
 * @module
 */
import { NIL_GUID } from "../bytes/guid.ts";
import { VIRTUAL_STORAGE_TYPE_VENDOR_MICROSOFT } from "../constants.ts";
import {
  INFORMATION_KINDS,
  type InformationKind,
  type VirtualDiskInformation,
} from "../disk/information.ts";
import type { ImageChain } from "./chain.ts";
import type { DiskImage, ParentLink } from "./image.ts";
import { ImageError } from "./image_error.ts";
import { candidateName } from "./parent_paths.ts";
import { smallestSafeSize } from "./smallest_safe_size.ts";

/** One class of information of the chain's child. */
export function imageInformation<K extends InformationKind>(
  chain: ImageChain,
  kind: K,
): VirtualDiskInformation[K] {
  return ANSWERS[kind](chain);
}

/** The classes that {@linkcode imageInformation} answers for an image. */
export function applicableKinds(image: DiskImage): InformationKind[] {
  return INFORMATION_KINDS.filter((kind) => APPLIES[kind]?.(image) ?? true);
}

/** What a class needs of an image; a class that is not here needs nothing. */
const APPLIES: { readonly [K in InformationKind]?: (image: DiskImage) => boolean } = {
  identifier: ({ identifier }) => identifier !== undefined,
  parentLocation: ({ parent }) => parent !== undefined,
  parentIdentifier: ({ parent }) => parent?.identifiers[0] !== undefined,
  parentTimestamp: ({ parent }) => parent?.timestamp !== undefined,
  physicalDisk: () => false,
  smallestSafeVirtualSize: ({ format }) => format !== "iso",
  fragmentationPercentage: () => false,
  virtualDiskId: ({ virtualDiskId }) => virtualDiskId !== undefined,
  changeTrackingState: () => false,
};

type Answers = {
  readonly [K in InformationKind]: (chain: ImageChain) => VirtualDiskInformation[K];
};

const ANSWERS: Answers = {
  size: ({ image }) => ({
    virtualSize: image.virtualSize,
    physicalSize: image.source.size,
    blockSize: image.blockSize,
    sectorSize: image.logicalSectorSize,
  }),
  identifier: ({ image }) => image.identifier ?? doesNotApply(image, "an identifier"),
  parentLocation: (chain) => {
    parentLink(chain.image);
    const [, parent] = chain.images;
    return parent === undefined
      ? { resolved: false, paths: chain.candidates.map(candidateName) }
      : { resolved: true, paths: [parent.source.path] };
  },
  parentIdentifier: ({ image }) =>
    parentLink(image).identifiers[0] ?? doesNotApply(image, "a parent"),
  parentTimestamp: ({ image }) =>
    parentLink(image).timestamp ?? doesNotApply(image, "a time stamp of its parent"),
  storageType: ({ image: { format } }) =>
    format === "raw"
      ? { device: "unknown", vendor: NIL_GUID }
      : { device: format, vendor: VIRTUAL_STORAGE_TYPE_VENDOR_MICROSOFT },
  providerSubtype: ({ image }) => image.subtype,
  is4kAligned: ({ image }) => image.is4kAligned(),
  // This backend attaches nothing, so nothing it has open is loaded by it.
  isLoaded: () => false,
  physicalDisk: ({ image }) => unknown(image, "the disk that the file lies on"),
  vhdPhysicalSectorSize: ({ image }) => image.physicalSectorSize,
  smallestSafeVirtualSize: ({ image, images }) =>
    image.format === "iso" ? doesNotApply(image, "partitions") : smallestSafeSize(images),
  fragmentationPercentage: ({ image }) => unknown(image, "the fragmentation"),
  virtualDiskId: ({ image }) => image.virtualDiskId ?? doesNotApply(image, "a virtual disk id"),
  changeTrackingState: ({ image }) => unknown(image, "the state of change tracking"),
};

function parentLink(image: DiskImage): ParentLink {
  return image.parent ?? doesNotApply(image, "a parent");
}

function doesNotApply(image: DiskImage, what: string): never {
  throw new ImageError("ERROR_VHD_INVALID_TYPE", {
    path: image.source.path,
    reason: `this ${image.format.toUpperCase()} image does not have ${what}`,
  });
}

function unknown(image: DiskImage, what: string): never {
  throw new ImageError("ERROR_NOT_SUPPORTED", {
    path: image.source.path,
    reason: `the portable backend does not know ${what}`,
  });
}
