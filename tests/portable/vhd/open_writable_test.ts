/** What a writable open repairs, and what it refuses. */
import { assertEquals, assertThrows } from "@std/assert";
import { ImageError } from "../../../src/portable/file/image_error.ts";
import { openVhd, openWritableVhd } from "../../../src/portable/vhd/open.ts";
import { VhdFile } from "../../../src/portable/vhd/vhd_file.ts";
import { RecordingSource } from "../../crash/recording_source.ts";
import { SparseFile } from "../../crash/sparse_file.ts";
import { assertBytesEqual, pattern } from "../../support.ts";
import { readImage } from "../image/read_image.ts";
import {
  assertFault,
  changed,
  DIFFERENCING_TABLE,
  DYNAMIC_TABLE,
  IDENTIFIER,
  newVhd,
  sealFooter,
  sealHeader,
  viewAt,
  withBlock,
} from "./vhd_builder.ts";
import { bytesOf } from "./recorded_vhd.ts";
import { pureTest } from "../../pure.ts";

const TABLE = "ERROR_VHD_BLOCK_ALLOCATION_TABLE_CORRUPT";
const BLOCK = 512 + 4096;

const fixed = newVhd({ subtype: "fixed" });
const dynamic = twoBlocks(newVhd(), DYNAMIC_TABLE);
const child = twoBlocks(newVhd({ subtype: "differencing" }), DIFFERENCING_TABLE);
const footer = dynamic.slice(-512);

function twoBlocks(image: Uint8Array<ArrayBuffer>, table: number): Uint8Array<ArrayBuffer> {
  const first = withBlock(image, table, 7, [0b1100_0101], pattern(4096));
  return withBlock(first, table, 2, [0b0000_1111], pattern(4096, 1));
}

/** What the file is after it was opened for writing and finished. */
function opened(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const file = SparseFile.of(bytes);
  openWritableVhd(file).finish();
  return bytesOf(file);
}

pureTest("openWritableVhd() changes nothing in a sound image", async (t) => {
  for (const [name, image] of Object.entries({ fixed, dynamic, child })) {
    await t.step(`${name}`, () => {
      const source = new RecordingSource<never>(SparseFile.of(image));
      openWritableVhd(source).finish();
      assertEquals(source.changes.filter(({ kind }) => kind !== "flush"), []);
    });
  }
});

pureTest("a footer of 511 bytes stays until it has to move", () => {
  assertEquals(opened(dynamic.slice(0, -1)).length, dynamic.length - 1);
  assertEquals(opened(fixed.slice(0, -1)).length, fixed.length - 1);
});

pureTest("a damaged footer is written anew from its copy, in its place", () => {
  assertBytesEqual(opened(changed(dynamic, dynamic.length - 300, [1])), dynamic);
  assertBytesEqual(opened(changed(child, child.length - 512, [0])), child);
});

pureTest("a missing footer is written after the last block", () => {
  assertBytesEqual(opened(dynamic.slice(0, -512)), dynamic);
  assertBytesEqual(opened(child.slice(0, -512)), child);
  assertBytesEqual(opened(dynamic.slice(0, -500)), dynamic);
});

pureTest("a missing footer is written after what a crash left behind the last block", () => {
  const left = new Uint8Array(dynamic.length + 1200);
  left.set(dynamic.subarray(0, -512));
  left.fill(7, dynamic.length - 512);
  const repaired = opened(left);
  assertEquals(repaired.length % 512, 0);
  assertBytesEqual(repaired.slice(-512), footer);
  assertEquals(repaired.length - left.length < 512, true);
});

pureTest("a damaged, missing or different copy is written anew from the footer", () => {
  assertBytesEqual(opened(changed(dynamic, 100, [1])), dynamic);
  assertBytesEqual(opened(changed(dynamic, 0, new Array(512).fill(0))), dynamic);
  const other = dynamic.slice();
  viewAt(other).setUint32(24, 1, false); // TimeStamp
  sealFooter(other, 0);
  assertBytesEqual(opened(other), dynamic);
});

pureTest("repairs keep reserved fields as their creator left them", () => {
  const hidden = dynamic.slice();
  hidden[85] = 1; // XenServer's mark of a hidden disk
  sealFooter(hidden, 0);
  const repaired = opened(hidden.slice(0, -512));
  assertBytesEqual(repaired.slice(-512), hidden.subarray(0, 512));
});

pureTest("a disk in saved state can be written, as its machine does that goes on", () => {
  const saved = dynamic.slice();
  for (const offset of [0, saved.length - 512]) {
    saved[offset + 84] = 1;
    sealFooter(saved, offset);
  }
  const file = SparseFile.of(saved);
  const image = openWritableVhd(file);
  image.write(pattern(512), 0);
  image.finish();
  assertBytesEqual(readImage([openVhd(file)], 0, 512), pattern(512));
  assertEquals(bytesOf(file)[84], 1);
});

/** Opening for writing is refused, with nothing written; opening for reading is not. */
function assertRefused(image: Uint8Array<ArrayBuffer>, structure: string, offset: number): void {
  openVhd(SparseFile.of(image));
  const source = new RecordingSource<never>(SparseFile.of(image));
  assertFault(image, { code: TABLE, structure, offset }, () => openWritableVhd(source));
  assertEquals(source.changes, []);
}

function withEntry(image: Uint8Array<ArrayBuffer>, index: number, entry: number) {
  const bytes = image.slice();
  viewAt(bytes).setUint32(DYNAMIC_TABLE + 4 * index, entry, false);
  return bytes;
}

const STRUCTURE = "block allocation table";
const lastBlock = (dynamic.length - 512 - BLOCK) / 512;

pureTest("openWritableVhd() refuses an image with a block in a place that is taken", async (t) => {
  for (
    const [name, entry] of [
      ["the same place", lastBlock],
      ["a place within another", lastBlock - 8],
      ["the footer", lastBlock + 1],
      ["the footer copy", 0],
      ["the table", DYNAMIC_TABLE / 512],
      ["the end of the file", 0xfffffffe],
    ] as const
  ) {
    await t.step(`${name}`, () => {
      assertRefused(withEntry(dynamic, 9, entry), STRUCTURE, DYNAMIC_TABLE + 4 * 9);
    });
  }
});

pureTest("more blocks than the file has room for keep it from being written", () => {
  let image = dynamic;
  for (const index of [3, 4, 5]) image = withEntry(image, index, lastBlock);
  assertRefused(image, STRUCTURE, DYNAMIC_TABLE + 4 * 4);
});

pureTest("entries beyond the end of the disk do not matter", () => {
  const small = newVhd({ virtualSize: 3 * 4096 });
  viewAt(small).setUint32(DYNAMIC_TABLE + 3 * 4, 0, false);
  openWritableVhd(SparseFile.of(small));
});

pureTest("a table that reaches into the footer keeps an image from being written", () => {
  const image = newVhd();
  const HEADER_TABLE_OFFSET = 512 + 16;
  viewAt(image).setBigUint64(HEADER_TABLE_OFFSET, BigInt(image.length - 512), false);
  sealHeader(image);
  assertFault(
    image,
    {
      code: "ERROR_VHD_SPARSE_HEADER_CORRUPT",
      structure: STRUCTURE,
      offset: image.length - 512,
    },
    () => openWritableVhd(SparseFile.of(image)),
  );
});

pureTest("what cannot be read cannot be written either", () => {
  const error = assertThrows(
    () => openWritableVhd(SparseFile.of(fixed.slice(0, -512))),
    ImageError,
  );
  assertEquals(error.symbol, "ERROR_VHD_DRIVE_FOOTER_MISSING");
});

pureTest("openWritableVhd() refuses a footer that openVhd() refuses, and writes nothing", () => {
  for (const image of [fixed, dynamic, child]) {
    const later = image.slice();
    for (const at of image === fixed ? [image.length - 512] : [0, image.length - 512]) {
      viewAt(later).setUint32(at + 12, 0x00020000, false); // The version of the format.
      sealFooter(later, at);
    }
    const file = new RecordingSource(SparseFile.of(later));
    const errors = [openVhd, openWritableVhd, VhdFile.open].map((open) => {
      const { symbol, options } = assertThrows(() => open(file), ImageError);
      return [symbol, options.detail?.structure, options.detail?.offset];
    });
    assertEquals(errors[0]![0], "ERROR_VHD_FORMAT_UNSUPPORTED_VERSION");
    for (const error of errors) assertEquals(error, errors[0]);
    assertEquals(file.changes, []);
  }
});

pureTest("openWritableVhd() tells the same identifier as openVhd()", () => {
  for (const image of [fixed, dynamic, child]) {
    const { identifier, virtualDiskId } = openWritableVhd(SparseFile.of(image));
    assertEquals([identifier, virtualDiskId], [IDENTIFIER, IDENTIFIER]);
  }
});
