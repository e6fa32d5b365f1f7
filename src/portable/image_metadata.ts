/**
 * The user metadata of an image, as an open disk gives it.
 *
 * @module
 */
import type { MetadataStore } from "../disk/metadata.ts";
import type { DiskImage, WritableImage } from "./image.ts";
import { ImageError, inOperation, openForReading } from "./image_error.ts";

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
