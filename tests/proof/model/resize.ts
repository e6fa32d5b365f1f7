/** The disk of `resize.pml`. */
import { structureFault } from "../../../src/portable/vhdx/file_map.ts";
import {
  BAT_REGION,
  REGION_ENTRY,
  REGION_TABLE,
  REGION_TABLE_LENGTH,
  regionEntryOffset,
} from "../../../src/portable/vhdx/region_table.ts";
import { resizeVhdx } from "../../../src/portable/vhdx/resize.ts";
import { createVhdxIn, newImage } from "../../crash/formats.ts";
import { BAT, ITEMS, MIB, REGION_TABLES, vhdxSpec } from "../../portable/vhdx/vhdx_builder.ts";
import {
  ENTRY,
  entryAt,
  type ModelledDisk,
  PAGE,
  placeAt,
  sectorOf,
  stampOf,
} from "./modelled_disk.ts";

const HALF = MIB / 2;
/** In 1 MiB of the table there is room for so many entries, those of bitmaps among them, of which there is one in 4096. */
const FIRST_ROOM = MIB / 8;
/** A, of which the smaller disk has the first half, and B, whose entry is in the second MiB of the table. */
const BLOCKS = [1, FIRST_ROOM + 8] as const;
const ENTRIES_AT = [8 * BLOCKS[0], 8 * (BLOCKS[1] + Math.floor(BLOCKS[1] / 4096)) - MIB] as const;
/** The sizes of the disk. */
const SIZES = [BLOCKS[0] * MIB + HALF, (BLOCKS[1] + 1) * MIB] as const;
/** How many sectors of the log a region table takes. */
export const TABLE_SECTORS = REGION_TABLE_LENGTH / PAGE;
const SIZE_PAGE = ITEMS.size - ITEMS.size % PAGE;
/** What is left where the model says that there is something of a crash. */
const LEFT = [[2, 13], [3, 14]] as const;

const disk: ModelledDisk = {
  create: () => newImage(createVhdxIn, vhdxSpec({ virtualSize: SIZES[0] })),
  fixed: [
    ...REGION_TABLES.map((offset) => ({ offset, length: REGION_TABLE_LENGTH })),
    { offset: SIZE_PAGE, length: PAGE },
  ],
  // The table is in the first one.
  places: { start: BAT, parts: 2, partLength: HALF },
  act({ image, file }, what, numbers) {
    if (what === "grow" || what === "shrink") {
      image.finish();
      return resizeVhdx(file, { virtualSize: SIZES[what === "grow" ? 1 : 0], parentSize: 0 });
    }
    const [block = 0, half = 0, stamp = 0] = numbers;
    const offset = BLOCKS[block]! * MIB;
    if (what === "write") {
      return image.write(new Uint8Array(HALF).fill(stamp), offset + half * HALF);
    }
    image.trim(offset, Math.min(MIB, image.virtualSize - offset));
  },
  valueOf(bytes, piece) {
    if (piece < REGION_TABLES.length) return valueOfRegionTable(bytes);
    if (piece === REGION_TABLES.length) {
      const size = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(
        ITEMS.size - SIZE_PAGE,
        true,
      ));
      return SIZES.some((each) => each === size)
        ? 256 + SIZES.findIndex((each) => each === size)
        : undefined;
    }
    if (bytes.every((byte) => byte === 0)) return 0;
    const entries = ENTRIES_AT.map((at) => entryAt(bytes, at, this.places));
    const { state, place } = entries.find((entry) => entry.state !== ENTRY.NONE) ?? entries[0]!;
    if (state === ENTRY.UNMAPPED && place === 0) return 72;
    return state === ENTRY.FULL ? 64 + place : undefined;
  },
  see(image, words) {
    if (words[0] === "size") {
      return ["size", String(SIZES.findIndex((size) => size === image.virtualSize))];
    }
    const half = Number(words[0]);
    const offset = BLOCKS[half >> 1]! * MIB + (half & 1) * HALF;
    const seen = [offset, offset + HALF - image.logicalSectorSize].map((at) => {
      const sector = sectorOf(image, at);
      return sector === "parent" ? sector : stampOf(sector);
    });
    return [words[0]!, seen[0] === seen[1] ? String(seen[0]) : seen.join(" and ")];
  },
};

export const RESIZE_DISK = disk;

/** The same with places that nothing names, and that hold something. */
export const RESIZE_DISK_AFTER_CRASH: ModelledDisk = {
  ...disk,
  create() {
    const file = disk.create();
    for (const [place, stamp] of LEFT) {
      file.writeAt(new Uint8Array(MIB).fill(stamp), BAT + (place - 1) * MIB);
    }
    return file;
  },
};

function valueOfRegionTable(bytes: Uint8Array): number | undefined {
  if (structureFault(REGION_TABLE, bytes) !== undefined) return undefined;
  for (let i = 0; i < REGION_TABLE.get(bytes, "entryCount"); i++) {
    const { guid, offset, length } = REGION_ENTRY.unpack(bytes, regionEntryOffset(i));
    if (guid === BAT_REGION) return 128 + placeAt(offset, BAT) + (length > MIB ? 8 : 0);
  }
  return undefined;
}
