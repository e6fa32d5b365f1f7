/**
 * The primary volume descriptor: label and size of the ISO 9660 or High Sierra volume (ECMA-119 8.4).
 *
 * @module
 */
import { viewOf } from "../byte_source.ts";
import { isoLabel } from "./label_text.ts";
import {
  HIGH_SIERRA_IDENTIFIER,
  HIGH_SIERRA_SHIFT,
  type VolumeDescriptor,
} from "./volume_descriptor.ts";

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
