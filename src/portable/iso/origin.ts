/**
 * Who made an ISO image, and when, by its primary volume descriptor (ECMA-119 8.4).
 *
 * @module
 */
import { asciiField, type ByteSource } from "../file/byte_source.ts";
import type { ImageOrigin } from "../image/image.ts";
import { DESCRIPTOR_TYPE, volumeDescriptors } from "./iso9660.ts";

const PREPARER = { offset: 446, length: 128 };
const APPLICATION = { offset: 574, length: 128 };
/** Digits of year, month, day, hour, minute, second and hundredths, then the offset from UTC. */
const CREATED = { offset: 813, digits: 16 };
/** The offset from UTC counts these, in minutes (ECMA-119 8.4.26.1). */
const QUARTER = 15;

/** What the descriptor says; nothing in pure UDF volumes. */
export function isoOrigin(source: ByteSource): ImageOrigin {
  for (const { identifier, type, bytes } of volumeDescriptors(source)) {
    if (identifier !== "CD001" || type !== DESCRIPTOR_TYPE.PRIMARY) continue;
    const text = ({ offset, length }: typeof APPLICATION) =>
      asciiField(bytes, offset, length).replaceAll(/[.\s]+$/g, "").trim();
    const creator = text(APPLICATION) || text(PREPARER);
    const created = createdOf(bytes);
    return {
      ...(creator === "" ? {} : { creator }),
      ...(created === undefined ? {} : { created }),
    };
  }
  return {};
}

function createdOf(bytes: Uint8Array): string | undefined {
  const digits = asciiField(bytes, CREATED.offset, CREATED.digits);
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
  const zone = new DataView(bytes.buffer, bytes.byteOffset).getInt8(
    CREATED.offset + CREATED.digits,
  );
  const time = Date.UTC(year, month - 1, day, hour, minute, second, hundredth * 10) -
    zone * QUARTER * 60_000;
  return Number.isNaN(time) ? undefined : new Date(time).toISOString();
}
