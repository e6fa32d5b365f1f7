/**
 * Parent locators: eight entries in the sparse header, each with the parent's path in the notation of a
 * platform, stored elsewhere in the file (VHD 1.0, "Parent Locator Entries").
 *
 * @module
 */
import { viewOf } from "../byte_source.ts";

/** Entries in a header. */
export const LOCATOR_COUNT = 8;

/** Bytes of an entry. */
export const LOCATOR_ENTRY_SIZE = 24;

/** Platform codes: four characters, as a big-endian number. */
export const PLATFORM_CODE = {
  /** The slot is not in use. */
  none: 0,
  /** `W2ku`: absolute Windows path, UTF-16 little-endian. */
  w2ku: 0x57326b75,
  /** `W2ru`: Windows path relative to the child's folder, UTF-16 little-endian. */
  w2ru: 0x57327275,
  /** `Wi2k`: absolute Windows path, a byte a character; superseded by `W2ku`. */
  wi2k: 0x5769326b,
  /** `Wi2r`: relative Windows path, a byte a character; superseded by `W2ru`. */
  wi2r: 0x57693272,
  /** `Mac `: alias record, or a file URL where the writer was no Mac. */
  mac: 0x4d616320,
  /** `MacX`: file URL, UTF-8. */
  macX: 0x4d616358,
} as const;

/** Offsets of an entry's fields. Numbers are big-endian. */
export const LOCATOR_FIELD = {
  platformCode: 0,
  platformDataSpace: 4,
  platformDataLength: 8,
  platformDataOffset: 16,
} as const;

const BIG_ENDIAN = false;

/** An entry's fields. */
export interface LocatorEntry {
  readonly platformCode: number;
  /** Room for the path: the specification says sectors, everyone writes bytes. */
  readonly dataSpace: number;
  /** Bytes of the path, which has no terminator. */
  readonly dataLength: number;
  /** Where the path is in the file. */
  readonly dataOffset: number;
}

/** A slot that is not in use. */
export const UNUSED_LOCATOR: LocatorEntry = {
  platformCode: PLATFORM_CODE.none,
  dataSpace: 0,
  dataLength: 0,
  dataOffset: 0,
};

/** Reads the entry at `offset` of a sparse header. */
export function parseLocatorEntry(header: Uint8Array, offset: number): LocatorEntry {
  const view = viewOf(header);
  const uint32 = (field: number) => view.getUint32(offset + field, BIG_ENDIAN);
  return {
    platformCode: uint32(LOCATOR_FIELD.platformCode),
    dataSpace: uint32(LOCATOR_FIELD.platformDataSpace),
    dataLength: uint32(LOCATOR_FIELD.platformDataLength),
    dataOffset: Number(view.getBigUint64(offset + LOCATOR_FIELD.platformDataOffset, BIG_ENDIAN)),
  };
}

/** Writes an entry at `offset` of a sparse header. */
export function encodeLocatorEntry(entry: LocatorEntry, header: Uint8Array, offset: number): void {
  const view = viewOf(header);
  const setUint32 = (field: number, value: number) =>
    view.setUint32(offset + field, value, BIG_ENDIAN);
  setUint32(LOCATOR_FIELD.platformCode, entry.platformCode);
  setUint32(LOCATOR_FIELD.platformDataSpace, entry.dataSpace);
  setUint32(LOCATOR_FIELD.platformDataLength, entry.dataLength);
  view.setBigUint64(
    offset + LOCATOR_FIELD.platformDataOffset,
    BigInt(entry.dataOffset),
    BIG_ENDIAN,
  );
}
