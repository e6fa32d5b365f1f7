/** Faults planted in the tables of VHDX images: a check finds each, at its place, and nothing beside it. */
import { BAT, FIRST_BLOCK, ITEMS, MIB } from "./vhdx_builder.ts";
import {
  BITMAP_INDEX,
  child,
  dynamic,
  type Row,
  structureRow,
  testFaults,
} from "./planted_vhdx.ts";

const CORRUPT = "ERROR_FILE_CORRUPT";
const LAST_BLOCK = FIRST_BLOCK + MIB;

const payload = structureRow("payload block entry");
const bitmap = structureRow("sector bitmap block entry", CORRUPT, child);

const info = { severity: "info" } as const;

const ROWS: readonly Row[] = [
  payload("a block of state 4", BAT + 16, (f) => f.bat(2, 4, 5)),
  payload("a block of state 7 without a parent", BAT + 16, (f) => f.bat(2, 7, 5)),
  payload("reserved bits of an entry", BAT + 16, (f) => f.u64(BAT + 16, (5 << 20) | 0x86)),
  payload("a block on the log", BAT + 16, (f) => f.bat(2, 6, 1)),
  payload("a block on the table", BAT + 16, (f) => f.bat(2, 6, 3)),
  payload("a block without a place", BAT + 16, (f) => f.bat(2, 6, 0)),
  payload("a block on the metadata", BAT + 16, (f) => f.bat(2, 6, 2)),
  payload(
    "an undefined block whose old place is beyond the file",
    BAT + 16,
    (f) => f.bat(2, 1, 2 ** 40),
  ),
  {
    ...payload("a block beyond the file", BAT + 16, (f) => f.bat(2, 6, 6)),
    isCutOff: true,
  },
  payload("two blocks in one place", BAT + 16, (f) => f.bat(2, 6, 4)),
  ...[0, 2].map((state) =>
    payload(`data of a block that is said to be absent, by state ${state}`, BAT + 16, (f) => {
      f.bytes[5 * MIB] = 1;
      f.bat(2, state, 5);
    })
  ),
  payload("an unmapped block that owns the place of another", BAT + 16, (f) => f.bat(2, 3, 4)),
  bitmap(
    "a partially present block without a bitmap",
    BAT + 8 * BITMAP_INDEX,
    (f) => f.bat(BITMAP_INDEX, 0, 0),
  ),
  bitmap("a bitmap of state 7", BAT + 8 * BITMAP_INDEX, (f) => f.bat(BITMAP_INDEX, 7, 5)),
  bitmap("a bitmap beyond the file", BAT + 8 * BITMAP_INDEX, (f) => f.bat(BITMAP_INDEX, 6, 99)),
  bitmap(
    "a bitmap in the place of a block",
    BAT + 8 * BITMAP_INDEX,
    (f) => f.bat(BITMAP_INDEX, 6, 4),
  ),
  {
    ...bitmap(
      "a bitmap entry in a disk without parent",
      BAT + 8 * BITMAP_INDEX,
      (f) => f.u64(ITEMS.size, 8192 * MIB).bat(BITMAP_INDEX, 6, 5),
    ),
    ...info,
    of: dynamic,
    symbol: undefined,
  },
  {
    name: "a bit behind the end of the disk",
    structure: "sector bitmap block",
    offset: 5 * MIB + 7 * 256 + 128,
    damage: (f) => {
      f.bat(0, 0, 0).bat(7, 7, 4);
      f.bytes[5 * MIB + 7 * 256 + 128] = 1;
    },
    of: child,
    ...info,
  },
  {
    name: "an entry behind those of the disk",
    structure: "block allocation table",
    offset: BAT + 8 * 100,
    damage: (f) => f.bat(100, 6, 4),
    ...info,
  },
  {
    name: "a leaked block before another",
    structure: "unused space",
    offset: FIRST_BLOCK,
    damage: (f) => f.bat(0, 0, 0),
    ...info,
  },
  {
    name: "a leaked block at the end",
    structure: "unused space",
    offset: LAST_BLOCK,
    damage: (f) => f.bat(2, 0, 0),
    ...info,
    repairable: true,
  },
];

testFaults(ROWS);
