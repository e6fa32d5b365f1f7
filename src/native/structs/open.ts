/** What OpenVirtualDisk takes. */
import { bool, guid, u32 } from "../codec.ts";
import { type Struct, struct, TaggedUnion } from "../struct.ts";

/** How an image is opened, by version. */
export type OpenVirtualDiskParameters =
  | {
    readonly Version: 1;
    readonly Version1: {
      /** How many files of the chain, from the child on, are opened for writing. */
      readonly RWDepth: number;
    };
  }
  | { readonly Version: 2; readonly Version2: OpenVersion2 }
  | {
    readonly Version: 3;
    readonly Version3: OpenVersion2 & {
      /** A snapshot of a VHD Set. */
      readonly SnapshotId: string;
    };
  };

/** Windows 8. */
export interface OpenVersion2 {
  /** For queries alone. */
  readonly GetInfoOnly: boolean;
  /** Whether the files are opened for reading alone. */
  readonly ReadOnly: boolean;
  /** Tells openers apart. */
  readonly ResiliencyGuid: string;
}

const VERSION_2 = { GetInfoOnly: bool, ReadOnly: bool, ResiliencyGuid: guid } as const;

/** OPEN_VIRTUAL_DISK_PARAMETERS. */
export const OPEN_VIRTUAL_DISK_PARAMETERS: Struct<OpenVirtualDiskParameters> = struct(
  "OPEN_VIRTUAL_DISK_PARAMETERS",
  { Version: u32 },
  new TaggedUnion("Version", {
    1: { Version1: struct("Version1", { RWDepth: u32 }) },
    2: { Version2: struct("Version2", VERSION_2) },
    3: { Version3: struct("Version3", { ...VERSION_2, SnapshotId: guid }) },
  }),
);
