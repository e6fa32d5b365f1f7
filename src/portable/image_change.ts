/**
 * SetVirtualDiskInformation as the portable backend does it.
 *
 * @module
 */
import type { InformationChange } from "../disk/information.ts";
import type { ImageChain } from "./chain.ts";
import type { DiskImage, WritableImage } from "./image.ts";
import { ImageError } from "./image_error.ts";
import { setParentLocator, setParentPath } from "./parent_change.ts";

/**
 * Sets one class of information.
 *
 * @param chain The image and its ancestors.
 * @param beforeDiskChange May refuse a change after which children no longer know the disk.
 * @throws {ImageError} `ERROR_VHD_INVALID_TYPE` where the image does not have it, `ERROR_NOT_SUPPORTED`
 * where this backend cannot set it, `ERROR_INVALID_PARAMETER` for a value that the format does not have;
 * and as `setParentPath()`.
 */
export function changeImage(
  chain: ImageChain,
  image: WritableImage,
  { kind, value }: InformationChange,
  beforeDiskChange: (image: DiskImage) => void,
): void {
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
      return setParentPath(chain, { childDepth: 1, ...value }, beforeDiskChange);
    case "parentPathWithDepth":
      return setParentPath(chain, value, beforeDiskChange);
    case "parentLocator":
      return setParentLocator(chain, value, beforeDiskChange);
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
