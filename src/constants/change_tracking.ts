/** The ids of change tracking, and what QueryChangesVirtualDisk takes. */

/** Longest change tracking id, in characters. */
export const VIRTUAL_DISK_MAXIMUM_CHANGE_TRACKING_ID_LENGTH = 256;

/** How changes are queried. */
export const QUERY_CHANGES_VIRTUAL_DISK_FLAG = {
  NONE: 0,
} as const;
