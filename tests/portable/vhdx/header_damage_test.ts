/** One row for each rule of headers, log place and region tables. */
import { assertEquals, assertThrows } from "@std/assert";
import { ImageError } from "../../../src/portable/file/image_error.ts";
import { openVhdx } from "../../../src/portable/vhdx/image.ts";
import { assertRefused, CORRUPT, type DamageRow, extraRegion, UNSUPPORTED } from "./damage.ts";
import {
  HEADERS,
  LOG,
  METADATA,
  MIB,
  REGION_TABLES,
  UNKNOWN_GUID,
  VhdxBuilder,
} from "./vhdx_builder.ts";
import { pureTest } from "../../pure.ts";

const BAT_GUID = "2dc27766-f623-4200-9d64-115e9bfd4a08";
/** The second header is current. */
const CURRENT = HEADERS[1];
const REGIONS = REGION_TABLES[0];

const ROWS: readonly DamageRow[] = [
  {
    rule: "the file type identifier",
    damage: (f) => f.u32(0, 0),
    code: "ERROR_VHD_FORMAT_UNKNOWN",
    structure: "file type identifier",
    offset: 0,
  },
  {
    rule: "a whole header area",
    damage: (f) => f.bytes = f.bytes.slice(0, MIB - 1),
    structure: "header area",
    offset: 0,
  },
  {
    rule: "a header signature",
    damage: (f) => HEADERS.forEach((header) => f.u32(header, 0)),
    structure: "headers",
    offset: HEADERS[0],
  },
  {
    rule: "a header checksum",
    damage: (f) => HEADERS.forEach((header) => f.u32(header + 4000, 1)),
    structure: "headers",
    offset: HEADERS[0],
  },
  {
    rule: "one header that is newer than the other",
    damage: (f) => f.headers((header) => f.u64(header + 8, 5).u16(header + 100, header >> 16)),
    structure: "headers",
    offset: HEADERS[1] + 8,
  },
  {
    rule: "the version",
    damage: (f) => f.headers((header) => f.u16(header + 66, 2)),
    code: UNSUPPORTED,
    structure: "header",
    offset: CURRENT + 66,
  },
  {
    rule: "the log version where there is a log",
    damage: (f) => f.headers((header) => f.u16(header + 64, 1).guid(header + 48, UNKNOWN_GUID)),
    code: UNSUPPORTED,
    structure: "header",
    offset: CURRENT + 64,
  },
  {
    rule: "a log length in MiB",
    damage: (f) => f.headers((header) => f.u32(header + 68, 4096)),
    structure: "header",
    offset: CURRENT + 68,
  },
  {
    rule: "a log length of at most 1 GiB",
    damage: (f) => f.headers((header) => f.u32(header + 68, 1025 * MIB)),
    structure: "header",
    offset: CURRENT + 68,
  },
  {
    rule: "a log where its GUID is set",
    damage: (f) => f.headers((header) => f.u32(header + 68, 0).guid(header + 48, UNKNOWN_GUID)),
    structure: "header",
    offset: CURRENT + 68,
  },
  {
    rule: "a log offset in MiB",
    damage: (f) => f.headers((header) => f.u64(header + 72, MIB + 4096)),
    structure: "header",
    offset: CURRENT + 72,
  },
  {
    rule: "a log outside the header area",
    damage: (f) => f.headers((header) => f.u64(header + 72, 0)),
    structure: "header",
    offset: CURRENT + 72,
  },
  {
    rule: "a log within the file",
    damage: (f) => f.headers((header) => f.u64(header + 72, 4 * MIB)),
    structure: "header",
    offset: CURRENT + 72,
  },
  {
    rule: "a log offset without 64-bit wrap",
    damage: (f) => f.headers((header) => f.u64(header + 72, 2n ** 64n - BigInt(MIB))),
    structure: "header",
    offset: CURRENT + 72,
  },
  {
    rule: "an active log sequence",
    damage: (f) => f.headers((header) => f.guid(header + 48, UNKNOWN_GUID)),
    structure: "log",
    offset: LOG,
  },
  {
    rule: "a region table signature",
    damage: (f) => f.regionTables((table) => f.u32(table, 0)),
    structure: "region tables",
    offset: REGIONS,
  },
  {
    rule: "a region table checksum",
    damage: (f) => REGION_TABLES.forEach((table) => f.u32(table + 0xfffc, 1)),
    structure: "region tables",
    offset: REGIONS,
  },
  {
    rule: "at most 2047 regions",
    damage: (f) => f.regionTables((table) => f.u32(table + 8, 2048)),
    structure: "region table",
    offset: REGIONS + 8,
  },
  {
    rule: "each region once",
    damage: (f) => extraRegion(f, { guid: BAT_GUID }),
    structure: "region table entry",
    offset: REGIONS + 80,
  },
  {
    rule: "known required regions",
    damage: (f) => extraRegion(f, { required: 1 }),
    code: UNSUPPORTED,
    structure: "region table entry",
    offset: REGIONS + 80,
  },
  {
    rule: "a region length",
    damage: (f) => extraRegion(f, { length: 0 }),
    structure: "region table entry",
    offset: REGIONS + 104,
  },
  {
    rule: "a region length in MiB",
    damage: (f) => extraRegion(f, { length: 4096 }),
    structure: "region table entry",
    offset: REGIONS + 104,
  },
  {
    rule: "a region offset in MiB",
    damage: (f) => extraRegion(f, { offset: 4 * MIB + 4096 }),
    structure: "region table entry",
    offset: REGIONS + 96,
  },
  {
    rule: "a region within the file",
    damage: (f) => extraRegion(f, { length: 3 * MIB }),
    structure: "region table entry",
    offset: REGIONS + 96,
  },
  {
    rule: "a region outside the header area",
    damage: (f) => extraRegion(f, { offset: 0 }),
    structure: "region table entry",
    offset: REGIONS + 96,
  },
  {
    rule: "a region outside the log",
    damage: (f) => extraRegion(f, { offset: LOG }),
    structure: "region table entry",
    offset: REGIONS + 96,
  },
  {
    rule: "a region outside the others",
    damage: (f) => extraRegion(f, { offset: METADATA, length: 2 * MIB }),
    structure: "region table entry",
    offset: REGIONS + 96,
  },
  {
    rule: "a block allocation table",
    damage: (f) => f.regionTables((table) => f.guid(table + 16, UNKNOWN_GUID).u32(table + 44, 0)),
    structure: "region table",
    offset: REGIONS,
  },
  {
    rule: "metadata",
    damage: (f) => f.regionTables((table) => f.u32(table + 8, 1)),
    structure: "region table",
    offset: REGIONS,
  },
];

pureTest("openVhdx() refuses headers and region tables that break a rule", async (t) => {
  for (const row of ROWS) {
    await t.step(row.rule, () => assertRefused(row));
  }
});

pureTest("a file cut anywhere is refused where the cut reaches what is needed", () => {
  const whole = new VhdxBuilder().bytes;
  const cuts = [0, 7, 8, 520, 0xffff, 0x10800, 0x20800, 0x30800, MIB - 1, MIB, 2 * MIB, 3 * MIB];
  for (const length of [...cuts, ...cuts.map((cut) => cut + 1), 4 * MIB - 1]) {
    const file = new VhdxBuilder();
    file.bytes = whole.slice(0, length);
    const error = assertThrows(() => openVhdx(file.source()), ImageError);
    assertEquals(error.symbol, length < 8 ? "ERROR_VHD_FORMAT_UNKNOWN" : CORRUPT, String(length));
  }
});
