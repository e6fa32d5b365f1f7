/** Errors that a writer or a reader could have, each a macro of a model: spin must find every one. */
import { BITMAPS, BLOCKS, METADATA, type Model, RESIZE } from "./models.ts";
import type { Macros } from "./spin.ts";

/** An error. */
export interface PlantedError {
  readonly title: string;
  readonly model: Model;
  /** What plants it, and within which bounds it shows. */
  readonly macros: Macros;
  /** Whether a writer that has it soon changes the file in another way, without a crash too. */
  readonly changes?: true;
}

/** A power failure and enough steps for the log to be begun a second time. */
const TWO_LOGS = { STEPS: 7, CRASHES: 1 } as const;

export const PLANTED_ERRORS: readonly PlantedError[] = [
  {
    title: "an entry is not durable before its pages are written",
    model: BLOCKS,
    macros: { PLANT_NOT_FLUSHED_BETWEEN: true },
    changes: true,
  },
  {
    title: "data and the pages of the last entry are not durable before the next one",
    model: BLOCKS,
    macros: { PLANT_NOT_FLUSHED_BEFORE: true },
    changes: true,
  },
  {
    title: "the second header is written before the first one is durable",
    model: BLOCKS,
    macros: { PLANT_HEADERS_TOGETHER: true },
    changes: true,
  },
  {
    title: "a header is written over the one that counts",
    model: BLOCKS,
    macros: { PLANT_CURRENT_SLOT: true },
    changes: true,
  },
  {
    title: "a header names the log before its first entry is durable",
    model: BLOCKS,
    macros: { PLANT_NAMED_BEFORE_ENTRY: true },
    changes: true,
  },
  {
    title: "entries have the same number",
    model: BLOCKS,
    macros: { PLANT_SAME_NUMBER: true },
    changes: true,
  },
  {
    title: "a new log has the GUID of the last one",
    model: BLOCKS,
    macros: { PLANT_SAME_GUID: true, ...TWO_LOGS },
    changes: true,
  },
  {
    title: "the log is too short for two entries",
    model: BLOCKS,
    macros: { RING: 5, START: 3, STEPS: 6, CRASHES: 1 },
  },
  {
    title: "a place is used again before it is durably free",
    model: BLOCKS,
    macros: { PLANT_REUSED_EARLY: true },
    changes: true,
  },
  {
    title: "the log is closed before its pages are durable",
    model: BLOCKS,
    macros: { PLANT_CLOSED_BEFORE_FLUSH: true },
    changes: true,
  },
  {
    title: "an entry is replayed that is not whole",
    model: BLOCKS,
    macros: { PLANT_TORN_ACCEPTED: true },
  },
  {
    title: "an old entry is replayed",
    model: BLOCKS,
    macros: { PLANT_OLDEST_REPLAYED: true },
  },
  {
    title: "the replay ends before its pages are durable",
    model: BLOCKS,
    macros: { PLANT_REPLAY_NOT_FLUSHED: true },
  },
  {
    title: "bits are changed in place, not through the log",
    model: BITMAPS,
    macros: { PLANT_BITS_PAST_LOG: true },
    changes: true,
  },
  {
    title: "bits are set before the data are written",
    model: BITMAPS,
    macros: { PLANT_DATA_AFTER_BITS: true },
    changes: true,
  },
  {
    title: "a block is there in part before its bitmap is",
    model: BITMAPS,
    macros: { PLANT_BITMAP_NAMED_LATER: true },
    changes: true,
  },
  {
    title: "bits that another writer left are kept",
    model: BITMAPS,
    macros: { PLANT_BITS_KEPT: true, STALE: true },
    changes: true,
  },
  {
    title: "a block is said to be whole while a part of it is the parent's",
    model: BITMAPS,
    macros: { PLANT_WHOLE_EARLY: true },
    changes: true,
  },
  {
    title: "a trimmed block shows the parent",
    model: BITMAPS,
    macros: { PLANT_TRIMMED_TO_PARENT: true },
    changes: true,
  },
  {
    title: "the rest of a block that was trimmed and is written to shows the parent",
    model: BITMAPS,
    macros: { PLANT_GONE_TO_PARTIAL: true },
    changes: true,
  },
  {
    title: "the rest of a block in a place that is used again is not cleared",
    model: BITMAPS,
    macros: { PLANT_REST_KEPT: true, STEPS: 5 },
    changes: true,
  },
  {
    title: "the bitmap's place is taken for free",
    model: BITMAPS,
    macros: { PLANT_BITMAP_FORGOTTEN: true },
  },
  {
    title: "the disk is larger before its table is",
    model: RESIZE,
    macros: { PLANT_SIZE_FIRST: true },
    changes: true,
  },
  {
    title: "the size is changed in place, not through the log",
    model: RESIZE,
    macros: { PLANT_SIZE_PAST_LOG: true },
    changes: true,
  },
  {
    title: "the table gets another place without its entries",
    model: RESIZE,
    macros: { PLANT_NOT_COPIED: true },
  },
  {
    title: "the new place of the table is not cleared",
    model: RESIZE,
    macros: { PLANT_PLACE_NOT_CLEARED: true, STALE: true },
  },
  {
    title: "only one of the region tables names the new place",
    model: RESIZE,
    macros: { PLANT_ONE_REGION_TABLE: true },
    changes: true,
  },
  {
    title: "entries behind the end of the disk are kept when it grows",
    model: RESIZE,
    macros: { PLANT_ENTRIES_KEPT: true },
  },
  {
    title: "what the last block holds behind the end of the disk is kept when it grows",
    model: RESIZE,
    macros: { PLANT_TAIL_KEPT: true },
    changes: true,
  },
  {
    title: "entries are cleared before the disk is smaller",
    model: RESIZE,
    macros: { PLANT_CLEARED_BEFORE_SIZE: true },
    changes: true,
  },
  {
    title: "the end of the file is cut off while the log counts",
    model: RESIZE,
    macros: { PLANT_CUT_EARLY: true },
    changes: true,
  },
  {
    title: "an item is written over what it was",
    model: METADATA,
    macros: { PLANT_SAME_PLACE: true },
    changes: true,
  },
  {
    title: "the table names an item before all of it is there",
    model: METADATA,
    macros: { PLANT_TABLE_FIRST: true },
    changes: true,
  },
  {
    title: "a parent is written over the last one, not through the log",
    model: METADATA,
    macros: { PLANT_LOCATOR_PAST_LOG: true },
    changes: true,
  },
  {
    title: "the table names a parent before it is there",
    model: METADATA,
    macros: { PLANT_LOCATOR_NAMED_FIRST: true },
    changes: true,
  },
  {
    title: "children still know a disk that has another parent",
    model: METADATA,
    macros: { PLANT_PARENT_NOT_ANNOUNCED: true },
    changes: true,
  },
  {
    title: "an item is changed before children no longer know the disk",
    model: METADATA,
    macros: { PLANT_ANNOUNCED_AFTER: true },
    changes: true,
  },
];
