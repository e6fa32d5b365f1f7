/** Writing metadata items: limits, room, and that nothing else of the region changes. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { ImageError } from "../../../src/portable/file/image_error.ts";
import { findItemSpace } from "../../../src/portable/vhdx/metadata_table.ts";
import { MetadataWriter } from "../../../src/portable/vhdx/metadata.ts";
import { PARENT_LOCATOR } from "../../../src/portable/vhdx/metadata_items.ts";
import { VhdxFile } from "../../../src/portable/vhdx/vhdx_file.ts";
import { openVhdx } from "../../../src/portable/vhdx/image.ts";
import { openWritableVhdx } from "../../../src/portable/vhdx/writable_image.ts";
import { NIL_GUID } from "../../../src/bytes/guid.ts";
import { RecordingSource } from "../../crash/recording_source.ts";
import { SparseFile } from "../../crash/sparse_file.ts";
import { assertBytesEqual, pattern } from "../../support.ts";
import { readImage } from "../image/read_image.ts";
import { loggedCounts } from "./log_builder.ts";
import { DISK_ID, FREE_ENTRY, METADATA, MIB, UNKNOWN_GUID, VhdxBuilder } from "./vhdx_builder.ts";
import { pureTest } from "../../pure.ts";

const NEW_ID = "fedcba98-7654-3210-fedc-ba9876543210";

function itemId(number: number): string {
  return `00000000-0000-0000-0000-${String(number + 1).padStart(12, "0")}`;
}

function newFile(): SparseFile {
  return SparseFile.of(new VhdxBuilder().bytes);
}

function assertFull(run: () => unknown): void {
  assertEquals(assertThrows(run, ImageError).symbol, "ERROR_VHD_METADATA_FULL");
}

pureTest(
  "MetadataWriter: items are listed, read, replaced and deleted, also when the file is opened again",
  () => {
    const file = newFile();
    let { metadata, finish } = open(file);
    assertEquals([metadata.keys(), metadata.get(itemId(0)), metadata.delete(itemId(0))], [
      [],
      undefined,
      false,
    ]);
    metadata.set(itemId(0), pattern(5000));
    metadata.set(`{${itemId(10).toUpperCase()}}`, pattern(70_000, 1));
    metadata.set(itemId(2), new Uint8Array());
    finish();
    const read = openVhdx(file).metadata!;
    assertEquals(read.keys(), [itemId(0), itemId(10), itemId(2)]);
    assertBytesEqual(read.get(itemId(0))!, pattern(5000));
    assertBytesEqual(read.get(itemId(10))!, pattern(70_000, 1));
    assertEquals(read.get(itemId(2))?.length, 0);
    ({ metadata, finish } = open(file));
    metadata.set(itemId(2), pattern(9));
    assertEquals([metadata.delete(itemId(0)), metadata.delete(itemId(0))], [true, false]);
    assertEquals(metadata.keys().sort(), [itemId(10), itemId(2)].sort());
    assertBytesEqual(metadata.get(itemId(2))!, pattern(9));
    finish();
  },
);

function open(file: SparseFile) {
  const image = openWritableVhdx(file);
  return { metadata: image.metadata!, finish: () => image.finish() };
}

pureTest("MetadataWriter: an item is durable when set() returns", () => {
  const file = newFile();
  const image = openWritableVhdx(file);
  image.metadata!.set(itemId(1), pattern(10));
  assertBytesEqual(openVhdx(file.fork()).metadata!.get(itemId(1))!, pattern(10));
});

pureTest("MetadataWriter: the limits of items are enforced before anything is written", () => {
  const file = new RecordingSource(newFile());
  const { metadata } = openWritableVhdx(file);
  assertFull(() => metadata!.set(itemId(0), new Uint8Array(MIB + 1)));
  const zero = assertThrows(() => metadata!.set(NIL_GUID, pattern(1)), ImageError);
  assertEquals(zero.symbol, "ERROR_INVALID_PARAMETER");
  assertThrows(() => metadata!.set("no guid", pattern(1)), TypeError);
  assertEquals(file.changes, []);
});

pureTest("MetadataWriter: a file takes 1024 items and no more", () => {
  const { metadata } = open(newFile());
  for (let i = 0; i < 1024; i++) metadata.set(itemId(i), pattern(3, i));
  assertFull(() => metadata.set(itemId(1024), pattern(3)));
  metadata.set(itemId(7), pattern(4));
  metadata.delete(itemId(8));
  metadata.set(itemId(1024), pattern(3));
  assertEquals(metadata.keys().length, 1024);
});

pureTest(
  "MetadataWriter: the region grows for items up to 40 MiB together, and the disk stays as it is",
  () => {
    const file = newFile();
    const image = openWritableVhdx(file);
    image.write(pattern(MIB), 3 * MIB);
    for (let i = 0; i < 40; i++) image.metadata!.set(itemId(i), pattern(MIB, i));
    assertFull(() => image.metadata!.set(itemId(40), pattern(1)));
    image.write(pattern(MIB, 5), 4 * MIB);
    image.finish();
    const read = openVhdx(file);
    for (let i = 0; i < 40; i++) assertBytesEqual(read.metadata!.get(itemId(i))!, pattern(MIB, i));
    assertBytesEqual(readImage([read], 3 * MIB, MIB), pattern(MIB));
    assertBytesEqual(readImage([read], 4 * MIB, MIB), pattern(MIB, 5));
    // The old regions are free once the file is opened anew.
    const { size } = file;
    const again = openWritableVhdx(file);
    again.write(pattern(MIB), 0);
    again.finish();
    assertEquals(file.size, size);
  },
);

pureTest("MetadataWriter: items of other kinds stay as they are, byte for byte", () => {
  const builder = new VhdxBuilder();
  // A system item that nobody knows and need not, with bits that are reserved.
  builder.guid(FREE_ENTRY, UNKNOWN_GUID).u32(FREE_ENTRY + 16, 0x20000).u32(FREE_ENTRY + 20, 100)
    .u32(FREE_ENTRY + 24, 0).u32(FREE_ENTRY + 28, 0xabcdef).u16(METADATA + 10, 6);
  builder.bytes.set(pattern(100), METADATA + 0x20000);
  const file = SparseFile.of(builder.bytes);
  const { metadata, finish } = open(file);
  for (let i = 0; i < 20; i++) metadata.set(itemId(i), pattern(20_000, i));
  for (let i = 0; i < 20; i += 2) metadata.delete(itemId(i));
  finish();
  const bytes = new Uint8Array(file.size);
  file.readAt(bytes, 0);
  assertBytesEqual(
    bytes.slice(FREE_ENTRY, FREE_ENTRY + 32),
    builder.bytes.slice(FREE_ENTRY, FREE_ENTRY + 32),
  );
  assertBytesEqual(bytes.slice(METADATA + 0x20000, METADATA + 0x20064), pattern(100));
});

pureTest("MetadataWriter: the disk's identity and physical sector size can be changed", () => {
  const file = newFile();
  const image = openWritableVhdx(file);
  assertEquals([image.virtualDiskId, image.physicalSectorSize], [DISK_ID, 4096]);
  image.setVirtualDiskId!(`{${NEW_ID.toUpperCase()}}`);
  image.setPhysicalSectorSize!(512);
  assertEquals([image.virtualDiskId, image.physicalSectorSize], [NEW_ID, 512]);
  image.finish();
  const read = openVhdx(file);
  assertEquals([read.virtualDiskId, read.physicalSectorSize, read.logicalSectorSize], [
    NEW_ID,
    512,
    512,
  ]);
  assertThrows(() => image.setVirtualDiskId!("no guid"), TypeError);
});

pureTest(
  "MetadataWriter: a system item of more than 1 MiB is refused before anything is written",
  () => {
    const file = new RecordingSource(
      SparseFile.of(new VhdxBuilder({ subtype: "differencing" }).bytes),
    );
    const replace = (length: number) =>
      new MetadataWriter(VhdxFile.open(file)).replaceSystemItem(
        PARENT_LOCATOR,
        pattern(length),
        true,
      );
    assertFull(() => replace(MIB + 1));
    assertEquals(file.changes, []);
    replace(MIB);
  },
);

pureTest("MetadataWriter: an item goes into the first gap that is large enough", () => {
  const item = (offset: number, length: number) => ({
    id: UNKNOWN_GUID,
    offset,
    length,
    isUser: true,
    isVirtualDisk: false,
    isRequired: false,
  });
  const items = [item(0x10000, 10), item(0x10064, 10), item(0, 0), item(0x1000a, 20)];
  assertEquals(findItemSpace(items, 70, MIB), 0x1001e);
  assertEquals(findItemSpace(items, 71, MIB), 0x1006e);
  assertEquals(findItemSpace(items, MIB - 0x1006e, MIB), 0x1006e);
  assert(findItemSpace(items, MIB - 0x1006d, MIB) === undefined);
});

pureTest("MetadataWriter: nothing of an item that was deleted stays in the table", () => {
  const file = newFile();
  const { metadata, finish } = open(file);
  for (let i = 0; i < 3; i++) metadata.set(itemId(i), pattern(100, i));
  for (const i of [0, 2, 1]) metadata.delete(itemId(i));
  finish();
  const entries = new Uint8Array(3 * 32);
  file.readAt(entries, FREE_ENTRY);
  assertBytesEqual(entries, new Uint8Array(3 * 32));
});

pureTest("MetadataWriter: an entry of the log with all the pages it can have gets no more", () => {
  const file = SparseFile.of(new VhdxBuilder({ logicalSectorSize: 4096 }).bytes);
  const image = openWritableVhdx(file);
  image.write(pattern(MIB), 0, false);
  image.metadata!.set(itemId(0), pattern(10));
  image.finish();
  const recording = new RecordingSource<never>(file);
  const again = openWritableVhdx(recording);
  again.keepSectorsWhole!();
  again.write(pattern(126 * 4096, 1), 0, false);
  assertEquals(again.metadata!.delete(itemId(0)), true);
  assertEquals(loggedCounts(recording.changes), [0, 126, 1]);
});
