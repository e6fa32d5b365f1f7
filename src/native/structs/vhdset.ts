/** What the functions for VHD Sets take. */
import { guid, pcwstr, u32 } from "../codec.ts";
import { type Struct, struct, TaggedUnion } from "../struct.ts";

/** A snapshot to take or to delete. */
export interface SnapshotVhdSetParameters {
  /** The only one. */
  readonly Version: 1;
  /** Its id. */
  readonly Version1: { readonly SnapshotId: string };
}

/** TAKE_SNAPSHOT_VHDSET_PARAMETERS. */
export const TAKE_SNAPSHOT_VHDSET_PARAMETERS: Struct<SnapshotVhdSetParameters> = snapshot(
  "TAKE_SNAPSHOT_VHDSET_PARAMETERS",
);

/** DELETE_SNAPSHOT_VHDSET_PARAMETERS. */
export const DELETE_SNAPSHOT_VHDSET_PARAMETERS: Struct<SnapshotVhdSetParameters> = snapshot(
  "DELETE_SNAPSHOT_VHDSET_PARAMETERS",
);

function snapshot(name: string): Struct<SnapshotVhdSetParameters> {
  return struct(
    name,
    { Version: u32 },
    new TaggedUnion("Version", { 1: { Version1: struct("Version1", { SnapshotId: guid }) } }),
  );
}

/** A snapshot to return to. */
export interface ApplySnapshotVhdSetParameters {
  /** The only one. */
  readonly Version: 1;
  /** LeafSnapshotId: what the present state is kept as; all zero discards it. */
  readonly Version1: { readonly SnapshotId: string; readonly LeafSnapshotId: string };
}

/** APPLY_SNAPSHOT_VHDSET_PARAMETERS. */
export const APPLY_SNAPSHOT_VHDSET_PARAMETERS: Struct<ApplySnapshotVhdSetParameters> = struct(
  "APPLY_SNAPSHOT_VHDSET_PARAMETERS",
  { Version: u32 },
  new TaggedUnion("Version", {
    1: { Version1: struct("Version1", { SnapshotId: guid, LeafSnapshotId: guid }) },
  }),
);

/** A change to the table of a VHD Set, by MODIFY_VHDSET_VERSION. Paths are addresses. */
export type ModifyVhdSetParameters =
  | {
    readonly Version: 1;
    readonly SnapshotPath: { readonly SnapshotId: string; readonly SnapshotFilePath: bigint };
  }
  | { readonly Version: 2; readonly SnapshotId: string }
  | { readonly Version: 3; readonly DefaultFilePath: bigint };

/** MODIFY_VHDSET_PARAMETERS. */
export const MODIFY_VHDSET_PARAMETERS: Struct<ModifyVhdSetParameters> = struct(
  "MODIFY_VHDSET_PARAMETERS",
  { Version: u32 },
  new TaggedUnion("Version", {
    1: { SnapshotPath: struct("SnapshotPath", { SnapshotId: guid, SnapshotFilePath: pcwstr }) },
    2: { SnapshotId: guid },
    3: { DefaultFilePath: pcwstr },
  }),
);
