/** Replacing the items of the disk: what is written, what stays, what does not fit. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { NIL_GUID } from "../../../src/bytes/guid.ts";
import { ImageError } from "../../../src/portable/file/image_error.ts";
import type { CopyableItem } from "../../../src/portable/image/image.ts";
import { planDiskItems } from "../../../src/portable/vhdx/metadata.ts";
import {
  encodeMetadataTable,
  readMetadataTable,
} from "../../../src/portable/vhdx/metadata_table.ts";
import { readStructures } from "../../../src/portable/vhdx/structures.ts";
import { openVhdx } from "../../../src/portable/vhdx/image.ts";
import { openWritableVhdx } from "../../../src/portable/vhdx/writable_image.ts";
import { RecordingSource } from "../../crash/recording_source.ts";
import { SparseFile } from "../../crash/sparse_file.ts";
import { assertBytesEqual, pattern } from "../../support.ts";
import {
  addItems,
  DISK,
  type RawItem,
  rawItem,
  rawItems,
  REQUIRED,
  textOf,
  USER,
} from "./item_bytes.ts";
import { FREE_ENTRY, METADATA, MIB, VhdxBuilder } from "./vhdx_builder.ts";
import { pureTest } from "../../pure.ts";
import { HoleySource } from "../file/memory_source.ts";

function fileWith(...items: RawItem[]): SparseFile {
  const { bytes } = new VhdxBuilder();
  addItems(bytes, items);
  return SparseFile.of(bytes);
}

function copyable(file: SparseFile): CopyableItem[] {
  return openVhdx(file).metadata!.copyable();
}

function wanted({ id, flags, reserved, bytes }: RawItem): CopyableItem {
  return {
    id,
    length: bytes.length,
    isUser: (flags & USER) !== 0,
    isVirtualDisk: true,
    isRequired: false,
    reserved: { flags: flags & ~7, field: reserved },
    read: () => bytes.slice(),
  };
}

function many(count: number, flags: number, length: number): CopyableItem[] {
  const bytes = pattern(length);
  return Array.from({ length: count }, (_, i) => wanted(rawItem(i, flags, bytes)));
}

pureTest(
  "MetadataWriter: what can be copied are the users' items, and those of the system that nobody knows",
  () => {
    const items = [
      rawItem(1, USER, pattern(10)),
      rawItem(2, DISK, pattern(5000)),
      rawItem(3, 0, new Uint8Array()),
      // In the name space of users it is nothing known.
      { ...rawItem(0, USER | DISK, pattern(9)), id: "2fa54224-cd1b-4876-b211-5dbed83bf4b8" },
    ];
    const found = copyable(fileWith(...items));
    assertEquals(found.map(({ id }) => id), items.map(({ id }) => id));
    for (const [i, { bytes }] of items.entries()) assertBytesEqual(found[i]!.read(), bytes);
    assertEquals(found.map(({ isUser, isVirtualDisk }) => [isUser, isVirtualDisk]), [
      [true, false],
      [false, true],
      [false, false],
      [true, true],
    ]);
  },
);

pureTest(
  "MetadataWriter: required geometry goes with the disk; an item without a GUID is left alone",
  () => {
    const chs = {
      ...rawItem(0, DISK | REQUIRED, pattern(8)),
      id: "da02d7bc-3d3a-423c-ac88-2a36ab21479b",
    };
    const nobodys = { ...rawItem(0, USER | DISK, pattern(9)), id: NIL_GUID };
    const file = fileWith(chs, nobodys);
    assertEquals(copyable(file).map(({ id, isRequired }) => [id, isRequired]), [[chs.id, true]]);
    const image = openWritableVhdx(file);
    assertEquals(image.metadata!.keys(), []);
    image.metadata!.setDiskItems([]);
    image.finish();
    assertEquals(textOf(rawItems(file.bytes())), textOf([nobodys]));
  },
);

pureTest(
  "MetadataWriter: items of the disk are replaced with all their bits, and others stay in their places",
  () => {
    const kept = rawItem(1, USER | DISK, pattern(2000));
    const own = [rawItem(2, USER, pattern(50)), rawItem(3, 0, pattern(60))];
    const changed = rawItem(4, DISK, pattern(70));
    const file = fileWith(kept, own[0]!, changed, rawItem(5, USER | DISK, pattern(80)), own[1]!);
    const before = file.bytes();
    const news = [kept, { ...changed, bytes: pattern(70, 1) }, rawItem(6, DISK, new Uint8Array())];
    const image = openWritableVhdx(file);
    image.metadata!.setDiskItems(news.map(wanted));
    const durable = file.fork().bytes();
    image.finish();
    for (const bytes of [durable, file.bytes()]) {
      assertEquals(textOf(rawItems(bytes)), textOf([...news, ...own]));
    }
    const entries = (bytes: Uint8Array, ...numbers: number[]) =>
      numbers.map((number) =>
        bytes.slice(FREE_ENTRY + 32 * number, FREE_ENTRY + 32 * (number + 1))
      );
    assertEquals(entries(file.bytes(), 0, 1, 2), entries(before, 0, 1, 4));
  },
);

pureTest("MetadataWriter: another reserved bit, flag or byte makes another item", () => {
  const base = rawItem(1, DISK, pattern(20));
  for (
    const other of [
      { ...base, reserved: base.reserved + 1 },
      { ...base, flags: base.flags | 8 },
      { ...base, bytes: pattern(20, 1) },
      { ...base, bytes: pattern(21) },
    ]
  ) {
    const file = fileWith(base);
    const image = openWritableVhdx(file);
    image.metadata!.setDiskItems([wanted(other)]);
    image.finish();
    assertEquals(textOf(rawItems(file.bytes())), textOf([other]));
  }
});

pureTest("MetadataWriter: nothing is written where the items are there already", () => {
  const items = [rawItem(1, DISK, pattern(2000)), rawItem(2, USER | DISK, new Uint8Array())];
  const file = new RecordingSource(fileWith(...items, rawItem(3, USER, pattern(5))));
  const image = openWritableVhdx(file);
  image.metadata!.setDiskItems(items.map(wanted));
  image.finish();
  assertEquals(file.changes.filter(({ kind }) => kind !== "flush"), []);
});

pureTest("MetadataWriter: nothing is put where an item still lies that goes", () => {
  const file = fileWith(rawItem(1, DISK, pattern(3000)), rawItem(2, USER | DISK, pattern(70_000)));
  const { source, regions } = readStructures(file);
  const items = [rawItem(3, DISK, pattern(2999)), rawItem(4, DISK, pattern(70_000, 1))];
  const { added } = planDiskItems(source, regions.metadata, items.map(wanted));
  assertEquals(added.length, 2);
  const all = [...readMetadataTable(source, regions.metadata)].concat(
    added.map(({ item, offset }) => ({ ...item, offset, entryOffset: 0 })),
  ).sort((a, b) => a.offset - b.offset);
  for (const [i, item] of all.entries()) {
    assert(i === 0 || all[i - 1]!.offset + all[i - 1]!.length <= item.offset, `${item.offset}`);
  }
});

pureTest(
  "MetadataWriter: the region grows for items of the disk, and they fill it from the start",
  () => {
    const file = fileWith(rawItem(100, DISK, pattern(MIB / 2)), rawItem(101, USER, pattern(100)));
    const image = openWritableVhdx(file);
    const items = many(30, USER, MIB).concat(many(30, 0, 1000));
    image.metadata!.setDiskItems(items);
    image.write(pattern(MIB), 0);
    image.finish();
    const found = copyable(file);
    assertEquals(found.length, items.length + 1);
    for (const item of items) {
      const other = found.find(({ id, isUser }) => id === item.id && isUser === item.isUser);
      assertBytesEqual(other!.read(), item.read());
    }
  },
);

pureTest(
  "MetadataWriter: items of the disk that no file may have are refused before anything is written",
  () => {
    const rows: Record<string, readonly CopyableItem[]> = {
      "1024 user items beside one": many(1024, USER, 1),
      "1024 system items": many(1024, 0, 1),
      "more than 40 MiB of users'": many(40, USER, MIB),
      "more than 40 MiB of the system's": many(40, 0, MIB),
      "an item of more than 1 MiB": many(1, USER, MIB + 1),
    };
    for (const [what, items] of Object.entries(rows)) {
      const file = new RecordingSource(fileWith(rawItem(5000, USER, pattern(9))));
      const { metadata } = openWritableVhdx(file);
      const error = assertThrows(() => metadata!.setDiskItems(items), ImageError);
      assertEquals(error.symbol, "ERROR_VHD_METADATA_FULL", what);
      assertEquals(file.changes, [], what);
    }
  },
);

pureTest(
  "planDiskItems(): an item for which no gap is left in the longest region is refused",
  () => {
    // Beside each of them there is room for 513 bytes less than 1 MiB.
    const table = Array.from({ length: 128 }, (_, i) => ({
      id: rawItem(i, USER, new Uint8Array()).id,
      offset: 0x10000 + i * (MIB - 512),
      length: 1,
      isUser: true,
      isVirtualDisk: false,
      isRequired: false,
    }));
    const region = { guid: "", offset: 0, length: 128 * MIB, required: true };
    const source = new HoleySource(region.length, [
      { offset: 0, bytes: encodeMetadataTable(table) },
    ]);
    const plan = (length: number) => planDiskItems(source, region, many(1, 0, length));
    assertEquals(plan(MIB - 513).added.map(({ offset }) => offset), [0x10001]);
    const error = assertThrows(() => plan(MIB - 512), ImageError);
    assertEquals(error.symbol, "ERROR_VHD_METADATA_FULL");
  },
);

pureTest(
  "MetadataWriter: an item that nobody knows keeps its reserved bits when another one goes",
  () => {
    const unknown = rawItem(2, DISK, pattern(60));
    const file = fileWith(rawItem(1, USER, pattern(10)), unknown);
    const image = openWritableVhdx(file);
    image.metadata!.delete(rawItem(1, USER, pattern(10)).id);
    image.finish();
    assertEquals(textOf(rawItems(file.bytes())), textOf([unknown]));
  },
);

pureTest("MetadataWriter: an item that gets another value keeps its flags", () => {
  const item = rawItem(1, USER | DISK, pattern(10));
  const file = fileWith(item);
  const image = openWritableVhdx(file);
  image.metadata!.set(item.id, pattern(5000));
  image.finish();
  assertEquals(textOf(rawItems(file.bytes())), textOf([{ ...item, bytes: pattern(5000) }]));
});

pureTest("MetadataWriter: the reserved bytes of the table stay what they are", () => {
  const builder = new VhdxBuilder();
  builder.u16(METADATA + 8, 0x1234).u32(METADATA + 12, 0x56789abc);
  const file = SparseFile.of(builder.bytes);
  const image = openWritableVhdx(file);
  image.metadata!.setDiskItems(many(3, USER, 10));
  image.finish();
  const view = new DataView(file.bytes().buffer);
  assertEquals(view.getUint16(METADATA + 8, true), 0x1234);
  assertEquals(view.getUint32(METADATA + 12, true), 0x56789abc);
});
