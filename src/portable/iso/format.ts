import { VIRTUAL_STORAGE_TYPE_DEVICE } from "../../constants.ts";
import type { Format } from "../image/format.ts";
import { checkIso } from "./check.ts";
import { SECTOR_SIZE } from "./iso9660.ts";
import { hasIsoIdentifier, isIso, IsoImage, MINIMUM_SIZE, openIso } from "./iso_image.ts";
import { isoOrigin } from "./origin.ts";
import { promisedIsoEnd } from "./promised_end.ts";

/** ISO images, which are only read. */
export const ISO: Format = {
  name: "iso",
  title: "an ISO image",
  deviceId: VIRTUAL_STORAGE_TYPE_DEVICE.ISO,
  extensions: [".iso"],
  unmarked: "ERROR_FILE_CORRUPT",
  cutOff: "ERROR_FILE_CORRUPT",
  matches: isIso,
  // A disc of a length that Windows refuses.
  openBroken: (source) => hasIsoIdentifier(source) ? new IsoImage(source) : undefined,
  open: openIso,
  origin: isoOrigin,
  check: (file, findings) => {
    checkIso(file, findings);
    return undefined;
  },
  promisedEnd: (file) => hasIsoIdentifier(file) ? promisedIsoEnd(file) : undefined,
  storesSize: false,
  minimumLength: MINIMUM_SIZE,
  lengthUnit: SECTOR_SIZE,
};
