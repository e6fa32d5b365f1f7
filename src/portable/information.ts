/**
 * GetVirtualDiskInformation as the portable backend answers it: from the image's own structures.
 *
 * @module
 */
import { NIL_GUID } from "../bytes/guid.ts";
import { VIRTUAL_STORAGE_TYPE_VENDOR_MICROSOFT } from "../constants.ts";
import type {
  InformationChange,
  InformationKind,
  VirtualDiskInformation,
} from "../disk/information.ts";
import type { MetadataStore } from "../disk/metadata.ts";
import type { ImageChain } from "./chain/chain.ts";
import { candidateName } from "./chain/parent_paths.ts";
import { ImageError, inOperation, openForReading } from "./file/image_error.ts";
import type { DiskImage, WritableImage } from "./image/image.ts";
import { rebaseByLocator, rebaseChain } from "./operations/rebase.ts";
import { noSmallestSafeSize, smallestSafeSize } from "./partitions/partition_table.ts";

/**
 * One class of information of the chain's child.
 *
 * @throws {ImageError} If the image has none.
 */
export function imageInformation<K extends InformationKind>(
  chain: ImageChain,
  kind: K,
): VirtualDiskInformation[K] {
  const answer = informationIfAny(chain, kind);
  if (answer === undefined) throw noInformation(chain.image, kind);
  return answer;
}

/** As {@linkcode imageInformation}; `undefined` if the image has none: most have not all. */
export function informationIfAny<K extends InformationKind>(
  chain: ImageChain,
  kind: K,
): VirtualDiskInformation[K] | undefined {
  return ANSWERS[kind](chain);
}

/** Whoever does something about it, as resizing, reads the partition table again. */
function glimpses([image, ...parents]: ImageChain["images"]): [DiskImage, ...DiskImage[]] {
  const glimpse = (each: DiskImage) => each.glimpse?.() ?? each;
  return [glimpse(image), ...parents.map(glimpse)];
}

type Answers = {
  readonly [K in InformationKind]: (chain: ImageChain) => VirtualDiskInformation[K] | undefined;
};

const ANSWERS: Answers = {
  size: ({ image }) => ({
    virtualSize: image.virtualSize,
    physicalSize: image.source.size,
    blockSize: image.blockSize,
    sectorSize: image.logicalSectorSize,
  }),
  identifier: ({ image }) => image.identifier,
  parentLocation: (chain) => {
    if (chain.image.parent === undefined) return undefined;
    const [, parent] = chain.images;
    return parent === undefined
      ? { resolved: false, paths: chain.candidates.map(candidateName) }
      : { resolved: true, paths: [parent.source.path] };
  },
  parentIdentifier: ({ image }) => image.parent?.identifiers[0],
  parentTimestamp: ({ image }) => image.parent?.timestamp,
  storageType: ({ image: { format } }) =>
    format === "raw"
      ? { device: "unknown", vendor: NIL_GUID }
      : { device: format, vendor: VIRTUAL_STORAGE_TYPE_VENDOR_MICROSOFT },
  providerSubtype: ({ image }) => image.subtype,
  is4kAligned: ({ image }) => image.is4kAligned(),
  // This backend attaches nothing, so nothing it has open is loaded by it.
  isLoaded: () => false,
  physicalDisk: () => undefined,
  vhdPhysicalSectorSize: ({ image }) => image.physicalSectorSize,
  smallestSafeVirtualSize: ({ image, images }) =>
    image.format === "iso" ? undefined : smallestSafeSize(glimpses(images)),
  fragmentationPercentage: () => undefined,
  virtualDiskId: ({ image }) => image.virtualDiskId,
  changeTrackingState: () => undefined,
};

/** What this backend knows of no image. */
const UNKNOWN: { readonly [K in InformationKind]?: string } = {
  physicalDisk: "the disk that the file lies on",
  fragmentationPercentage: "the fragmentation",
  changeTrackingState: "the state of change tracking",
};

/** What some images do not have. */
const LACKING: { readonly [K in InformationKind]?: string } = {
  identifier: "an identifier",
  parentTimestamp: "a time stamp of its parent",
  smallestSafeVirtualSize: "partitions",
  virtualDiskId: "a virtual disk id",
};

function noInformation(image: DiskImage, kind: InformationKind): ImageError {
  const { source: { path }, format, parent } = image;
  if (kind in UNKNOWN) {
    return new ImageError("ERROR_NOT_SUPPORTED", {
      path,
      reason: `the portable backend does not know ${UNKNOWN[kind]}`,
    });
  }
  if (kind === "smallestSafeVirtualSize" && format !== "iso") return noSmallestSafeSize(image);
  const isOfParent = parent === undefined && kind === "parentTimestamp";
  const what = isOfParent ? "a parent" : LACKING[kind] ?? "a parent";
  return new ImageError("ERROR_VHD_INVALID_TYPE", {
    path,
    reason: `this ${format.toUpperCase()} image does not have ${what}`,
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
