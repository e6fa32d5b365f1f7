/**
 * A partition, whatever table names it.
 *
 * @module
 */

/** A partition. */
export interface Partition {
  /** As tools number it, from 1 on; logical partitions of an MBR from 5 on. */
  readonly number: number;
  /** Bytes from the start of the disk. */
  readonly offset: number;
  /** Bytes. */
  readonly length: number;
  /** GPT: the type's GUID, lower case; MBR: the type's byte in hexadecimal, as `0x07`. */
  readonly type: string;
}

/** Where the last one ends, in bytes; 0 where there is none. */
export function endOf(partitions: readonly Partition[]): number {
  return Math.max(0, ...partitions.map(({ offset, length }) => offset + length));
}
