/** What the functions of VHD Sets take. */

/** How a snapshot of a VHD Set is taken. */
export const TAKE_SNAPSHOT_VHDSET_FLAG = {
  NONE: 0,
  WRITEABLE: 1,
} as const;

/** Versions of TAKE_SNAPSHOT_VHDSET_PARAMETERS. */
export const TAKE_SNAPSHOT_VHDSET_VERSION = {
  UNSPECIFIED: 0,
  1: 1,
} as const;

/** How a snapshot of a VHD Set is deleted. */
export const DELETE_SNAPSHOT_VHDSET_FLAG = {
  NONE: 0,
  PERSIST_RCT: 1,
} as const;

/** Versions of DELETE_SNAPSHOT_VHDSET_PARAMETERS. */
export const DELETE_SNAPSHOT_VHDSET_VERSION = {
  UNSPECIFIED: 0,
  1: 1,
} as const;

/** How a VHD Set is modified. */
export const MODIFY_VHDSET_FLAG = {
  NONE: 0,
  WRITEABLE_SNAPSHOT: 1,
} as const;

/** What ModifyVhdSet changes: MODIFY_VHDSET_VERSION. */
export const MODIFY_VHDSET = {
  UNSPECIFIED: 0,
  SNAPSHOT_PATH: 1,
  REMOVE_SNAPSHOT: 2,
  DEFAULT_SNAPSHOT_PATH: 3,
} as const;

/** How a snapshot of a VHD Set is applied. */
export const APPLY_SNAPSHOT_VHDSET_FLAG = {
  NONE: 0,
  WRITEABLE: 1,
} as const;

/** Versions of APPLY_SNAPSHOT_VHDSET_PARAMETERS. */
export const APPLY_SNAPSHOT_VHDSET_VERSION = {
  UNSPECIFIED: 0,
  1: 1,
} as const;
