/**
 * What the functions for VHD Sets are asked.
 *
 * @see {@link https://learn.microsoft.com/windows/win32/api/virtdisk/nf-virtdisk-takesnapshotvhdset}
 * @module
 */
import { BOOLEAN, type OptionKinds, STRING } from "./arguments.ts";

/** How a snapshot is taken. */
export interface TakeSnapshotOptions {
  /** The id of the new snapshot, a GUID; by default a random one. */
  snapshotId?: string | undefined;
  /**
   * Whether the snapshot can be written to.
   *
   * @default {false}
   */
  writable?: boolean | undefined;
}

/** How a snapshot is deleted. */
export interface DeleteSnapshotOptions {
  /**
   * Whether a reference point for change tracking stays in the set.
   *
   * @default {false}
   */
  persistReferencePoint?: boolean | undefined;
}

/** How a snapshot is applied. */
export interface ApplySnapshotOptions {
  /**
   * Keeps the present state as a writable snapshot of this id, a GUID; by default the present state is
   * discarded.
   */
  leafSnapshotId?: string | undefined;
  /**
   * Whether the snapshot that is applied was made writable.
   *
   * @default {false}
   */
  writable?: boolean | undefined;
}

/** A change to the table of a VHD Set. The image files stay as they are. */
export type VhdSetChange =
  /** Where the file of a snapshot is now. */
  | {
    kind: "snapshot-path";
    snapshotId: string;
    path: string | URL;
    /** Whether the snapshot is a writable one. */
    writable?: boolean;
  }
  /** A snapshot that is no longer there. */
  | { kind: "remove-snapshot"; snapshotId: string }
  /** The file of the active state. */
  | { kind: "default-path"; path: string | URL };

/** The kinds of options. */
export const TAKE_SNAPSHOT_OPTIONS: OptionKinds<TakeSnapshotOptions> = {
  snapshotId: STRING,
  writable: BOOLEAN,
};

/** Likewise. */
export const DELETE_SNAPSHOT_OPTIONS: OptionKinds<DeleteSnapshotOptions> = {
  persistReferencePoint: BOOLEAN,
};

/** Likewise. */
export const APPLY_SNAPSHOT_OPTIONS: OptionKinds<ApplySnapshotOptions> = {
  leafSnapshotId: STRING,
  writable: BOOLEAN,
};
