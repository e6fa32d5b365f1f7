/** What a VHDX should not hold though no reader minds: a check tells of it, and takes the image for sound. */
import { assertEquals } from "@std/assert";
import { extraItem } from "./damage.ts";
import { batPage, putEntries } from "./log_builder.ts";
import {
  BAT,
  FREE_ENTRY,
  HEADERS,
  ITEMS,
  LOG,
  METADATA,
  MIB,
  REGION_TABLES,
  type VhdxBuilder,
} from "./vhdx_builder.ts";
import { addItems, type RawItem, rawItem, USER } from "./item_bytes.ts";
import { checkBytes } from "../operations/planted.ts";
import { child, dirty, dynamic, type Row, testFaults } from "./planted_vhdx.ts";
import { pureTest } from "../../pure.ts";

const NIL = "00000000-0000-0000-0000-000000000000";
const SECOND = "01234567-89ab-cdef-0123-456789abcdee";

function systemItem(number: number, length: number): RawItem {
  return { ...rawItem(number, 0, new Uint8Array(length)), flags: 0, reserved: 0 };
}

/** Gives the metadata a region of so many MiB at the end of the file, and a block the former place. */
function moveMetadata(file: VhdxBuilder, mebibytes: number): void {
  const items = file.bytes.slice(METADATA, METADATA + MIB);
  const offset = file.append(mebibytes * MIB);
  file.bytes.set(items, offset);
  file.regionTables((at) => file.u64(at + 64, offset).u32(at + 72, mebibytes * MIB));
  file.bat(3, 6, METADATA / MIB);
}

type Unusual = [
  name: string,
  structure: string,
  offset: number,
  damage: (file: VhdxBuilder) => void,
  of?: () => VhdxBuilder,
];

const ROWS: readonly Unusual[] = [
  ["a file that ends within a MiB", "file", 6 * MIB, (f) => f.append(512)],
  ["a log version without a log", "header", HEADERS[1] + 64, (f) => {
    f.headers((at) => f.u16(at + 64, 1));
  }],
  ["a reserved byte of the headers", "header", HEADERS[1] + 200, (f) => {
    f.headers((at) => f.u32(at + 200, 1));
  }],
  ["a reserved byte of the region tables", "region table", REGION_TABLES[0] + 13, (f) => {
    f.regionTables((at) => f.u32(at + 12, 0x100));
  }],
  ["unknown flags of a region", "region table entry", REGION_TABLES[0] + 76, (f) => {
    f.regionTables((at) => f.u32(at + 76, 3));
  }],
  ["reserved bytes before the entry count", "metadata table", METADATA + 8, (f) => {
    f.u16(METADATA + 8, 1);
  }],
  ["reserved bytes of the metadata table", "metadata table", METADATA + 31, (f) => {
    f.bytes[METADATA + 31] = 1;
  }],
  ["a disk size that is not of the disk", "metadata table entry", METADATA + 64 + 24, (f) => {
    f.u32(METADATA + 64 + 24, 4);
  }],
  ["unknown flags of an item", "metadata table entry", FREE_ENTRY + 24, (f) => {
    extraItem(f, { flags: 8 });
  }],
  ["an item of a nil GUID", "metadata table entry", FREE_ENTRY, (f) => extraItem(f, { id: NIL })],
  ["a reserved byte of an item", "metadata table entry", METADATA + 32 + 28, (f) => {
    f.u32(METADATA + 32 + 28, 1);
  }],
  ["more system items than other programs take", "metadata table", METADATA, (f) => {
    addItems(f.bytes, Array.from({ length: 1019 }, (_, i) => systemItem(i, 1)));
  }],
  ["longer system items than other programs take", "metadata table", 6 * MIB, (f) => {
    moveMetadata(f, 42);
    const items = Array.from({ length: 40 }, (_, i) => systemItem(i, MIB));
    addItems(f.bytes, items, 42 * MIB);
  }],
  ["longer user items than other programs take", "metadata table", 6 * MIB, (f) => {
    moveMetadata(f, 42);
    const items = Array.from({ length: 41 }, (_, i) => ({ ...systemItem(i, MIB), flags: USER }));
    addItems(f.bytes, items, 42 * MIB);
  }],
  ["a reserved byte of a parent locator", "parent locator", ITEMS.parentLocator + 16, (f) => {
    f.u16(ITEMS.parentLocator + 16, 1);
  }, child],
  ["an entry of a child's table behind the disk", "block allocation table", BAT + 800, (f) => {
    f.bat(100, 6, 4);
  }, child],
];

testFaults(ROWS.map(([name, structure, offset, damage, of]): Row => ({
  name,
  structure,
  offset,
  damage,
  severity: "info",
  ...(of === undefined ? {} : { of }),
})));

pureTest("check() of a VHDX: an item of a user may have the id of one of the system", async () => {
  const file = dynamic();
  extraItem(file, { id: "2fa54224-cd1b-4876-b211-5dbed83bf4b8", flags: USER });
  assertEquals((await checkBytes(file.bytes, "vhdx")).findings, []);
});

pureTest("check() of a VHDX finds file offsets in its log that are no whole MiB", async () => {
  const file = dirty();
  const changes = [batPage(6, 4)];
  putEntries(file, 0, { sequence: 1n, changes, flushed: 5 * MIB - 1, last: 5 * MIB - 512 });
  const { findings } = await checkBytes(file.bytes, "vhdx");
  assertEquals(findings.map(({ severity, structure, offset }) => [severity, structure, offset]), [
    ["info", "log entry header", LOG + 48],
    ["info", "log entry header", LOG + 56],
    ["warning", "log", LOG],
  ]);
});

pureTest("check() of a VHDX finds a merge that has not come to its end", async () => {
  const file = child();
  const text = (guid: string) => new TextEncoder().encode([...`{${guid}}`].join("\0") + "\0");
  const item = file.bytes.subarray(ITEMS.parentLocator);
  const nil = text(NIL);
  const at = item.findIndex((_, i) => nil.every((byte, j) => item[i + j] === byte));
  item.set(text(SECOND), at);
  const { sound, findings } = await checkBytes(file.bytes, "vhdx");
  assertEquals(findings.map(({ severity, structure, offset }) => [severity, structure, offset]), [
    ["info", "parent locator", ITEMS.parentLocator],
  ]);
  assertEquals(sound, true);
});
