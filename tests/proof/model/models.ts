/** The models: what each is about, how far its states are gone through, and the disk that it is held to. */
import { BITMAPS_DISK, BITMAPS_DISK_WITH_BITS } from "./bitmaps.ts";
import { BLOCKS_DISK } from "./blocks.ts";
import { ITEM_SECTORS, METADATA_DISK } from "./metadata.ts";
import type { ModelledDisk } from "./modelled_disk.ts";
import { RESIZE_DISK, RESIZE_DISK_AFTER_CRASH, TABLE_SECTORS } from "./resize.ts";
import type { Macros } from "./spin.ts";

/** How far all states are gone through: things that are done to the disk, crashes, and with what it begins. */
export interface Bound {
  readonly steps: number;
  readonly crashes: number;
  /** Whether the file begins with what others may have left in it. */
  readonly isStale?: true;
}

/** Random paths. */
export interface PathKind {
  readonly macros: Macros;
  readonly disk: ModelledDisk;
}

/** A model. */
export interface Model {
  /** Its file. */
  readonly file: string;
  readonly title: string;
  /** What is modelled, and what must hold of it: sentences. */
  readonly about: string;
  /** What is done to its disk. */
  readonly operations: string;
  readonly bounds: {
    readonly short: readonly Bound[];
    readonly long: readonly Bound[];
  };
  /** Paths that the real writer is to follow, in turn. */
  readonly paths: readonly PathKind[];
}

/** The macros of a bound. */
export function macrosOf({ steps, crashes, isStale }: Bound): Macros {
  return { STEPS: steps, CRASHES: crashes, ...(isStale ? { STALE: true } : {}) };
}

/** What the writer's own sizes make of the models'. */
const REAL = { RING: 256, START: 0, ENTRIES: 260 } as const;
/** Several lives. */
const LIVES = { STEPS: 25, CRASHES: 5 } as const;

export const BLOCKS: Model = {
  file: "blocks.pml",
  title: "two blocks",
  about:
    "of each of them a page of the table says where it lies; data are written in place, and what is new lengthens the file. " +
    "A disk that children know holds what they know.",
  operations: "write to a block, trim it, flush, close and open again",
  bounds: {
    short: [{ steps: 5, crashes: 2 }, { steps: 6, crashes: 1 }],
    long: [{ steps: 6, crashes: 2 }, { steps: 7, crashes: 1 }],
  },
  paths: [{ macros: { ...REAL, ...LIVES, PLACES: 7 }, disk: BLOCKS_DISK }],
};

/** Flushed after every change, so that the log goes around; a crash may come at any time. */
export const ENDLESS_PATH: PathKind = {
  macros: { ...REAL, PLACES: 7, STEPS: 250, CRASHES: 1, ENDLESS: true },
  disk: BLOCKS_DISK,
};

export const BITMAPS: Model = {
  file: "bitmaps.pml",
  title: "sector bitmaps",
  about:
    "of each half of two blocks a bit says whether it is this file's or the parent's; the bitmap gets its place with the first " +
    "block that is there in part. What was flushed never gives way to what the parent had before, and no bit shows what was " +
    "never written.",
  operations:
    "write to a half of a block of a differencing disk, write all of it, trim it, flush, close and open again",
  bounds: {
    short: [
      { steps: 4, crashes: 1 },
      { steps: 3, crashes: 1, isStale: true },
      { steps: 2, crashes: 2 },
    ],
    long: [
      { steps: 5, crashes: 1 },
      { steps: 4, crashes: 1, isStale: true },
      { steps: 3, crashes: 2 },
    ],
  },
  paths: [
    { macros: { ...REAL, ...LIVES, PLACES: 7 }, disk: BITMAPS_DISK },
    { macros: { ...REAL, ...LIVES, PLACES: 7, STALE: true }, disk: BITMAPS_DISK_WITH_BITS },
  ],
};

export const RESIZE: Model = {
  file: "resize.pml",
  title: "a disk that grows and shrinks",
  about:
    "the table is too short for the larger disk and gets another place, which two region tables name, and a page has the " +
    "size; the file of the smaller disk is cut off. The disk has the old size or the new one, with an entry for each of its " +
    "blocks, and zeros where it grew.",
  operations: "grow, shrink, write to a block, trim it, flush, close and open again",
  bounds: {
    short: [
      { steps: 5, crashes: 1 },
      { steps: 4, crashes: 1, isStale: true },
      { steps: 3, crashes: 2 },
    ],
    long: [
      { steps: 6, crashes: 1 },
      { steps: 5, crashes: 1, isStale: true },
      { steps: 4, crashes: 2 },
    ],
  },
  paths: [
    { macros: { ...REAL, ...LIVES, PLACES: 7, TABLE_SECTORS }, disk: RESIZE_DISK },
    {
      macros: { ...REAL, ...LIVES, PLACES: 7, TABLE_SECTORS, STALE: true },
      disk: RESIZE_DISK_AFTER_CRASH,
    },
  ],
};

export const METADATA: Model = {
  file: "metadata.pml",
  title: "metadata",
  about:
    "an item that takes two publications, and the parent locator; each has another place for its new value. An item and a " +
    "parent are the old one or the new one, whole, and a disk that children know has what they know.",
  operations:
    "set an item, delete it, give the disk another parent, or the same one at another place, close and open again",
  bounds: {
    short: [{ steps: 4, crashes: 1 }, { steps: 2, crashes: 2 }],
    long: [{ steps: 5, crashes: 1 }, { steps: 3, crashes: 2 }],
  },
  paths: [{ macros: { ...REAL, ...LIVES, ...ITEM_SECTORS }, disk: METADATA_DISK }],
};

export const MODELS: readonly Model[] = [BLOCKS, BITMAPS, RESIZE, METADATA];
