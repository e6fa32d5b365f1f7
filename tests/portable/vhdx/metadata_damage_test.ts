/** One row for each rule of the metadata region, and what the format leaves open. */
import { assertEquals } from "@std/assert";
import { imageExtents } from "../../../src/portable/image/image.ts";
import { openVhdx } from "../../../src/portable/vhdx/image.ts";
import { assertRefused, type DamageRow, extraItem, extraRegion, UNSUPPORTED } from "./damage.ts";
import {
  BAT,
  FREE_ENTRY,
  ITEMS,
  METADATA,
  MIB,
  UNKNOWN_GUID,
  VhdxBuilder,
} from "./vhdx_builder.ts";
import { pureTest } from "../../pure.ts";

const ROWS: readonly DamageRow[] = [
  {
    rule: "a metadata region of at most 128 MiB",
    damage: (f) => {
      f.regionTables((table) => f.u64(table + 64, 4 * MIB).u32(table + 72, 129 * MIB));
      f.append(f.bytes.slice(METADATA, METADATA + MIB));
      f.append(128 * MIB);
    },
    structure: "metadata table",
    offset: 4 * MIB,
  },
  {
    rule: "a metadata table signature",
    damage: (f) => f.u32(METADATA, 0),
    structure: "metadata table",
    offset: METADATA,
  },
  {
    rule: "at most 2047 items",
    damage: (f) => f.u16(METADATA + 10, 2048),
    structure: "metadata table",
    offset: METADATA + 10,
  },
  {
    rule: "each item once",
    damage: (f) => extraItem(f, { id: "2fa54224-cd1b-4876-b211-5dbed83bf4b8" }),
    structure: "metadata table entry",
    offset: FREE_ENTRY,
  },
  {
    rule: "at most 1024 user items",
    damage: (f) => {
      f.u16(METADATA + 10, 5 + 1025);
      for (let i = 0; i < 1025; i++) {
        f.guid(FREE_ENTRY + 32 * i, UNKNOWN_GUID).u32(FREE_ENTRY + 32 * i, i)
          .u32(FREE_ENTRY + 32 * i + 24, 1);
      }
    },
    structure: "metadata table entry",
    offset: FREE_ENTRY + 32 * 1024 + 24,
  },
  {
    rule: "an item of at most 1 MiB",
    damage: (f) => extraItem(f, { length: MIB + 1 }),
    structure: "metadata table entry",
    offset: FREE_ENTRY + 20,
  },
  {
    rule: "no offset for an empty item",
    damage: (f) => extraItem(f, { length: 0 }),
    structure: "metadata table entry",
    offset: FREE_ENTRY + 16,
  },
  {
    rule: "an item behind the table",
    damage: (f) => extraItem(f, { offset: 0xfff8 }),
    structure: "metadata table entry",
    offset: FREE_ENTRY + 16,
  },
  {
    rule: "an item within the region",
    damage: (f) => extraItem(f, { offset: MIB - 7 }),
    structure: "metadata table entry",
    offset: FREE_ENTRY + 16,
  },
  {
    rule: "an item offset without 32-bit wrap",
    damage: (f) => extraItem(f, { offset: 0xfffffffc }),
    structure: "metadata table entry",
    offset: FREE_ENTRY + 16,
  },
  {
    rule: "an item outside the others",
    damage: (f) => extraItem(f, { offset: 0x10020 }),
    structure: "metadata table entry",
    offset: FREE_ENTRY + 16,
  },
  {
    rule: "known required items",
    damage: (f) => extraItem(f, { flags: 4 }),
    code: UNSUPPORTED,
    structure: "metadata table entry",
    offset: FREE_ENTRY,
  },
  {
    rule: "known required items, the label area of persistent memory not among them",
    damage: (f) => extraItem(f, { id: "10e1ae8a-4b7e-4169-a40f-cd70de928393", flags: 4 }),
    code: UNSUPPORTED,
    structure: "metadata table entry",
    offset: FREE_ENTRY,
  },
  {
    rule: "known required items, the users' too",
    damage: (f) => extraItem(f, { id: "2fa54224-cd1b-4876-b211-5dbed83bf4b8", flags: 5 }),
    code: UNSUPPORTED,
    structure: "metadata table entry",
    offset: FREE_ENTRY,
  },
  {
    rule: "a finished file",
    damage: (f) =>
      extraItem(f, {
        id: "71cc85f0-1b69-4e28-9558-c3bf83ae75d3",
        offset: 0,
        length: 0,
        flags: 4,
      }),
    structure: "metadata table entry",
    offset: FREE_ENTRY,
  },
  ...["file parameters", "size", "logical sector size", "physical sector size", "disk id"].flatMap(
    (name, i): DamageRow[] => [{
      rule: `the ${name} item`,
      damage: (f) => f.guid(METADATA + 32 + 32 * i, UNKNOWN_GUID).u32(METADATA + 56 + 32 * i, 0),
      structure: "metadata table",
      offset: METADATA,
    }, {
      rule: `the length of the ${name} item`,
      damage: (f) => f.u32(METADATA + 52 + 32 * i, 3),
      structure: "metadata table entry",
      offset: METADATA + 52 + 32 * i,
    }],
  ),
  ...[0, MIB / 2, 3 * MIB, 512 * MIB, 0x80000000, 0xffffffff].map((size): DamageRow => ({
    rule: `the block size, not ${size}`,
    damage: (f) => f.u32(ITEMS.fileParameters, size),
    code: "ERROR_VHD_INVALID_BLOCK_SIZE",
    structure: "file parameters",
    offset: ITEMS.fileParameters,
  })),
  {
    rule: "clear file parameter bits",
    damage: (f) => f.u32(ITEMS.fileParameters + 4, 4),
    structure: "file parameters",
    offset: ITEMS.fileParameters + 4,
  },
  {
    rule: "a logical sector size of 512 or 4096",
    damage: (f) => f.u32(ITEMS.logicalSectorSize, 1024),
    structure: "logical sector size",
    offset: ITEMS.logicalSectorSize,
  },
  {
    rule: "a physical sector size of 512 or 4096",
    damage: (f) => f.u32(ITEMS.physicalSectorSize, 0),
    structure: "physical sector size",
    offset: ITEMS.physicalSectorSize,
  },
  ...[0n, 513n, 2n ** 46n + 512n, 2n ** 63n].map((size): DamageRow => ({
    rule: `the virtual size, not ${size}`,
    damage: (f) => f.u64(ITEMS.size, size),
    code: "ERROR_VHD_INVALID_SIZE",
    structure: "virtual disk size",
    offset: ITEMS.size,
  })),
  {
    rule: "a virtual size in sectors of 4096",
    damage: (f) => f.u32(ITEMS.logicalSectorSize, 4096).u64(ITEMS.size, 4096 * 9 + 512),
    code: "ERROR_VHD_INVALID_SIZE",
    structure: "virtual disk size",
    offset: ITEMS.size,
  },
  {
    rule: "a block table for the whole disk",
    damage: (f) => f.u64(ITEMS.size, 131072 * MIB),
    structure: "block allocation table",
    offset: BAT,
  },
  {
    rule: "a parent locator where there is a parent",
    damage: (f) => f.u32(ITEMS.fileParameters + 4, 2),
    structure: "metadata table",
    offset: METADATA,
  },
  {
    rule: "no parent locator where there is no parent",
    damage: (f) => f.u32(ITEMS.fileParameters + 4, 0),
    structure: "metadata table entry",
    offset: FREE_ENTRY,
    differencing: true,
  },
];

pureTest("openVhdx() refuses metadata that break a rule", async (t) => {
  for (const row of ROWS) {
    await t.step(row.rule, () => assertRefused(row));
  }
});

pureTest("what the format leaves open is taken: flags, versions, unknown items and regions", () => {
  const taken: Record<string, (file: VhdxBuilder) => void> = {
    "regions without Required": (f) =>
      f.regionTables((table) => f.u32(table + 44, 0).u32(table + 76, 0)),
    "unknown region": (f) => extraRegion(f, {}),
    "unknown item": (f) => extraItem(f, {}),
    "user item of a system item's GUID": (f) =>
      extraItem(f, { id: "2fa54224-cd1b-4876-b211-5dbed83bf4b8", flags: 1 }),
    "user item of the GUID of unfinished files": (f) =>
      extraItem(f, { id: "71cc85f0-1b69-4e28-9558-c3bf83ae75d3", flags: 1 }),
    "required geometry": (f) =>
      extraItem(f, { id: "da02d7bc-3d3a-423c-ac88-2a36ab21479b", flags: 4 }),
    "empty item": (f) => extraItem(f, { offset: 0, length: 0 }),
    "system items without flags": (f) => [0, 1, 2].forEach((i) => f.u32(METADATA + 56 + 32 * i, 0)),
    "log version of an empty log": (f) => f.headers((header) => f.u16(header + 64, 7)),
    "no log": (f) => f.headers((header) => f.u32(header + 68, 0).u64(header + 72, 0)),
    "equal headers": (f) => f.headers((header) => f.u64(header + 8, 5)),
    "more of a file than whole MiB": (f) => f.append(100),
    "offsets in states without one": (f) => f.bat(0, 0, 1).bat(1, 2, 2 ** 43),
  };
  for (const [what, change] of Object.entries(taken)) {
    const file = new VhdxBuilder();
    change(file);
    const image = openVhdx(file.source());
    const kinds = [...imageExtents(image, 0, image.virtualSize)].map(({ kind }) => kind);
    assertEquals(new Set(kinds), new Set(["zero"]), what);
  }
});
