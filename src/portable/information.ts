/**
 * GetVirtualDiskInformation as the portable backend answers it: from the image's own structures.
 *
 * @module
 */
import { NIL_GUID } from "../bytes/guid.ts";
import { VIRTUAL_STORAGE_TYPE_VENDOR_MICROSOFT } from "../constants.ts";
import {
  INFORMATION_KINDS,
  type InformationChange,
  type InformationKind,
  type VirtualDiskInformation,
} from "../disk/information.ts";
import type { MetadataStore } from "../disk/metadata.ts";
import type { ImageChain } from "./chain/chain.ts";
import { candidateName } from "./chain/parent_paths.ts";
import { ImageError, inOperation, openForReading } from "./file/image_error.ts";
import type { DiskImage, ParentLink, WritableImage } from "./image/image.ts";
import { rebaseByLocator, rebaseChain } from "./operations/rebase.ts";
import { smallestSafeSize } from "./partitions/partition_table.ts";

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

/**
 * Sets one class of information; a parent for a dry run is looked at only, which a reader may do.
 *
 * @param chain The image and its ancestors.
 * @param beforeDiskChange May refuse a change after which children no longer know the disk.
 * @throws {ImageError} `ERROR_VHD_INVALID_TYPE` where the image does not have it, `ERROR_NOT_SUPPORTED`
 * where this backend cannot set it, `ERROR_INVALID_PARAMETER` for a value that the format does not have;
 * and as `rebaseChain()`.
 */
export function changeImage(
  chain: ImageChain,
  { kind, value }: InformationChange,
  beforeDiskChange: (image: DiskImage) => void,
): void {
  if ((kind === "parentPath" || kind === "parentPathWithDepth") && value.dryRun) {
    return rebaseChain(chain, { childDepth: 1, ...value }, beforeDiskChange);
  }
  const image = chain.writable;
  if (image === undefined) throw openForReading(chain.image.source);
  switch (kind) {
    case "identifier":
      if (image.setUniqueId === undefined) {
        throw wrongType(image, "an identifier of its own choice");
      }
      beforeDiskChange(image);
      return image.setUniqueId(value);
    case "virtualDiskId":
      if (image.setVirtualDiskId === undefined) throw wrongType(image, "a virtual disk id to set");
      beforeDiskChange(image);
      return image.setVirtualDiskId(value);
    case "vhdPhysicalSectorSize":
      if (image.setPhysicalSectorSize === undefined) {
        throw wrongType(image, "a physical sector size to set");
      }
      if (value !== 512 && value !== 4096) {
        throw new ImageError("ERROR_INVALID_PARAMETER", {
          path: image.source.path,
          reason: `vhdPhysicalSectorSize must be 512 or 4096, not ${value}`,
        });
      }
      beforeDiskChange(image);
      return image.setPhysicalSectorSize(value);
    case "parentPath":
      return rebaseChain(chain, { childDepth: 1, ...value }, beforeDiskChange);
    case "parentPathWithDepth":
      return rebaseChain(chain, value, beforeDiskChange);
    case "parentLocator":
      return rebaseByLocator(chain, value, beforeDiskChange);
    case "changeTrackingEnabled":
      throw new ImageError("ERROR_NOT_SUPPORTED", {
        path: image.source.path,
        reason: `the portable backend does not set ${kind}`,
      });
  }
}

function wrongType(image: WritableImage, what: string): ImageError {
  return new ImageError("ERROR_VHD_INVALID_TYPE", {
    path: image.source.path,
    reason: `a ${image.format.toUpperCase()} image does not have ${what}`,
  });
}

/**
 * The items of an image, for one operation.
 *
 * @param beforeChange May refuse it.
 * @throws {VirtualDiskError} `ERROR_NOT_SUPPORTED` where the format has no metadata; changes give
 * `ERROR_ACCESS_DENIED` where the disk was opened for reading.
 */
export function imageMetadata(
  operation: string,
  image: DiskImage,
  writable: WritableImage | undefined,
  beforeChange: () => void,
): MetadataStore {
  const change = <T>(run: (items: NonNullable<WritableImage["metadata"]>) => T) =>
    inOperation(operation, () => {
      const items = writableItems(image, writable);
      beforeChange();
      return run(items);
    });
  return {
    keys: () => inOperation(operation, () => itemsOf(image).keys()),
    get: (id) => inOperation(operation, () => itemsOf(image).get(id)),
    set: (id, value) => change((items) => items.set(id, value)),
    delete: (id) => change((items) => items.delete(id)),
  };
}

function itemsOf(image: DiskImage): NonNullable<DiskImage["metadata"]> {
  return image.metadata ?? hasNone(image);
}

function writableItems(
  image: DiskImage,
  writable: WritableImage | undefined,
): NonNullable<WritableImage["metadata"]> {
  if (image.metadata === undefined) return hasNone(image);
  const items = writable?.metadata;
  if (items === undefined) throw openForReading(image.source);
  return items;
}

function hasNone(image: DiskImage): never {
  throw new ImageError("ERROR_NOT_SUPPORTED", {
    path: image.source.path,
    reason: `${image.format.toUpperCase()} images have no user metadata`,
    causes: ["Only VHDX images hold user metadata: convert the image."],
  });
}
