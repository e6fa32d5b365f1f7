/**
 * Records of several sectors whose transfer is protected: the last two bytes of each 512 are replaced by a number
 * that tells whether all of them were written, and kept in an array. And the attributes in records of files.
 *
 * @module
 */
import { u16, u32, u64, u8 } from "../../../bytes/codec.ts";
import { layout } from "../../../bytes/layout.ts";
import { decodeUtf16 } from "../../../bytes/utf16.ts";
import { type NtfsGeometry, refusal } from "./boot_sector.ts";
import { decodeRuns, type Run } from "./runs.ts";

/** Whatever a sector has: these are protected one by one. */
const STRIDE = 512;

const MULTI_SECTOR_HEADER = layout("multi-sector header", { size: 8, endian: "little" }, {
  signature: [0, u32],
  arrayOffset: [4, u16],
  arrayCount: [6, u16],
});

/** Signatures, as numbers. */
export const SIGNATURE = {
  FILE: 0x454c4946,
  BAAD: 0x44414142,
  INDX: 0x58444e49,
  RSTR: 0x52545352,
  CHKD: 0x444b4843,
} as const;

/** The signature of a record. */
export function signatureOf(bytes: Uint8Array): number {
  return MULTI_SECTOR_HEADER.get(bytes, "signature");
}

/**
 * Verifies that all of a record was written, and puts the bytes back that were replaced.
 *
 * @param bytes Whole strides; changed.
 * @returns Where the array is: nothing else of a record differs between two copies.
 * @throws {Refusal} If it was not.
 */
export function restoreSectors(
  bytes: Uint8Array,
  what: string,
): { readonly start: number; readonly end: number } {
  const { arrayOffset, arrayCount } = MULTI_SECTOR_HEADER.unpack(bytes);
  const end = arrayOffset + arrayCount * 2;
  const isSound = arrayCount === bytes.length / STRIDE + 1 && arrayOffset % 2 === 0 &&
    arrayOffset >= MULTI_SECTOR_HEADER.size && end <= STRIDE - 2;
  if (!isSound) throw refusal(`${what} has no update sequence that could be verified`);
  for (let i = 1; i < arrayCount; i++) {
    const at = i * STRIDE - 2;
    for (let byte = 0; byte < 2; byte++) {
      if (bytes[at + byte] !== bytes[arrayOffset + byte]) {
        throw refusal(`${what} was not written completely`);
      }
      bytes[at + byte] = bytes[arrayOffset + i * 2 + byte]!;
    }
  }
  return { start: arrayOffset, end };
}

const RECORD_HEADER = layout("file record", { size: 48, endian: "little" }, {
  sequence: [16, u16],
  attributesOffset: [20, u16],
  flags: [22, u16],
  usedLength: [24, u32],
  allocatedLength: [28, u32],
  base: [32, u64],
});
const IN_USE = 0x01;

const ATTRIBUTE_HEADER = layout("attribute", { size: 16, endian: "little" }, {
  type: [0, u32],
  length: [4, u32],
  form: [8, u8],
  nameLength: [9, u8],
  nameOffset: [10, u16],
  flags: [12, u16],
  instance: [14, u16],
});
const RESIDENT = layout("resident attribute", { size: 24, endian: "little" }, {
  valueLength: [16, u32],
  valueOffset: [20, u16],
});
const NON_RESIDENT = layout("non-resident attribute", { size: 64, endian: "little" }, {
  lowestVcn: [16, u64],
  highestVcn: [24, u64],
  runsOffset: [32, u16],
  allocatedLength: [40, u64],
  size: [48, u64],
  validLength: [56, u64],
});
const END_OF_ATTRIBUTES = 0xffffffff;

/** Types of attributes. */
export const TYPE = {
  attributeList: 0x20,
  fileName: 0x30,
  volumeInformation: 0x70,
  data: 0x80,
  indexRoot: 0x90,
  indexAllocation: 0xa0,
} as const;

/** A part of what a file has: of a stream, an index and so on. */
export interface Attribute {
  readonly type: number;
  readonly name: string;
  /** Compressed, encrypted, sparse. */
  readonly flags: number;
  readonly instance: number;
  /** Its bytes, if they are in the record. */
  readonly value: Uint8Array | undefined;
  /** Where its clusters are otherwise. */
  readonly extent: AttributeExtent | undefined;
}

/** The clusters of an attribute, as far as one record has them. */
export interface AttributeExtent {
  /** The first one: of the attribute, not of the volume. */
  readonly lowestVcn: number;
  readonly runs: readonly Run[];
  /** Bytes; only those in the first extent count. */
  readonly allocatedLength: number;
  readonly size: number;
  /** Bytes from which on there are zeros. */
  readonly validLength: number;
}

/** A record of the master file table. */
export interface FileRecord {
  readonly number: number;
  readonly sequence: number;
  readonly isInUse: boolean;
  /** The record that it continues; 0 if it continues none. */
  readonly base: number;
  readonly attributes: readonly Attribute[];
  /** Bytes that are used, restored; and where the update sequence is in them. */
  readonly bytes: Uint8Array;
  readonly updateSequence: { readonly start: number; readonly end: number };
}

/**
 * What is in a place of the table. Only a record that is in use is looked at.
 *
 * @throws {Refusal} If it was found damaged before.
 */
export function stateOf(bytes: Uint8Array, number: number): "in use" | "unused" | "empty" {
  const signature = signatureOf(bytes);
  // Windows writes this over a record that it found torn.
  if (signature === SIGNATURE.BAAD) throw refusal(`file record ${number} was found damaged before`);
  if (signature !== SIGNATURE.FILE) return "empty";
  return (RECORD_HEADER.get(bytes, "flags") & IN_USE) !== 0 ? "in use" : "unused";
}

/**
 * Reads a record of a file.
 *
 * @param bytes All of it; changed.
 * @throws {Refusal} If it is not one, or what is in it is not within it.
 */
export function parseRecord(bytes: Uint8Array, number: number, geometry: NtfsGeometry): FileRecord {
  const what = `file record ${number}`;
  if (signatureOf(bytes) !== SIGNATURE.FILE) throw refusal(`${what} has no signature of one`);
  const updateSequence = restoreSectors(bytes, what);
  const header = RECORD_HEADER.unpack(bytes);
  const { usedLength, allocatedLength, attributesOffset } = header;
  const isSound = allocatedLength === bytes.length && usedLength <= allocatedLength &&
    attributesOffset >= updateSequence.end && attributesOffset % 8 === 0 &&
    attributesOffset + 4 <= usedLength;
  if (!isSound) throw refusal(`${what} contradicts itself`);
  const used = bytes.subarray(0, usedLength);
  return {
    number,
    sequence: header.sequence,
    isInUse: (header.flags & IN_USE) !== 0,
    base: header.base === 0 ? 0 : referenceOf(bytes, RECORD_HEADER.at.base).number,
    attributes: parseAttributes(used, attributesOffset, geometry, what),
    bytes: used,
    updateSequence,
  };
}

function parseAttributes(
  bytes: Uint8Array,
  offset: number,
  geometry: NtfsGeometry,
  what: string,
): Attribute[] {
  const attributes: Attribute[] = [];
  for (let at = offset;;) {
    if (at + 4 > bytes.length) throw refusal(`the attributes of ${what} have no end`);
    if (ATTRIBUTE_HEADER.get(bytes, "type", at) === END_OF_ATTRIBUTES) return attributes;
    if (!ATTRIBUTE_HEADER.fits(bytes, at)) throw refusal(`an attribute of ${what} is too short`);
    const { length } = ATTRIBUTE_HEADER.unpack(bytes, at);
    if (length < RESIDENT.size || length % 8 !== 0 || at + length > bytes.length) {
      throw refusal(`an attribute of ${what} does not lie within it`);
    }
    attributes.push(parseAttribute(bytes.subarray(at, at + length), geometry, what));
    at += length;
  }
}

function parseAttribute(bytes: Uint8Array, geometry: NtfsGeometry, what: string): Attribute {
  const { type, form, nameLength, nameOffset, flags, instance } = ATTRIBUTE_HEADER.unpack(bytes);
  if (nameOffset + nameLength * 2 > bytes.length && nameLength > 0) {
    throw refusal(`the name of an attribute of ${what} does not lie within it`);
  }
  const name = decodeUtf16(bytes.subarray(nameOffset, nameOffset + nameLength * 2));
  if (form === 0) {
    const { valueLength, valueOffset } = RESIDENT.unpack(bytes);
    if (valueOffset + valueLength > bytes.length) {
      throw refusal(`the value of an attribute of ${what} does not lie within it`);
    }
    const value = bytes.subarray(valueOffset, valueOffset + valueLength);
    return { type, name, flags, instance, value, extent: undefined };
  }
  if (form !== 1 || !NON_RESIDENT.fits(bytes)) {
    throw refusal(`an attribute of ${what} is of no known form`);
  }
  const { lowestVcn, highestVcn, runsOffset, ...sizes } = NON_RESIDENT.unpack(bytes);
  // An empty one has -1 as its highest.
  const count = highestVcn >= 2 ** 53 ? 0 : highestVcn + 1 - lowestVcn;
  if (!(lowestVcn < 2 ** 53 && count >= 0) || runsOffset >= bytes.length) {
    throw refusal(`an attribute of ${what} has no clusters that could be listed`);
  }
  const runs = decodeRuns(bytes.subarray(runsOffset), lowestVcn, count, geometry, what);
  return { type, name, flags, instance, value: undefined, extent: { lowestVcn, runs, ...sizes } };
}

/** A reference to a record: its number, and how often that has been used. */
export function referenceOf(
  bytes: Uint8Array,
  at: number,
): { readonly number: number; readonly sequence: number } {
  const word = (offset: number) => bytes[at + offset]! | bytes[at + offset + 1]! << 8;
  return { number: word(0) + word(2) * 2 ** 16 + word(4) * 2 ** 32, sequence: word(6) };
}
