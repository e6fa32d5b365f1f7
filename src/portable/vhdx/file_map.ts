/**
 * Where the fixed structures of a VHDX file lie, and what the movable ones are aligned to
 * ([MS-VHDX] 2.2, 2.3). All offsets and lengths are bytes.
 *
 * @module
 */

/** Log, regions and blocks begin at multiples of this, and the log and regions are as long. */
export const MIB = 0x100000;

/** The file type identifier: written once, last of all. */
export const FILE_IDENTIFIER_OFFSET = 0;

/** The two header slots. */
export const HEADER_OFFSETS: readonly [number, number] = [0x10000, 0x20000];

/** The two copies of the region table. */
export const REGION_TABLE_OFFSETS: readonly [number, number] = [0x30000, 0x40000];

/** Identifier, headers and region tables: no log, region or block may reach into it. */
export const HEADER_AREA_LENGTH = MIB;

/** Unit of the log: its sectors, and the pages of the file that they replace. */
export const LOG_SECTOR_SIZE = 4096;

/** The largest virtual disk, 64 TiB. */
export const MAX_VIRTUAL_SIZE = 64 * 2 ** 40;

/** Twice the largest virtual disk: no image needs a longer file. */
export const MAX_FILE_SIZE = 2 ** 47;
