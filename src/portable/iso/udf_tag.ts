/** The tag at the head of every UDF descriptor (ECMA-167 3/7.2). */
import { viewOf } from "../byte_source.ts";
import { crc16 } from "./crc16.ts";

/** What a descriptor is, of those that are read here. */
export const UDF_TAG = {
  ANCHOR: 2,
  PARTITION: 5,
  LOGICAL_VOLUME: 6,
  TERMINATOR: 8,
} as const;

const IDENTIFIER = 0;
const VERSION = 2;
const CHECKSUM = 4;
const CRC = 8;
const CRC_LENGTH = 10;
const LOCATION = 12;
const TAG_SIZE = 16;
/** 2 in the second edition of ECMA-167 (NSR02), 3 in the third (NSR03). */
const VERSIONS = [2, 3];

/**
 * The identifier of the descriptor in a block, or `undefined` where the tag, its checksums or its place
 * are not right: such a block is old, torn or foreign data, and a reader passes over it.
 *
 * @param block At least 16 bytes.
 * @param sector The block's own number, which the tag must repeat.
 */
export function readUdfTag(block: Uint8Array, sector: number): number | undefined {
  const view = viewOf(block);
  if (!VERSIONS.includes(view.getUint16(VERSION, true))) return undefined;
  if (view.getUint8(CHECKSUM) !== tagChecksum(block)) return undefined;
  if (view.getUint32(LOCATION, true) !== sector) return undefined;
  const crcEnd = TAG_SIZE + view.getUint16(CRC_LENGTH, true);
  if (crcEnd > block.length) return undefined;
  if (view.getUint16(CRC, true) !== crc16(block.subarray(TAG_SIZE, crcEnd))) return undefined;
  return view.getUint16(IDENTIFIER, true);
}

/** The sum of the tag's other bytes. */
function tagChecksum(block: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < TAG_SIZE; i++) if (i !== CHECKSUM) sum += block[i]!;
  return sum & 0xff;
}
