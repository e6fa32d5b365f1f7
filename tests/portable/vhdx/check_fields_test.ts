/** Faults planted in the metadata of VHDX images: a check finds each, at its place, and nothing beside it. */
import { extraItem } from "./damage.ts";
import { BAT, FREE_ENTRY, ITEMS, METADATA, MIB, UNKNOWN_GUID } from "./vhdx_builder.ts";
import { child, type Row, structureRow, testFaults } from "./planted_vhdx.ts";

const CORRUPT = "ERROR_FILE_CORRUPT";
const UNSUPPORTED = "ERROR_VHD_FORMAT_UNSUPPORTED_VERSION";
const BLOCK_SIZE = "ERROR_VHD_INVALID_BLOCK_SIZE";
const SIZE = "ERROR_VHD_INVALID_SIZE";

/** The parent locator of `child()` has three pairs; the first is "parent_linkage" and a GUID in braces. */
const FIRST_KEY = ITEMS.parentLocator + 20 + 3 * 12;
const FIRST_VALUE = FIRST_KEY + 28;

const item = structureRow("metadata table entry");
const locator = structureRow("parent locator", CORRUPT, child);

const ROWS: readonly Row[] = [
  structureRow("metadata table")("a damaged metadata table", METADATA, (f) => f.u32(METADATA, 0)),
  structureRow("metadata table")("2048 items", METADATA + 10, (f) => f.u16(METADATA + 10, 2048)),
  item(
    "an item twice",
    FREE_ENTRY,
    (f) => extraItem(f, { id: "2fa54224-cd1b-4876-b211-5dbed83bf4b8" }),
  ),
  item("an item over another", FREE_ENTRY + 16, (f) => extraItem(f, { offset: 0x10008 })),
  item("an item in the table", FREE_ENTRY + 16, (f) => extraItem(f, { offset: 0x8000 })),
  item("an item of more than 1 MiB", FREE_ENTRY + 20, (f) => extraItem(f, { length: MIB + 1 })),
  item(
    "an item that runs out of its region",
    FREE_ENTRY + 16,
    (f) => extraItem(f, { offset: MIB - 4 }),
  ),
  item("an empty item with an offset", FREE_ENTRY + 16, (f) => extraItem(f, { length: 0 })),
  item(
    "a disk id of 15 bytes",
    METADATA + 32 + 4 * 32 + 20,
    (f) => f.u32(METADATA + 32 + 4 * 32 + 20, 15),
  ),
  item("1025 items of users", METADATA + 32 + 1029 * 32 + 24, (f) => {
    f.u16(METADATA + 10, 5 + 1025);
    for (let i = 0; i < 1025; i++) {
      f.u32(FREE_ENTRY + 32 * i, i + 1).u32(FREE_ENTRY + 32 * i + 24, 1);
    }
  }),
  structureRow("metadata table entry", UNSUPPORTED)(
    "an unknown required item",
    FREE_ENTRY,
    (f) => extraItem(f, { flags: 4 }),
  ),
  item(
    "the mark of an unfinished file",
    FREE_ENTRY,
    (f) =>
      extraItem(f, { id: "71cc85f0-1b69-4e28-9558-c3bf83ae75d3", offset: 0, length: 0, flags: 4 }),
  ),
  ...["file parameters", "size", "logical sector size", "physical sector size", "disk id"].map(
    (name, i) =>
      structureRow("metadata table")(
        `no ${name} item`,
        METADATA,
        (f) => f.guid(METADATA + 32 + 32 * i, UNKNOWN_GUID).u32(METADATA + 56 + 32 * i, 0),
      ),
  ),
  structureRow("file parameters", BLOCK_SIZE)(
    "blocks of 3 MiB",
    ITEMS.fileParameters,
    (f) => f.u32(ITEMS.fileParameters, 3 * MIB),
  ),
  structureRow("file parameters")(
    "unknown file parameters",
    ITEMS.fileParameters + 4,
    (f) => f.u32(ITEMS.fileParameters + 4, 8),
  ),
  structureRow("logical sector size")(
    "sectors of 1024 bytes",
    ITEMS.logicalSectorSize,
    (f) => f.u32(ITEMS.logicalSectorSize, 1024),
  ),
  structureRow("physical sector size")(
    "physical sectors of 0",
    ITEMS.physicalSectorSize,
    (f) => f.u32(ITEMS.physicalSectorSize, 0),
  ),
  structureRow("virtual disk size", SIZE)(
    "a disk of 65 TiB",
    ITEMS.size,
    (f) => f.u64(ITEMS.size, 65 * 2 ** 40),
  ),
  structureRow("virtual disk size", SIZE)(
    "a disk of broken sectors",
    ITEMS.size,
    (f) => f.u64(ITEMS.size, 4097),
  ),
  structureRow("block allocation table")(
    "a table too short for the disk",
    BAT,
    (f) => f.u64(ITEMS.size, 2 ** 38),
  ),
  structureRow("parent locator", CORRUPT, child)(
    "a locator of another type",
    ITEMS.parentLocator,
    (f) => f.u32(ITEMS.parentLocator, 0),
  ),
  structureRow("parent locator", CORRUPT, child)(
    "a locator with too many entries",
    ITEMS.parentLocator + 18,
    (f) => f.u16(ITEMS.parentLocator + 18, 9999),
  ),
  locator("a child without parent linkage", ITEMS.parentLocator + 18, (f) => {
    f.u16(FIRST_KEY, f.view.getUint16(FIRST_KEY, true) ^ 1);
  }),
  locator("a parent linkage that is no GUID", FIRST_VALUE, (f) => f.u16(FIRST_VALUE, 0x5b)),
  locator("a key twice", ITEMS.parentLocator + 32, (f) => {
    const entry = f.bytes.slice(ITEMS.parentLocator + 20, ITEMS.parentLocator + 32);
    f.bytes.set(entry, ITEMS.parentLocator + 32);
  }),
  locator(
    "a key of odd length",
    ITEMS.parentLocator + 28,
    (f) => f.u16(ITEMS.parentLocator + 28, 27),
  ),
  locator(
    "a value behind the end of the locator",
    ITEMS.parentLocator + 24,
    (f) => f.u32(ITEMS.parentLocator + 24, 0x10000),
  ),
  locator("a NUL in a key", FIRST_KEY, (f) => f.u16(FIRST_KEY + 2, 0)),
  structureRow("metadata table entry", CORRUPT, child)(
    "a parent locator in a disk without parent",
    FREE_ENTRY,
    (f) => f.u32(ITEMS.fileParameters + 4, 0),
  ),
];

testFaults(ROWS);
