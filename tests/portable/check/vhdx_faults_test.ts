/** Faults planted in VHDX images, one by one: a check finds each, at its place, and nothing beside it. */
import { assertEquals } from "@std/assert";
import { extraItem, extraRegion } from "../vhdx/damage.ts";
import { batPage, dirtyVhdx, PAGE, putEntries } from "../vhdx/log_builder.ts";
import {
  BAT,
  FIRST_BLOCK,
  FREE_ENTRY,
  HEADERS,
  ITEMS,
  LOG,
  METADATA,
  MIB,
  REGION_TABLES,
  UNKNOWN_GUID,
  VhdxBuilder,
} from "../vhdx/vhdx_builder.ts";
import { assertFound, checkBytes, type PlantedFault } from "./planted.ts";

const CORRUPT = "ERROR_FILE_CORRUPT";
const UNSUPPORTED = "ERROR_VHD_FORMAT_UNSUPPORTED_VERSION";
const BLOCK_SIZE = "ERROR_VHD_INVALID_BLOCK_SIZE";
const SIZE = "ERROR_VHD_INVALID_SIZE";
const LAST_BLOCK = FIRST_BLOCK + MIB;
const BITMAP_INDEX = 4096;

/** Blocks 0 and 2 in the file. */
function dynamic(): VhdxBuilder {
  const file = new VhdxBuilder();
  file.append(2 * MIB);
  return file.bat(0, 6, 4).bat(2, 6, 5);
}

/** Block 0 partially present, with its bitmap; the disk ends half a MiB into its last block. */
function child(): VhdxBuilder {
  const file = new VhdxBuilder({ subtype: "differencing" });
  file.append(2 * MIB);
  file.bytes[5 * MIB] = 1;
  return file.u64(ITEMS.size, 7 * MIB + MIB / 2).bat(0, 7, 4).bat(BITMAP_INDEX, 6, 5);
}

/** A log with one entry that puts block 0 at 4 MiB. */
function dirty(): VhdxBuilder {
  const file = dirtyVhdx();
  file.append(MIB);
  putEntries(file, 0, { sequence: 1n, changes: [batPage(6, 4)], flushed: 5 * MIB, last: 5 * MIB });
  return file;
}

type Row = PlantedFault & {
  readonly damage: (file: VhdxBuilder) => void;
  readonly of?: () => VhdxBuilder;
};

const structureRow =
  (structure: string, symbol: string = CORRUPT, of: () => VhdxBuilder = dynamic) =>
  (name: string, offset: number, damage: (file: VhdxBuilder) => void): Row => ({
    name,
    structure,
    offset,
    symbol,
    damage,
    of,
  });
const header = structureRow("header");
const region = structureRow("region table entry");
const item = structureRow("metadata table entry");
const payload = structureRow("payload block entry");
const bitmap = structureRow("sector bitmap block entry", CORRUPT, child);
const log = structureRow("log descriptor", CORRUPT, dirtyVhdx);

const warning = { severity: "warning", repairable: true } as const;
const info = { severity: "info" } as const;

const ROWS: readonly Row[] = [
  {
    ...structureRow("file type identifier", "ERROR_VHD_FORMAT_UNKNOWN")(
      "a damaged file type identifier",
      0,
      (f) => f.u32(0, 0),
    ),
  },
  structureRow("headers")("two damaged headers", HEADERS[0], (f) => {
    HEADERS.forEach((at) => f.u32(at + 4000, 1));
  }),
  structureRow("headers")(
    "two different headers of one number",
    HEADERS[1] + 8,
    (f) => f.headers((at) => f.u64(at + 8, 5).u16(at + 100, at >> 16)),
  ),
  ...HEADERS.flatMap((at, i): Row[] => [
    {
      ...header(`a wrong checksum in header ${i + 1}`, at, (f) => f.u32(at + 3000, 1)),
      ...warning,
    },
    {
      ...header(`zeros over header ${i + 1}`, at, (f) => f.bytes.fill(0, at, at + 4096)),
      ...warning,
    },
  ]),
  {
    ...structureRow("header", UNSUPPORTED)(
      "version 2",
      HEADERS[1] + 66,
      (f) => f.headers((at) => f.u16(at + 66, 2)),
    ),
  },
  header("a log of broken MiB", HEADERS[1] + 68, (f) => f.headers((at) => f.u32(at + 68, 4096))),
  header("a log in the header area", HEADERS[1] + 72, (f) => f.headers((at) => f.u64(at + 72, 0))),
  header(
    "a log beyond the file",
    HEADERS[1] + 72,
    (f) => f.headers((at) => f.u64(at + 72, 6 * MIB)),
  ),
  header("the last sequence number", HEADERS[1], (f) => {
    f.u64(HEADERS[1] + 8, 2n ** 64n - 1n).seal(HEADERS[1], 4096);
  }),
  // The log.
  {
    ...structureRow("log", CORRUPT, dirty)("a log that was left behind", LOG, () => {}),
    ...warning,
    symbol: undefined,
  },
  structureRow("log", CORRUPT, dirtyVhdx)("a log without entries", LOG, () => {}),
  structureRow("log", CORRUPT, dirty)("a damaged log entry", LOG, (f) => f.u32(LOG + PAGE + 9, 7)),
  structureRow("log", CORRUPT, dirty)(
    "a log of another GUID",
    LOG,
    (f) => f.headers((at) => f.guid(at + 48, UNKNOWN_GUID)),
  ),
  structureRow("log entry header", CORRUPT, dirtyVhdx)(
    "a file that lost its end since the log was written",
    LOG + 48,
    (f) => putEntries(f, 0, { sequence: 1n, flushed: 9 * MIB }),
  ),
  log("a log that would change a header", LOG + 64 + 16, (f) =>
    putEntries(f, 0, {
      sequence: 1n,
      changes: [{ offset: HEADERS[0], page: new Uint8Array(PAGE) }],
    })),
  log(
    "a log that would change itself",
    LOG + 64 + 16,
    (f) =>
      putEntries(f, 0, { sequence: 1n, changes: [{ offset: LOG, page: new Uint8Array(PAGE) }] }),
  ),
  // Region tables.
  structureRow("region tables")("two damaged region tables", REGION_TABLES[0], (f) => {
    REGION_TABLES.forEach((at) => f.u32(at + 60000, 1));
  }),
  ...REGION_TABLES.flatMap((at, i): Row[] => [
    {
      ...structureRow("region table")(
        `a wrong checksum in region table ${i + 1}`,
        at,
        (f) => f.u32(at + 60000, 1),
      ),
      ...warning,
    },
  ]),
  {
    ...structureRow("region table")(
      "region tables that differ, each valid",
      REGION_TABLES[1] + 4,
      (f) => {
        f.u32(REGION_TABLES[1] + 5000, 1);
        f.seal(REGION_TABLES[1], 0x10000);
      },
    ),
    ...warning,
  },
  structureRow("region table")(
    "2048 regions",
    REGION_TABLES[0] + 8,
    (f) => f.regionTables((at) => f.u32(at + 8, 2048)),
  ),
  structureRow("region table")(
    "no metadata region",
    REGION_TABLES[0],
    (f) => f.regionTables((at) => f.u32(at + 8, 1)),
  ),
  region(
    "a region twice",
    REGION_TABLES[0] + 80,
    (f) => extraRegion(f, { guid: "2dc27766-f623-4200-9d64-115e9bfd4a08", offset: 6 * MIB }),
  ),
  region(
    "a region over another",
    REGION_TABLES[0] + 96,
    (f) => extraRegion(f, { offset: METADATA }),
  ),
  region("a region over the log", REGION_TABLES[0] + 96, (f) => extraRegion(f, { offset: LOG })),
  region("a region of broken MiB", REGION_TABLES[0] + 104, (f) => extraRegion(f, { length: 4096 })),
  region(
    "a region beyond the file",
    REGION_TABLES[0] + 96,
    (f) => extraRegion(f, { offset: 2 ** 40 }),
  ),
  structureRow("region table entry", UNSUPPORTED)(
    "an unknown required region",
    REGION_TABLES[0] + 80,
    (f) => extraRegion(f, { required: 1 }),
  ),
  // Metadata.
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
  structureRow("metadata table entry", CORRUPT, child)(
    "a parent locator in a disk without parent",
    FREE_ENTRY,
    (f) => f.u32(ITEMS.fileParameters + 4, 0),
  ),
  // Blocks.
  payload("a block of state 4", BAT + 16, (f) => f.bat(2, 4, 5)),
  payload("a block of state 7 without a parent", BAT + 16, (f) => f.bat(2, 7, 5)),
  payload("reserved bits of an entry", BAT + 16, (f) => f.u64(BAT + 16, (5 << 20) | 0x86)),
  payload("a block on the log", BAT + 16, (f) => f.bat(2, 6, 1)),
  payload("a block on the table", BAT + 16, (f) => f.bat(2, 6, 3)),
  payload("a block beyond the file", BAT + 16, (f) => f.bat(2, 6, 6)),
  payload("two blocks in one place", BAT + 16, (f) => f.bat(2, 6, 4)),
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

for (const { damage, of = dynamic, ...fault } of ROWS) {
  Deno.test(`check() of a VHDX finds ${fault.name}`, async () => {
    const file = of();
    damage(file);
    await assertFound(fault, file.bytes, "vhdx");
  });
}

Deno.test("check() finds nothing in the VHDX images that the faults are planted in", async () => {
  for (
    const file of [new VhdxBuilder(), dynamic(), child(), new VhdxBuilder({ subtype: "fixed" })]
  ) {
    assertEquals((await checkBytes(file.bytes, "vhdx")).findings, []);
  }
});
