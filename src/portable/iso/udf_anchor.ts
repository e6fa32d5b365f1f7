/**
 * Anchors: the known places from which a UDF volume is found (ECMA-167 3/8.4.2). The sector size is not
 * stored before them, so finding one tells it too.
 *
 * @module
 */
import { type ByteSource, viewOf } from "../byte_source.ts";
import { readUdfTag, UDF_TAG } from "./udf_tag.ts";

/** In the order of likelihood: optical discs, hard disks, then what mkudffs can be asked for. */
const SECTOR_SIZES = [2048, 512, 4096, 1024, 8192, 16_384, 32_768];
const FIRST_ANCHOR = 256;
/** A volume has three; more would be read in vain. */
const MAX_ANCHORS = 3;
const MAIN_SEQUENCE = 16;
const RESERVE_SEQUENCE = 24;
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
  const sequences = [MAIN_SEQUENCE, RESERVE_SEQUENCE]
    .map((offset) => sequenceAt(source, block, offset, sectorSize))
    .filter((sequence) => sequence !== undefined);
  const ends = [sector + 1, ...sequences.map(({ start, length }) => start + length)];
  const end = Math.max(...ends) * sectorSize;
  return sequences.length === 0 ? undefined : { sectorSize, sequences, end };
}

/** An extent descriptor: length in bytes, then location in sectors (ECMA-167 3/7.1). */
function sequenceAt(
  source: ByteSource,
  block: Uint8Array,
  offset: number,
  sectorSize: number,
): SequenceExtent | undefined {
  const view = viewOf(block);
  const bytes = view.getUint32(offset, true);
  const start = view.getUint32(offset + 4, true);
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
