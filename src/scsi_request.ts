/** What RawSCSIVirtualDisk is asked and gives. */

/** A SCSI command. */
export interface ScsiRequest {
  /** The command descriptor block: 1 to 255 bytes, the opcode first. */
  cdb: Uint8Array;
  /** The data that go with it: sent to the disk, or with `dataIn` filled from it. */
  data?: Uint8Array;
  /**
   * Whether `data` is to be filled rather than sent.
   *
   * @default {true}
   */
  dataIn?: boolean;
  /**
   * Room for sense data: 0 to 255 bytes.
   *
   * @default {32}
   */
  senseLength?: number;
  /**
   * Whether the request travels by the protocol of shared disks on a remote file server.
   *
   * @default {false}
   */
  rsvd?: boolean;
  /**
   * `SRB_FLAGS_*` of the storage port drivers.
   *
   * @default {0}
   */
  srbFlags?: number;
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
