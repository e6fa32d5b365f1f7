/**
 * Label, size and revision of a UDF volume, from its volume descriptor sequence (ECMA-167 3/8.4).
 *
 * @module
 */
import { ascii, raw, u16, u32, u8, type ValueOf } from "../../bytes/codec.ts";
import { layout } from "../../bytes/layout.ts";
import type { ByteSource } from "../file/byte_source.ts";
import { readDstring } from "./label.ts";

/** Of descriptors of one kind, the one with the highest number holds (ECMA-167 3/8.4.3). */
const SEQUENCE_NUMBER = 16;
/** ECMA-167 3/10.5. */
const PARTITION = layout("partition descriptor", { size: 196, endian: "little" }, {
  sequenceNumber: [SEQUENCE_NUMBER, u32],
  number: [22, u16],
  /** Sectors. */
  start: [188, u32],
  length: [192, u32],
});
/** ECMA-167 3/10.6; the domain's suffix holds the revision (UDF 2.1.5.3). */
const LOGICAL_VOLUME = layout("logical volume descriptor", { size: 248, endian: "little" }, {
  sequenceNumber: [SEQUENCE_NUMBER, u32],
  label: [84, raw(128)],
  domain: [217, ascii(23)],
  revision: [240, u16],
});
const OSTA_DOMAIN = "*OSTA UDF Compliant";

/** What a UDF volume says of itself. */
export interface UdfVolume {
  /** May be empty. */
  readonly label: string;
  /** Bytes up to the end of the last partition; `undefined` where there is none. */
  readonly volumeSize: number | undefined;
  /** For example `"1.02"` or `"2.60"`; `undefined` where the volume follows no version of UDF. */
  readonly revision: string | undefined;
}

/** The descriptors of a sequence that hold. */
interface Sequence {
  logicalVolume: ValueOf<typeof LOGICAL_VOLUME> | undefined;
  readonly partitions: Map<number, ValueOf<typeof PARTITION>>;
}

/** Reads the volume; `undefined` where no anchor leads to a logical volume. */
export function readUdfVolume(source: ByteSource): UdfVolume | undefined {
  for (const { sectorSize, sequences } of udfAnchors(source)) {
    for (const extent of sequences) {
      const { logicalVolume, partitions } = readSequence(source, sectorSize, extent);
      if (logicalVolume === undefined) continue;
      return {
        label: readDstring(logicalVolume.label),
        volumeSize: volumeSize(partitions.values(), sectorSize),
        revision: revision(logicalVolume),
      };
    }
  }
  return undefined;
}

/** Volume descriptor pointers, which lead to further extents, are not followed: they may form loops. */
function readSequence(source: ByteSource, sectorSize: number, extent: SequenceExtent): Sequence {
  const sequence: Sequence = { logicalVolume: undefined, partitions: new Map() };
  for (let sector = extent.start; sector < extent.start + extent.length; sector++) {
    const bytes = udfBlock(source, sectorSize, sector);
    if (bytes === undefined) break;
    const tag = readUdfTag(bytes, sector);
    if (tag === UDF_TAG.TERMINATOR) break;
    if (tag === UDF_TAG.LOGICAL_VOLUME) {
      sequence.logicalVolume = newer(sequence.logicalVolume, LOGICAL_VOLUME.unpack(bytes));
    } else if (tag === UDF_TAG.PARTITION) {
      const partition = PARTITION.unpack(bytes);
      const { number } = partition;
      sequence.partitions.set(number, newer(sequence.partitions.get(number), partition));
    }
  }
  return sequence;
}

function newer<T extends { readonly sequenceNumber: number }>(old: T | undefined, each: T): T {
  return old === undefined || each.sequenceNumber >= old.sequenceNumber ? each : old;
}

function volumeSize(
  partitions: Iterable<ValueOf<typeof PARTITION>>,
  sectorSize: number,
): number | undefined {
  let end = 0;
  for (const { start, length } of partitions) end = Math.max(end, start + length);
  return end === 0 ? undefined : end * sectorSize;
}

/** Two digits each of major and minor number in BCD: 0x0250 is 2.50. */
function revision({ domain, revision }: ValueOf<typeof LOGICAL_VOLUME>): string | undefined {
  if (!domain.startsWith(OSTA_DOMAIN)) return undefined;
  const digits = revision.toString(16).padStart(4, "0");
  if (!/^\d+$/.test(digits)) return undefined;
  return `${Number(digits.slice(0, 2))}.${digits.slice(2)}`;
}

// Anchors: the known places from which a UDF volume is found (ECMA-167 3/8.4.2). The sector size is not
// stored before them, so finding one tells it too.

/** In the order of likelihood: optical discs, hard disks, then what mkudffs can be asked for. */
const SECTOR_SIZES = [2048, 512, 4096, 1024, 8192, 16_384, 32_768];
const FIRST_ANCHOR = 256;
/** A volume has three; more would be read in vain. */
const MAX_ANCHORS = 3;
/** Length in bytes, then location in sectors (ECMA-167 3/7.1). */
const EXTENT = layout("extent", { size: 8, endian: "little" }, {
  length: [0, u32],
  start: [4, u32],
});
/** ECMA-167 3/10.2. */
const ANCHOR = layout("anchor", { size: 32, endian: "little" }, {
  main: [16, EXTENT],
  reserve: [24, EXTENT],
});
/** 16 are usual. */
const MAX_SEQUENCE_SECTORS = 64;

/** Where a descriptor sequence lies, in sectors. */
export interface SequenceExtent {
  readonly start: number;
  readonly length: number;
}

/** What an anchor tells. */
export interface UdfAnchor {
  /** Bytes. */
  readonly sectorSize: number;
  /** The main sequence, then its reserve copy: those of them that lie in the file. */
  readonly sequences: readonly SequenceExtent[];
  /** Where the anchor and its sequences end, in bytes. */
  readonly end: number;
}

/** The anchors from which at least one descriptor sequence can be read, best first. */
export function* udfAnchors(source: ByteSource): Generator<UdfAnchor> {
  let found = 0;
  for (const { sectorSize, sector } of anchorPlaces(source)) {
    const anchor = anchorAt(source, sectorSize, sector);
    if (anchor === undefined) continue;
    yield anchor;
    if (++found === MAX_ANCHORS) return;
  }
}

/** Whether there is an anchor at the end of the file, or 256 sectors before. */
export function hasEndAnchor(source: ByteSource, sectorSize: number): boolean {
  const last = Math.floor(source.size / sectorSize) - 1;
  return [last, last - FIRST_ANCHOR].some((sector) => {
    const block = sector > 0 ? udfBlock(source, sectorSize, sector) : undefined;
    return block !== undefined && readUdfTag(block, sector) === UDF_TAG.ANCHOR;
  });
}

/** Sector 256 for every sector size, before the end of the volume, which a truncated file has lost. */
function anchorPlaces(source: ByteSource): { sectorSize: number; sector: number }[] {
  const atStart = SECTOR_SIZES.map((sectorSize) => ({ sectorSize, sector: FIRST_ANCHOR }));
  const atEnd = SECTOR_SIZES.flatMap((sectorSize) => {
    const last = Math.floor(source.size / sectorSize) - 1;
    return [{ sectorSize, sector: last }, { sectorSize, sector: last - FIRST_ANCHOR }];
  });
  return [...atStart, ...atEnd.filter(({ sector }) => sector > 0 && sector !== FIRST_ANCHOR)];
}

function anchorAt(source: ByteSource, sectorSize: number, sector: number): UdfAnchor | undefined {
  const block = udfBlock(source, sectorSize, sector);
  if (block === undefined || readUdfTag(block, sector) !== UDF_TAG.ANCHOR) return undefined;
  const { main, reserve } = ANCHOR.unpack(block);
  const sequences = [main, reserve].map((extent) => sequenceAt(source, extent, sectorSize))
    .filter((sequence) => sequence !== undefined);
  const ends = [sector + 1, ...sequences.map(({ start, length }) => start + length)];
  const end = Math.max(...ends) * sectorSize;
  return sequences.length === 0 ? undefined : { sectorSize, sequences, end };
}

function sequenceAt(
  source: ByteSource,
  { length: bytes, start }: ValueOf<typeof EXTENT>,
  sectorSize: number,
): SequenceExtent | undefined {
  const length = bytes / sectorSize;
  if (!Number.isInteger(length) || length === 0 || length > MAX_SEQUENCE_SECTORS) return undefined;
  return start * sectorSize + bytes <= source.size ? { start, length } : undefined;
}

/** A sector of the volume, or `undefined` where the file ends before. */
export function udfBlock(
  source: ByteSource,
  sectorSize: number,
  sector: number,
): Uint8Array | undefined {
  const offset = sector * sectorSize;
  if (offset + sectorSize > source.size) return undefined;
  const block = new Uint8Array(sectorSize);
  return source.readAt(block, offset) === sectorSize ? block : undefined;
}

/** What a descriptor is, of those that are read here. */
export const UDF_TAG = {
  ANCHOR: 2,
  PARTITION: 5,
  LOGICAL_VOLUME: 6,
  TERMINATOR: 8,
} as const;

/** What a descriptor begins with (ECMA-167 3/7.2). */
const TAG = layout("tag", { size: 16, endian: "little" }, {
  identifier: [0, u16],
  version: [2, u16],
  checksum: [4, u8],
  crc: [8, u16],
  crcLength: [10, u16],
  location: [12, u32],
});
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
  const { identifier, version, checksum, crc, crcLength, location } = TAG.unpack(block);
  if (!VERSIONS.includes(version) || checksum !== tagChecksum(block)) return undefined;
  const crcEnd = TAG.size + crcLength;
  if (location !== sector || crcEnd > block.length) return undefined;
  return crc === crc16(block.subarray(TAG.size, crcEnd)) ? identifier : undefined;
}

/** The sum of the tag's other bytes. */
function tagChecksum(block: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < TAG.size; i++) if (i !== TAG.at.checksum) sum += block[i]!;
  return sum & 0xff;
}

/** CRC-16 of UDF descriptors: polynomial 0x1021, not reflected, initially 0 (ECMA-167 3/7.2.6). */

const POLYNOMIAL = 0x1021;
/** Made when there is something to be summed up. */
let table: Uint16Array | undefined;

function makeTable(): Uint16Array {
  const table = new Uint16Array(256);
  for (let n = 0; n < 256; n++) {
    let crc = n << 8;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ POLYNOMIAL : crc << 1;
    table[n] = crc;
  }
  return table;
}

/** The checksum of `bytes`. */
export function crc16(bytes: Uint8Array): number {
  const values = table ??= makeTable();
  let crc = 0;
  for (let i = 0; i < bytes.length; i++) {
    crc = ((crc << 8) & 0xffff) ^ values[(crc >> 8) ^ bytes[i]!]!;
  }
  return crc;
}
