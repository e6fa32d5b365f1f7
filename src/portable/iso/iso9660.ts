/**
 * The volume recognition area: one descriptor a sector from sector 16 on, whose identifiers tell which
 * file systems an image claims to hold (ECMA-119 6.7.1, ECMA-167 2/8).
 *
 * @module
 */
import { ascii, type Both, both, i8, raw, u16, u32, u8 } from "../../bytes/codec.ts";
import { layout, signature } from "../../bytes/layout.ts";
import type { ByteSource } from "../file/byte_source.ts";
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
/** High Sierra, the draft before ISO 9660, put the descriptor's own sector number in front. */
export const HIGH_SIERRA_IDENTIFIER = "CDROM";
/** By how much every field of a High Sierra descriptor lies behind its place in ISO 9660. */
export const HIGH_SIERRA_SHIFT = 8;

/** What all descriptors have in common, and what a primary one says (ECMA-119 8.1, 8.4). */
export const VOLUME_DESCRIPTOR = layout("volume descriptor", { size: 882, endian: "little" }, {
  type: [0, u8],
  identifier: [1, ascii(5)],
  version: [6, u8],
  label: [40, raw(32)],
  /** Logical blocks. */
  volumeSpaceSize: [80, both(u32)],
  /** Of a supplementary descriptor. */
  escapeSequences: [88, ascii(32)],
  /** Bytes. */
  logicalBlockSize: [128, both(u16)],
  preparer: [446, raw(128)],
  application: [574, raw(128)],
  /** Digits of year, month, day, hour, minute, second and hundredths. */
  created: [813, raw(16)],
  /** From UTC, in quarters of an hour. */
  createdZone: [829, i8],
});

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
  const found = VOLUME_DESCRIPTOR.get(bytes, "identifier");
  const standard = STANDARD_IDENTIFIERS.find((each) => each === found);
  if (standard !== undefined) return descriptorOf(standard, bytes, 0);
  const shifted = VOLUME_DESCRIPTOR.get(bytes, "identifier", HIGH_SIERRA_SHIFT);
  if (shifted !== HIGH_SIERRA_IDENTIFIER) return undefined;
  return descriptorOf(HIGH_SIERRA_IDENTIFIER, bytes, HIGH_SIERRA_SHIFT);
}

function descriptorOf(
  identifier: DescriptorIdentifier,
  bytes: Uint8Array,
  at: number,
): VolumeDescriptor {
  const type = VOLUME_DESCRIPTOR.get(bytes, "type", at);
  return { identifier, type, version: VOLUME_DESCRIPTOR.get(bytes, "version", at), bytes };
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
  const fields = VOLUME_DESCRIPTOR.unpack(descriptor.bytes, shift);
  const warnings: string[] = [];
  const blocks = believed("volume space size", fields.volumeSpaceSize, warnings);
  const blockSize = believed("logical block size", fields.logicalBlockSize, warnings);
  const blockSizeKnown = BLOCK_SIZES.includes(blockSize);
  if (!blockSizeKnown) {
    warnings.push(`primary volume descriptor: logical block size ${blockSize} is not acceptable`);
  }
  return {
    label: isoLabel(fields.label),
    volumeSize: blockSizeKnown ? blocks * blockSize : undefined,
    warnings,
  };
}

/** Readers on little-endian machines take the first copy, so that is the one that counts. */
function believed(field: string, { little, big }: Both<number>, warnings: string[]): number {
  if (little !== big) {
    warnings.push(
      `primary volume descriptor: ${field} is ${little} in the little-endian copy, ` +
        `${big} in the big-endian one`,
    );
  }
  return little;
}

// The two kinds of descriptor that accompany a primary one: Joliet's, with a Unicode label, and El
// Torito's boot record.

/** UCS-2 at levels 1, 2 and 3 (Joliet specification, "SVD Escape Sequences field"). */
const JOLIET_ESCAPES = ["%/@", "%/C", "%/E"];
/** Version 2 of a supplementary descriptor is the enhanced one of ISO 9660:1999, in bytes. */
const SUPPLEMENTARY_VERSION = 1;
const BOOT_RECORD = layout("boot record", { size: 75, endian: "little" }, {
  system: [7, signature("EL TORITO SPECIFICATION\0")],
  catalogSector: [71, u32],
});

/** The label of a Joliet descriptor, which may be empty; `undefined` for any other descriptor. */
export function readJolietLabel(descriptor: VolumeDescriptor): string | undefined {
  const { identifier, type, version, bytes } = descriptor;
  const supplementary = identifier === "CD001" && type === DESCRIPTOR_TYPE.SUPPLEMENTARY &&
    version === SUPPLEMENTARY_VERSION;
  if (!supplementary) return undefined;
  const { escapeSequences, label } = VOLUME_DESCRIPTOR.unpack(bytes);
  if (!JOLIET_ESCAPES.some((escape) => escapeSequences.startsWith(escape))) return undefined;
  return jolietLabel(label);
}

/** The sector of the boot catalog, where the descriptor is El Torito's boot record. */
export function readBootCatalogSector(descriptor: VolumeDescriptor): number | undefined {
  const { identifier, type, bytes } = descriptor;
  if (identifier !== "CD001" || type !== DESCRIPTOR_TYPE.BOOT_RECORD) return undefined;
  return BOOT_RECORD.hasSignature(bytes) ? BOOT_RECORD.get(bytes, "catalogSector") : undefined;
}
