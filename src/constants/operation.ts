/** What the operations on an open disk take. */

/** A child is merged into its parent. */
export const MERGE_VIRTUAL_DISK_DEFAULT_MERGE_DEPTH = 1;

/** Versions of COMPACT_VIRTUAL_DISK_PARAMETERS. */
export const COMPACT_VIRTUAL_DISK_VERSION = {
  UNSPECIFIED: 0,
  1: 1,
} as const;

/** How a disk is compacted. */
export const COMPACT_VIRTUAL_DISK_FLAG = {
  NONE: 0,
  NO_ZERO_SCAN: 1,
  NO_BLOCK_MOVES: 2,
} as const;

/** Versions of MERGE_VIRTUAL_DISK_PARAMETERS. */
export const MERGE_VIRTUAL_DISK_VERSION = {
  UNSPECIFIED: 0,
  1: 1,
  2: 2,
} as const;

/** How a child is merged. */
export const MERGE_VIRTUAL_DISK_FLAG = {
  NONE: 0,
} as const;

/** Versions of EXPAND_VIRTUAL_DISK_PARAMETERS. */
export const EXPAND_VIRTUAL_DISK_VERSION = {
  UNSPECIFIED: 0,
  1: 1,
} as const;

/** How a disk is expanded. */
export const EXPAND_VIRTUAL_DISK_FLAG = {
  NONE: 0,
  NOTIFY_CHANGE: 1,
} as const;

/** Versions of RESIZE_VIRTUAL_DISK_PARAMETERS. */
export const RESIZE_VIRTUAL_DISK_VERSION = {
  UNSPECIFIED: 0,
  1: 1,
} as const;

/** How a disk is resized. */
export const RESIZE_VIRTUAL_DISK_FLAG = {
  NONE: 0,
  ALLOW_UNSAFE_VIRTUAL_SIZE: 1,
  RESIZE_TO_SMALLEST_SAFE_VIRTUAL_SIZE: 2,
} as const;

/** Versions of MIRROR_VIRTUAL_DISK_PARAMETERS. */
export const MIRROR_VIRTUAL_DISK_VERSION = {
  UNSPECIFIED: 0,
  1: 1,
} as const;

/** How a disk is mirrored. */
export const MIRROR_VIRTUAL_DISK_FLAG = {
  NONE: 0,
  EXISTING_FILE: 1,
  SKIP_MIRROR_ACTIVATION: 2,
  ENABLE_SMB_COMPRESSION: 4,
  IS_LIVE_MIGRATION: 8,
} as const;

/** Versions of FORK_VIRTUAL_DISK_PARAMETERS. */
export const FORK_VIRTUAL_DISK_VERSION = {
  UNSPECIFIED: 0,
  1: 1,
} as const;

/** How a disk is forked. */
export const FORK_VIRTUAL_DISK_FLAG = {
  NONE: 0,
  EXISTING_FILE: 1,
} as const;
