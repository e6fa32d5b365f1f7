/**
 * SetVirtualDiskInformation as the portable backend does it.
 *
 * @module
 */
import type { InformationChange } from "../information_change.ts";
import type { WritableImage } from "./image.ts";
import { ImageError } from "./image_error.ts";

/**
 * Sets one class of information.
 *
 * @throws {ImageError} `ERROR_VHD_INVALID_TYPE` where the image does not have it, `ERROR_NOT_SUPPORTED`
 * where this backend cannot set it, `ERROR_INVALID_PARAMETER` for a value that the format does not have.
 */
export function changeImage(image: WritableImage, { kind, value }: InformationChange): void {
  switch (kind) {
    case "identifier":
      if (image.setUniqueId === undefined) {
        throw wrongType(image, "an identifier of its own choice");
      }
      return image.setUniqueId(value);
    case "virtualDiskId":
      if (image.setVirtualDiskId === undefined) throw wrongType(image, "a virtual disk id to set");
      return image.setVirtualDiskId(value);
    case "vhdPhysicalSectorSize":
      if (image.setPhysicalSectorSize === undefined) {
        throw wrongType(image, "a physical sector size to set");
      }
      if (value !== 512 && value !== 4096) {
        throw new ImageError("ERROR_INVALID_PARAMETER", {
          path: image.source.path,
          reason: `physical sector size ${value}: allowed are 512 and 4096`,
        });
      }
      return image.setPhysicalSectorSize(value);
    case "parentPath":
    case "parentPathWithDepth":
    case "parentLocator":
    case "changeTrackingEnabled":
      throw new ImageError("ERROR_NOT_SUPPORTED", {
        path: image.source.path,
        reason: `the portable backend does not set ${kind}; the native one does`,
      });
  }
}

function wrongType(image: WritableImage, what: string): ImageError {
  return new ImageError("ERROR_VHD_INVALID_TYPE", {
    path: image.source.path,
    reason: `a ${image.format.toUpperCase()} image does not have ${what}`,
  });
}
