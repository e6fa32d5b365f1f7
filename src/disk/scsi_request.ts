/** What RawSCSIVirtualDisk is asked and gives. */
import { BOOLEAN, BYTES, NUMBER, type OptionKinds } from "./arguments.ts";

/** A SCSI command. */
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

/** What became of a SCSI command. */
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
