/** What QueryChangesVirtualDisk is asked and gives. */
import { NUMBER, type OptionKinds } from "./arguments.ts";

/** A range of a disk that has changed. */
export interface ChangedRange {
  /** Bytes from the start of the disk. */
  offset: number;
  /** Bytes. */
  length: number;
}

/** Which part of a disk is looked at. */
export interface ChangeQueryOptions {
  /**
   * Where it begins, in bytes.
   *
   * @default {0}
   */
  offset?: number | undefined;
  /** How long it is, in bytes; by default up to the end of the disk. */
  length?: number | undefined;
}

/** The kinds of options. */
export const CHANGE_QUERY_OPTIONS: OptionKinds<ChangeQueryOptions> = {
  offset: NUMBER,
  length: NUMBER,
};
