/**
 * Who made an ISO image, and when, by its primary volume descriptor (ECMA-119 8.4).
 *
 * @module
 */
import { asciiField, type ByteSource } from "../file/byte_source.ts";
import type { ImageOrigin } from "../image/image.ts";
import { DESCRIPTOR_TYPE, VOLUME_DESCRIPTOR, volumeDescriptors } from "./iso9660.ts";

/** The offset from UTC counts these, in minutes (ECMA-119 8.4.26.1). */
const QUARTER = 15;

/** What the descriptor says; nothing in pure UDF volumes. */
export function isoOrigin(source: ByteSource): ImageOrigin {
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
