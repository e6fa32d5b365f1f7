/** Errors that a writer or a reader of the log could have, each a macro of the model: spin must find every one. */
import type { Macros } from "./spin.ts";

/** An error. */
export interface PlantedError {
  readonly title: string;
  /** What plants it, and within which bounds it shows. */
  readonly macros: Macros;
  /** Whether a writer that has it changes the file in another way, crash or not. */
  readonly changes?: true;
}

/** A power failure and enough steps for the log to be begun a second time. */
const TWO_LOGS = { STEPS: 7, CRASHES: 1 } as const;

export const PLANTED_ERRORS: readonly PlantedError[] = [
  {
    title: "an entry is not durable before its pages are written",
    macros: { PLANT_NOT_FLUSHED_BETWEEN: true },
    changes: true,
  },
  {
    title: "data and the pages of the last entry are not durable before the next one",
    macros: { PLANT_NOT_FLUSHED_BEFORE: true },
    changes: true,
  },
  {
    title: "the second header is written before the first one is durable",
    macros: { PLANT_HEADERS_TOGETHER: true },
    changes: true,
  },
  {
    title: "a header is written over the one that counts",
    macros: { PLANT_CURRENT_SLOT: true },
    changes: true,
  },
  {
    title: "a header names the log before its first entry is durable",
    macros: { PLANT_NAMED_BEFORE_ENTRY: true },
    changes: true,
  },
  { title: "entries have the same number", macros: { PLANT_SAME_NUMBER: true }, changes: true },
  {
    title: "a new log has the GUID of the last one",
    macros: { PLANT_SAME_GUID: true, ...TWO_LOGS },
    changes: true,
  },
  {
    title: "the log is too short for two entries",
    macros: { RING: 5, START: 3, STEPS: 6, CRASHES: 1 },
  },
  {
    title: "a place is used again before it is durably free",
    macros: { PLANT_REUSED_EARLY: true },
    changes: true,
  },
  {
    title: "the log is closed before its pages are durable",
    macros: { PLANT_CLOSED_BEFORE_FLUSH: true },
    changes: true,
  },
  { title: "an entry is replayed that is not whole", macros: { PLANT_TORN_ACCEPTED: true } },
  { title: "an old entry is replayed", macros: { PLANT_OLDEST_REPLAYED: true } },
  {
    title: "the replay ends before its pages are durable",
    macros: { PLANT_REPLAY_NOT_FLUSHED: true },
  },
];
