/** The disk of `blocks.pml`. */
import { createVhdxIn, newImage } from "../../crash/formats.ts";
import { BAT, FIRST_BLOCK, MIB, vhdxSpec } from "../../portable/vhdx/vhdx_builder.ts";
import { ENTRY, entryAt, type ModelledDisk, PAGE, sectorOf, stampOf } from "./modelled_disk.ts";

/**
 * Its blocks: of each, a page of the table says where it lies, in bytes at the same place of both pages, which are in
 * a data sector of the log.
 */
const BLOCKS = [1, PAGE / 8 + 1] as const;
const ENTRY_AT = 8;
/** What of a block is written. */
const WRITTEN = 4096;

export const BLOCKS_DISK: ModelledDisk = {
  create: () => newImage(createVhdxIn, vhdxSpec({ virtualSize: (BLOCKS[1] + 1) * MIB })),
  fixed: [{ offset: BAT, length: PAGE }, { offset: BAT + PAGE, length: PAGE }],
  places: { start: FIRST_BLOCK, parts: 1, partLength: WRITTEN },
  act({ image }, what, [block = 0, stamp = 0]) {
    const offset = BLOCKS[block]! * MIB;
    if (what === "write") image.write(new Uint8Array(WRITTEN).fill(stamp), offset);
    else image.trim(offset, MIB);
  },
  valueOf(page) {
    if (page.every((byte) => byte === 0)) return 0;
    const { state, place } = entryAt(page, ENTRY_AT, this.places);
    if (state === ENTRY.UNMAPPED && place === 0) return 24;
    return state === ENTRY.FULL ? 16 + place : undefined;
  },
  see(image, [block = "", _]) {
    const sector = sectorOf(image, BLOCKS[Number(block)]! * MIB);
    return [block, sector === "parent" ? sector : String(stampOf(sector))];
  },
};
