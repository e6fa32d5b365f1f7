/**
 * Who a VHD says has made it. Some readers (QEMU) take the size of the disk from its geometry, which is
 * seldom exact, unless they know the creator for one who means the size.
 *
 * @module
 */

/** Fields of a footer: big-endian numbers, the first and the last of four characters. */
export interface Creator {
  readonly creatorApplication: number;
  readonly creatorVersion: number;
  readonly creatorHostOs: number;
}

/** Windows 10: `win `, `Wi2k`. */
export const WINDOWS: Creator = {
  creatorApplication: 0x77696e20,
  creatorVersion: 0x000a0000,
  creatorHostOs: 0x5769326b,
};
