/** What RawSCSIVirtualDisk takes and gives. */
import { bool, pvoid, u32, u8 } from "../codec.ts";
import { type Struct, struct, TaggedUnion } from "../struct.ts";

/** A SCSI command. */
export interface RawScsiVirtualDiskParameters {
  /** The only one. */
  readonly Version: 1;
  /** The command; DataBuffer, SenseInfo and Cdb are addresses. */
  readonly Version1: {
    readonly RSVDHandle: boolean;
    readonly DataIn: number;
    readonly CdbLength: number;
    readonly SenseInfoLength: number;
    readonly SrbFlags: number;
    readonly DataTransferLength: number;
    readonly DataBuffer: bigint;
    readonly SenseInfo: bigint;
    readonly Cdb: bigint;
  };
}

/** RAW_SCSI_VIRTUAL_DISK_PARAMETERS. */
export const RAW_SCSI_VIRTUAL_DISK_PARAMETERS: Struct<RawScsiVirtualDiskParameters> = struct(
  "RAW_SCSI_VIRTUAL_DISK_PARAMETERS",
  { Version: u32 },
  new TaggedUnion("Version", {
    1: {
      Version1: struct("Version1", {
        RSVDHandle: bool,
        DataIn: u8,
        CdbLength: u8,
        SenseInfoLength: u8,
        SrbFlags: u32,
        DataTransferLength: u32,
        DataBuffer: pvoid,
        SenseInfo: pvoid,
        Cdb: pvoid,
      }),
    },
  }),
);

/** What became of a SCSI command. */
export interface RawScsiVirtualDiskResponse {
  /** The only one. */
  readonly Version: 1;
  /** ScsiStatus is an SRB_STATUS; the lengths are of what was transferred, in bytes. */
  readonly Version1: {
    readonly ScsiStatus: number;
    readonly SenseInfoLength: number;
    readonly DataTransferLength: number;
  };
}

/** RAW_SCSI_VIRTUAL_DISK_RESPONSE. */
export const RAW_SCSI_VIRTUAL_DISK_RESPONSE: Struct<RawScsiVirtualDiskResponse> = struct(
  "RAW_SCSI_VIRTUAL_DISK_RESPONSE",
  { Version: u32 },
  new TaggedUnion("Version", {
    1: {
      Version1: struct("Version1", {
        ScsiStatus: u8,
        SenseInfoLength: u8,
        DataTransferLength: u32,
      }),
    },
  }),
);
