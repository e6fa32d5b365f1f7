/** The disk of `bitmaps.pml`. */
import { createVhdxIn, newImage } from "../../crash/formats.ts";
import { BAT, FIRST_BLOCK, MIB, vhdxSpec } from "../../portable/vhdx/vhdx_builder.ts";
import { ENTRY, entryAt, type ModelledDisk, PAGE, sectorOf, stampOf } from "./modelled_disk.ts";

const SECTOR = 4096;
const HALF = MIB / 2;
/** Blocks that share a bitmap, if sectors have 4096 bytes and blocks 1 MiB. */
const RATIO = 32768;
/**
 * The blocks of the disk are in the second chunk: so the entry of its bitmap is not in the first bytes of its page, which
 * are not in a data sector of the log; and they are not its first ones, for the same reason.
 */
const BLOCKS = [RATIO + 1, RATIO + 2] as const;
const ENTRIES_AT = (RATIO + 1 + 1) * 8;
const BITMAP_ENTRY_AT = (2 * (RATIO + 1) - 1) * 8;
/** The bits of a half, in bytes, and where those of the first block begin in the bitmap. */
const HALF_BITS = HALF / SECTOR / 8;
const BITS_AT = 2 * HALF_BITS;

const pageOf = (at: number) => ({ offset: BAT + at - at % PAGE, length: PAGE });

/** States, as the model has them. */
const STATES = new Map<number, number>([
  [ENTRY.NONE, 0],
  [ENTRY.UNMAPPED, 1],
  [ENTRY.FULL, 2],
  [ENTRY.PARTIAL, 3],
]);
/** What the model calls the contents of the parent. */
const PARENT = 14;

const disk: ModelledDisk = {
  create: () =>
    newImage(
      createVhdxIn,
      vhdxSpec({
        subtype: "differencing",
        logicalSectorSize: SECTOR,
        virtualSize: (BLOCKS[1] + 1) * MIB,
      }),
    ),
  fixed: [pageOf(ENTRIES_AT), pageOf(BITMAP_ENTRY_AT)],
  places: { start: FIRST_BLOCK, parts: 2, partLength: HALF },
  act({ image }, what, [block = 0, first = 0, count = 0, stamp = 0]) {
    const offset = BLOCKS[block]! * MIB;
    if (what === "trim") return image.trim(offset, MIB);
    image.write(new Uint8Array(count * HALF).fill(stamp), offset + first * HALF);
  },
  valueOf(page, piece) {
    if (page.every((byte) => byte === 0)) return 0;
    if (piece === 0) {
      return [0, 1].reduce((value, block) => {
        const { state, place } = entryAt(page, ENTRIES_AT % PAGE + 8 * block, this.places);
        return value + ((STATES.get(state)! + 4 * place) << (5 * block));
      }, 1024);
    }
    if (piece === 1) {
      const { state, place } = entryAt(page, BITMAP_ENTRY_AT % PAGE, this.places);
      return state === ENTRY.FULL ? 2048 + place : undefined;
    }
    let value = 4096;
    for (let half = 0; half < 4; half++) {
      const at = BITS_AT + half * HALF_BITS;
      const bits = stampOf(page.subarray(at, at + HALF_BITS));
      if (bits === 0xff) value += 1 << half;
      else if (bits !== 0) return undefined;
    }
    return value;
  },
  see(image, [half = "", _]) {
    const [block, inBlock] = [Number(half) >> 1, Number(half) & 1];
    const offset = BLOCKS[block]! * MIB + inBlock * HALF;
    // The first and the last sector: a bit of the half counts as much as any other.
    const seen = [offset, offset + HALF - SECTOR].map((at) => {
      const sector = sectorOf(image, at);
      return sector === "parent" ? PARENT : stampOf(sector);
    });
    return [half, seen[0] === seen[1] ? String(seen[0]) : seen.join(" and ")];
  },
};

export const BITMAPS_DISK = disk;

/** The same with a bitmap, of which no block says that it means anything. */
export const BITMAPS_DISK_WITH_BITS: ModelledDisk = {
  ...disk,
  create() {
    const file = disk.create();
    const entry = new DataView(new ArrayBuffer(8));
    entry.setBigUint64(0, BigInt(FIRST_BLOCK + ENTRY.FULL), true);
    file.writeAt(new Uint8Array(entry.buffer), BAT + BITMAP_ENTRY_AT);
    file.truncate(FIRST_BLOCK + MIB);
    file.writeAt(new Uint8Array(4 * HALF_BITS).fill(0xff), FIRST_BLOCK + BITS_AT);
    return file;
  },
};
