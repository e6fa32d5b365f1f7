/**
 * Faults planted in what a VHDX begins with, one by one: a check finds each, at its place, and nothing
 * beside it.
 */
import { assertEquals } from "@std/assert";
import { extraRegion } from "./damage.ts";
import { batPage, dirtyVhdx, PAGE, putEntries } from "./log_builder.ts";
import {
  HEADERS,
  LOG,
  METADATA,
  MIB,
  REGION_TABLES,
  UNKNOWN_GUID,
  VhdxBuilder,
} from "./vhdx_builder.ts";
import { checkBytes } from "../operations/planted.ts";
import { child, dirty, dynamic, type Row, structureRow, testFaults } from "./planted_vhdx.ts";
import { pureTest } from "../../pure.ts";

const CORRUPT = "ERROR_FILE_CORRUPT";
const UNSUPPORTED = "ERROR_VHD_FORMAT_UNSUPPORTED_VERSION";

const header = structureRow("header");
const region = structureRow("region table entry");
const log = structureRow("log descriptor", CORRUPT, dirtyVhdx);

const warning = { severity: "warning", repairable: true } as const;

const ROWS: readonly Row[] = [
  {
    ...structureRow("file type identifier", "ERROR_VHD_FORMAT_UNKNOWN")(
      "a damaged file type identifier",
      0,
      (f) => f.u32(0, 0),
    ),
  },
  {
    ...structureRow("header area")("a file that ends before its headers", 0, (f) => {
      f.bytes = f.bytes.slice(0, HEADERS[0]);
    }),
    isCutOff: true,
  },
  {
    ...header("a file that ends behind its header area", HEADERS[1] + 72, (f) => {
      f.bytes = f.bytes.slice(0, MIB);
    }),
    isCutOff: true,
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
  {
    ...header(
      "a log beyond the file",
      HEADERS[1] + 72,
      (f) => f.headers((at) => f.u64(at + 72, 6 * MIB)),
    ),
    isCutOff: true,
  },
  header("the last sequence number", HEADERS[1], (f) => {
    f.u64(HEADERS[1] + 8, 2n ** 64n - 1n).seal(HEADERS[1], 4096);
  }),
  // The log.
  {
    ...structureRow("log", CORRUPT, dirty)("a log that was left behind", LOG, () => {}),
    ...warning,
    symbol: undefined,
  },
  header(
    "a log of more than 1 GiB",
    HEADERS[1] + 68,
    (f) => f.headers((at) => f.u32(at + 68, 1025 * MIB)),
  ),
  {
    ...structureRow("header", CORRUPT, dirty)(
      "a log without length",
      HEADERS[1] + 68,
      (f) => f.headers((at) => f.u32(at + 68, 0)),
    ),
  },
  structureRow("header", UNSUPPORTED, dirty)(
    "log version 1",
    HEADERS[1] + 64,
    (f) => f.headers((at) => f.u16(at + 64, 1)),
  ),
  structureRow("log", CORRUPT, dirtyVhdx)("a log without entries", LOG, () => {}),
  structureRow("log", CORRUPT, dirty)("a damaged log entry", LOG, (f) => f.u32(LOG + PAGE + 9, 7)),
  structureRow("log", CORRUPT, dirty)(
    "a log of another GUID",
    LOG,
    (f) => f.headers((at) => f.guid(at + 48, UNKNOWN_GUID)),
  ),
  {
    ...structureRow("log entry header", CORRUPT, dirtyVhdx)(
      "a file that lost its end since the log was written",
      LOG + 48,
      (f) => putEntries(f, 0, { sequence: 1n, flushed: 9 * MIB }),
    ),
    isCutOff: true,
  },
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
  log(
    "a log that would change what lies behind the file",
    LOG + 64 + 16,
    (f) => putEntries(f, 0, { sequence: 1n, changes: [{ ...batPage(6, 4), offset: 9 * MIB }] }),
  ),
  log(
    "a log that would zero what lies behind the file",
    LOG + 64 + 8,
    (f) => putEntries(f, 0, { sequence: 1n, changes: [{ offset: 4 * MIB, zeros: 9 * MIB }] }),
  ),
  structureRow("log entry header", CORRUPT, dirtyVhdx)(
    "a log of a file of exabytes",
    LOG + 56,
    (f) => putEntries(f, 0, { sequence: 1n, last: 2 ** 50 }),
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
    "no block allocation table region",
    REGION_TABLES[0],
    (f) => f.regionTables((at) => f.guid(at + 16, UNKNOWN_GUID).u32(at + 16 + 28, 0)),
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
  region("a region without length", REGION_TABLES[0] + 104, (f) => extraRegion(f, { length: 0 })),
  region(
    "a region at a broken MiB",
    REGION_TABLES[0] + 96,
    (f) => extraRegion(f, { offset: 4 * MIB + 512 }),
  ),
  {
    ...region(
      "a region beyond the file",
      REGION_TABLES[0] + 96,
      (f) => extraRegion(f, { offset: 2 ** 40 }),
    ),
    isCutOff: true,
  },
  structureRow("region table entry", UNSUPPORTED)(
    "an unknown required region",
    REGION_TABLES[0] + 80,
    (f) => extraRegion(f, { required: 1 }),
  ),
];

testFaults(ROWS);

pureTest("check() finds nothing in the VHDX images that the faults are planted in", async () => {
  for (
    const file of [new VhdxBuilder(), dynamic(), child(), new VhdxBuilder({ subtype: "fixed" })]
  ) {
    assertEquals((await checkBytes(file.bytes, "vhdx")).findings, []);
  }
});
