/**
 * The volume recognition area: one descriptor a sector from sector 16 on, whose identifiers tell which
 * file systems an image claims to hold (ECMA-119 6.7.1, ECMA-167 2/8).
 *
 * @module
 */
import { type ByteSource, hasSignature, viewOf } from "../file/byte_source.ts";
import { isoLabel, jolietLabel } from "./label.ts";

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

// The primary volume descriptor: label and size of the ISO 9660 or High Sierra volume (ECMA-119 8.4).

const VOLUME_IDENTIFIER = { offset: 40, length: 32 };
/** Numbers are there twice: little-endian, and big-endian right behind (ECMA-119 7.2.3 and 7.3.3). */
const VOLUME_SPACE_SIZE = 80;
const LOGICAL_BLOCK_SIZE = 128;
/** ECMA-119 6.2.2: a power of two from 512 up to the sector size. */
const BLOCK_SIZES = [512, 1024, 2048];

/** What the primary descriptor says. */
export interface PrimaryDescriptor {
  /** May be empty. */
  readonly label: string;
  /** Bytes; `undefined` where the block size is not acceptable. */
  readonly volumeSize: number | undefined;
  /** What is wrong with it, in sentences; none of it hinders a reader. */
  readonly warnings: readonly string[];
}

/** Reads a descriptor of type 1. */
export function readPrimaryDescriptor(descriptor: VolumeDescriptor): PrimaryDescriptor {
  const shift = descriptor.identifier === HIGH_SIERRA_IDENTIFIER ? HIGH_SIERRA_SHIFT : 0;
  const view = viewOf(descriptor.bytes);
  const warnings: string[] = [];
  const spaceAt = VOLUME_SPACE_SIZE + shift;
  const blocks = view.getUint32(spaceAt, true);
  compareCopies("volume space size", blocks, view.getUint32(spaceAt + 4, false), warnings);
  const blockSizeAt = LOGICAL_BLOCK_SIZE + shift;
  const blockSize = view.getUint16(blockSizeAt, true);
  compareCopies("logical block size", blockSize, view.getUint16(blockSizeAt + 2, false), warnings);
  const blockSizeKnown = BLOCK_SIZES.includes(blockSize);
  if (!blockSizeKnown) {
    warnings.push(`primary volume descriptor: logical block size ${blockSize} is not acceptable`);
  }
  const labelAt = VOLUME_IDENTIFIER.offset + shift;
  return {
    label: isoLabel(descriptor.bytes.subarray(labelAt, labelAt + VOLUME_IDENTIFIER.length)),
    volumeSize: blockSizeKnown ? blocks * blockSize : undefined,
    warnings,
  };
}

/** Readers on little-endian machines take the first copy, so that is the one that counts. */
function compareCopies(field: string, little: number, big: number, warnings: string[]): void {
  if (little === big) return;
  warnings.push(
    `primary volume descriptor: ${field} is ${little} in the little-endian copy, ` +
      `${big} in the big-endian one`,
  );
}

// The two kinds of descriptor that accompany a primary one: Joliet's, with a Unicode label, and El
// Torito's boot record.

const ESCAPE_SEQUENCES = 88;
/** UCS-2 at levels 1, 2 and 3 (Joliet specification, "SVD Escape Sequences field"). */
const JOLIET_ESCAPES = ["%/@", "%/C", "%/E"];
/** Version 2 of a supplementary descriptor is the enhanced one of ISO 9660:1999, in bytes. */
const SUPPLEMENTARY_VERSION = 1;
const BOOT_SYSTEM_IDENTIFIER = 7;
const BOOT_CATALOG_SECTOR = 71;

/** The label of a Joliet descriptor, which may be empty; `undefined` for any other descriptor. */
export function readJolietLabel(descriptor: VolumeDescriptor): string | undefined {
  const { identifier, type, version, bytes } = descriptor;
  const supplementary = identifier === "CD001" && type === DESCRIPTOR_TYPE.SUPPLEMENTARY &&
    version === SUPPLEMENTARY_VERSION;
  if (!supplementary) return undefined;
  if (!JOLIET_ESCAPES.some((escape) => hasSignature(bytes, ESCAPE_SEQUENCES, escape))) {
    return undefined;
  }
  const { offset, length } = VOLUME_IDENTIFIER;
  return jolietLabel(bytes.subarray(offset, offset + length));
}

/** The sector of the boot catalog, where the descriptor is El Torito's boot record. */
export function readBootCatalogSector(descriptor: VolumeDescriptor): number | undefined {
  const { identifier, type, bytes } = descriptor;
  if (identifier !== "CD001" || type !== DESCRIPTOR_TYPE.BOOT_RECORD) return undefined;
  if (!hasSignature(bytes, BOOT_SYSTEM_IDENTIFIER, "EL TORITO SPECIFICATION\0")) return undefined;
  return viewOf(bytes).getUint32(BOOT_CATALOG_SECTOR, true);
}
