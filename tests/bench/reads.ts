/** What is read from the disk: lists of offsets, the same for every contender. */
import { DATA_SIZE, DISK_SIZE } from "./images.ts";

const MIB = 1 << 20;

/** Reads of one length. */
export interface Reads {
  readonly title: string;
  /** Bytes of each read. */
  readonly length: number;
  /** Bytes from the start of the disk that are read. */
  readonly span: number;
  /** From one read to the next, around the end of the span: what `qemu-img bench -S` takes. */
  readonly step: number;
  readonly count: number;
  /** Whether no read begins where the one before has ended. */
  readonly isScattered: boolean;
}

/**
 * Scattered reads go from page to page by an odd number of pages close to the golden section: no page
 * comes twice, and neighbours in time are far apart.
 */
export const READS: readonly Reads[] = [
  {
    title: "scattered 4 KiB reads of data",
    length: 4096,
    span: DATA_SIZE,
    step: 81_003 * 4096,
    count: 20_000,
    isScattered: true,
  },
  {
    title: "1 MiB reads of data, in order",
    length: MIB,
    span: DATA_SIZE,
    step: MIB,
    count: DATA_SIZE / MIB,
    isScattered: false,
  },
  {
    title: "1 MiB reads of the whole disk, in order, half of it empty",
    length: MIB,
    span: DISK_SIZE,
    step: MIB,
    count: DISK_SIZE / MIB,
    isScattered: false,
  },
];

/** The offsets, in the order of the reads. */
export function offsetsOf({ span, step, count }: Reads): number[] {
  return Array.from({ length: count }, (_, i) => (i * step) % span);
}
