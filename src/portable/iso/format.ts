import { VIRTUAL_STORAGE_TYPE_DEVICE } from "../../constants.ts";
import { asciiField, type ByteSource } from "../file/byte_source.ts";
import type { Format } from "../image/format.ts";
import type { ImageOrigin } from "../image/image.ts";
import { DESCRIPTOR_TYPE, SECTOR_SIZE, VOLUME_DESCRIPTOR, volumeDescriptors } from "./iso9660.ts";
import { hasIsoIdentifier, isIso, IsoImage, MINIMUM_SIZE, openIso } from "./iso_image.ts";
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
  checks: async () => (await import("./check.ts")).ISO_CHECKS,
  promisedEnd: (file) => hasIsoIdentifier(file) ? promisedIsoEnd(file) : undefined,
  storesSize: false,
  minimumLength: MINIMUM_SIZE,
  lengthUnit: SECTOR_SIZE,
};

// Who made an ISO image, and when, by its primary volume descriptor (ECMA-119 8.4).

/** The offset from UTC counts these, in minutes (ECMA-119 8.4.26.1). */
const QUARTER = 15;

/** What the descriptor says; nothing in pure UDF volumes. */
function isoOrigin(source: ByteSource): ImageOrigin {
  for (const { identifier, type, bytes } of volumeDescriptors(source)) {
    if (identifier !== "CD001" || type !== DESCRIPTOR_TYPE.PRIMARY) continue;
    const { application, preparer, created: digits, createdZone } = VOLUME_DESCRIPTOR.unpack(bytes);
    const text = (field: Uint8Array) =>
      asciiField(field, 0, field.length).replaceAll(/[.\s]+$/g, "").trim();
    const creator = text(application) || text(preparer);
    const created = createdOf(asciiField(digits, 0, digits.length), createdZone);
    return {
      ...(creator === "" ? {} : { creator }),
      ...(created === undefined ? {} : { created }),
    };
  }
  return {};
}

function createdOf(digits: string, zone: number): string | undefined {
  const match = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(digits);
  // All zeros: not recorded.
  if (match === null || /^0+$/.test(digits)) return undefined;
  const [year, month, day, hour, minute, second, hundredth] = match.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const time = Date.UTC(year, month - 1, day, hour, minute, second, hundredth * 10) -
    zone * QUARTER * 60_000;
  return Number.isNaN(time) ? undefined : new Date(time).toISOString();
}
