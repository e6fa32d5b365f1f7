/**
 * The volume recognition area: one descriptor a sector from sector 16 on, whose identifiers tell which
 * file systems an image claims to hold (ECMA-119 6.7.1, ECMA-167 2/8).
 *
 * @module
 */
import { type ByteSource, hasSignature } from "../byte_source.ts";

/** Bytes of user data in a sector of an optical disc. */
export const SECTOR_SIZE = 2048;
/** Where sector 16 begins: the sectors before are the system area, free for boot code. */
export const FIRST_DESCRIPTOR_OFFSET = 16 * SECTOR_SIZE;
/** An area without an end must not be read for ever. */
const MAX_DESCRIPTORS = 64;
/** UDF volumes with sectors above 2048 bytes hold one descriptor a sector (ECMA-167 2/8.4). */
const LARGE_SECTOR_SIZES = [4096, 8192, 16_384, 32_768];

/** The identifiers that stand at offset 1, behind the type. */
export const STANDARD_IDENTIFIERS = [
  "CD001",
  "CDW02",
  "BEA01",
  "BOOT2",
  "NSR02",
  "NSR03",
  "TEA01",
] as const;
const IDENTIFIER_OFFSET = 1;
/** High Sierra, the draft before ISO 9660, put the descriptor's own sector number in front. */
export const HIGH_SIERRA_IDENTIFIER = "CDROM";
/** By how much every field of a High Sierra descriptor lies behind its place in ISO 9660. */
export const HIGH_SIERRA_SHIFT = 8;

/** The standard that a descriptor belongs to. */
export type DescriptorIdentifier =
  | (typeof STANDARD_IDENTIFIERS)[number]
  | typeof HIGH_SIERRA_IDENTIFIER;

/** What the type byte of `CD001` and `CDROM` descriptors says. */
export const DESCRIPTOR_TYPE = { BOOT_RECORD: 0, PRIMARY: 1, SUPPLEMENTARY: 2 } as const;

/** A descriptor whose identifier is known. */
export interface VolumeDescriptor {
  readonly identifier: DescriptorIdentifier;
  readonly type: number;
  readonly version: number;
  /** The whole sector. */
  readonly bytes: Uint8Array;
}

/** The descriptor in a sector, or `undefined` where its identifier is not known. */
export function volumeDescriptor(bytes: Uint8Array): VolumeDescriptor | undefined {
  const standard = STANDARD_IDENTIFIERS.find((each) =>
    hasSignature(bytes, IDENTIFIER_OFFSET, each)
  );
  if (standard !== undefined) {
    return { identifier: standard, type: bytes[0]!, version: bytes[6]!, bytes };
  }
  if (hasSignature(bytes, IDENTIFIER_OFFSET + HIGH_SIERRA_SHIFT, HIGH_SIERRA_IDENTIFIER)) {
    return {
      identifier: HIGH_SIERRA_IDENTIFIER,
      type: bytes[HIGH_SIERRA_SHIFT]!,
      version: bytes[6 + HIGH_SIERRA_SHIFT]!,
      bytes,
    };
  }
  return undefined;
}

/** The descriptor at a byte offset, or `undefined` where there is none or the file ends before. */
export function descriptorAt(source: ByteSource, offset: number): VolumeDescriptor | undefined {
  const bytes = new Uint8Array(SECTOR_SIZE);
  if (offset + SECTOR_SIZE > source.size || source.readAt(bytes, offset) < SECTOR_SIZE) {
    return undefined;
  }
  return volumeDescriptor(bytes);
}

/** The descriptors from sector 16 on, up to the first sector that holds none. */
export function* volumeDescriptors(source: ByteSource): Generator<VolumeDescriptor> {
  const first = descriptorAt(source, FIRST_DESCRIPTOR_OFFSET);
  if (first === undefined) return;
  yield first;
  const spacing = first.identifier === "BEA01" ? descriptorSpacing(source) : SECTOR_SIZE;
  for (let i = 1; i < MAX_DESCRIPTORS; i++) {
    const next = descriptorAt(source, FIRST_DESCRIPTOR_OFFSET + i * spacing);
    if (next === undefined) return;
    yield next;
  }
}

/** Only pure UDF volumes, which begin with BEA01, have sectors above 2048 bytes. */
function descriptorSpacing(source: ByteSource): number {
  const sizes = [SECTOR_SIZE, ...LARGE_SECTOR_SIZES];
  return sizes.find((size) => descriptorAt(source, FIRST_DESCRIPTOR_OFFSET + size) !== undefined) ??
    SECTOR_SIZE;
}
