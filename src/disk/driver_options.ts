/**
 * What Windows' driver alone is asked, and what it gives: changes, SCSI commands, VHD Sets.
 *
 * @see {@link https://learn.microsoft.com/windows/win32/api/virtdisk/nf-virtdisk-querychangesvirtualdisk}
 * @see {@link https://learn.microsoft.com/windows/win32/api/virtdisk/nf-virtdisk-rawscsivirtualdisk}
 * @see {@link https://learn.microsoft.com/windows/win32/api/virtdisk/nf-virtdisk-takesnapshotvhdset}
 * @module
 */
import { BOOLEAN, BYTES, NUMBER, type OptionKinds, STRING } from "./arguments.ts";

/**
 * A range of a disk that has changed.
 *
 * @category Windows only
 */
export interface ChangedRange {
  /** Bytes from the start of the disk. */
  offset: number;
  /** Bytes. */
  length: number;
}

/**
 * Which part of a disk is looked at.
 *
 * @category Windows only
 */
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

/**
 * A SCSI command.
 *
 * @category Windows only
 */
export interface ScsiRequest {
  /** The command descriptor block: 1 to 255 bytes, the opcode first. */
  cdb: Uint8Array;
  /** The data that go with it: sent to the disk, or with `dataIn` filled from it. */
  data?: Uint8Array | undefined;
  /**
   * Whether `data` is to be filled rather than sent.
   *
   * @default {true}
   */
  dataIn?: boolean | undefined;
  /**
   * Room for sense data: 0 to 255 bytes.
   *
   * @default {32}
   */
  senseLength?: number | undefined;
  /**
   * Whether the request travels by the protocol of shared disks on a remote file server.
   *
   * @default {false}
   */
  rsvd?: boolean | undefined;
  /**
   * `SRB_FLAGS_*` of the storage port drivers.
   *
   * @default {0}
   */
  srbFlags?: number | undefined;
}

/**
 * What became of a SCSI command.
 *
 * @category Windows only
 */
export interface ScsiResponse {
  /**
   * SRB_STATUS: 1 is success; the bits 0x40 (queue frozen) and 0x80 (sense data valid) may be added.
   */
  srbStatus: number;
  /** The sense data that the disk gave. */
  sense: Uint8Array<ArrayBuffer>;
  /** How many bytes of `data` were transferred. */
  transferred: number;
}

/** The kinds of the members. */
export const SCSI_REQUEST: OptionKinds<ScsiRequest> = {
  cdb: BYTES,
  data: BYTES,
  dataIn: BOOLEAN,
  senseLength: NUMBER,
  rsvd: BOOLEAN,
  srbFlags: NUMBER,
};

/**
 * How a snapshot is taken.
 *
 * @category Windows only
 */
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

/**
 * How a snapshot is deleted.
 *
 * @category Windows only
 */
export interface DeleteSnapshotOptions {
  /**
   * Whether a reference point for change tracking stays in the set.
   *
   * @default {false}
   */
  persistReferencePoint?: boolean | undefined;
}

/**
 * How a snapshot is applied.
 *
 * @category Windows only
 */
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

/**
 * A change to the table of a VHD Set. The image files stay as they are.
 *
 * @category Windows only
 */
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
