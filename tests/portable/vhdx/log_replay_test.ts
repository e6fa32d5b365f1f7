import { assertEquals } from "@std/assert";
import { openVhdx } from "../../../src/portable/vhdx/image.ts";
import { assertBytesEqual, pattern } from "../../support.ts";
import { readImage } from "../image/read_image.ts";
import {
  batPage,
  type Change,
  dirtyVhdx,
  firstBlock,
  PAGE,
  putEntries,
  roomy,
} from "./log_builder.ts";
import { METADATA, MIB, UNKNOWN_GUID } from "./vhdx_builder.ts";
import { pureTest } from "../../pure.ts";

pureTest("a log with one entry is applied, all 4096 bytes of its page", () => {
  const builder = roomy();
  const page = pattern(PAGE, 7);
  putEntries(builder, 0, { sequence: 1n, changes: [batPage(6, 5), { offset: 6 * MIB, page }] });
  assertEquals(firstBlock(builder), "file 5");
  const bytes = new Uint8Array(PAGE + 200);
  const { source } = openVhdx(builder.source());
  assertEquals(source.readAt(bytes, 6 * MIB - 100), bytes.length);
  const expected = new Uint8Array(PAGE + 200);
  expected.set(page, 100);
  assertBytesEqual(bytes, expected);
});

pureTest("a log whose GUID is not in the header is left alone", () => {
  const builder = roomy();
  putEntries(builder, 0, { sequence: 1n, changes: [batPage(6, 5)] });
  builder.headers((header) => builder.guid(header + 48, "00000000-0000-0000-0000-000000000000"));
  assertEquals(firstBlock(builder), "zero");
});

pureTest("an empty entry alone makes a log valid", () => {
  const builder = dirtyVhdx();
  putEntries(builder, 0, { sequence: 0xffff_ffff_ffff_fff0n });
  assertEquals(firstBlock(builder), "zero");
});

pureTest("of several sequences the one with the greatest number counts", () => {
  const builder = roomy();
  putEntries(builder, 0x10000, { sequence: 2n ** 63n + 5n, changes: [batPage(6, 6)] });
  putEntries(builder, 0x20000, { sequence: 2n ** 63n + 4n, changes: [batPage(6, 5)] });
  putEntries(builder, 0, { sequence: 9n, changes: [batPage(6, 4)] });
  assertEquals(firstBlock(builder), "file 6");
});

pureTest("entries before the last one's tail are not applied again", () => {
  const builder = roomy();
  const second = 2 * PAGE;
  putEntries(
    builder,
    0,
    { sequence: 1n, changes: [{ offset: 6 * MIB, page: pattern(PAGE) }] },
    { sequence: 2n, changes: [batPage(6, 5)] },
    { sequence: 3n, tail: second, changes: [{ offset: 7 * MIB, page: pattern(PAGE) }] },
  );
  const { source } = openVhdx(builder.source());
  const byte = new Uint8Array(1);
  source.readAt(byte, 6 * MIB);
  assertEquals(byte[0], 0);
  source.readAt(byte, 7 * MIB);
  assertEquals(byte[0], 1);
  assertEquals(firstBlock(builder), "file 5");
});

pureTest("later entries, and later descriptors of an entry, win", () => {
  const builder = roomy();
  const page = (seed: number) => pattern(PAGE, seed);
  const target = 5 * MIB;
  putEntries(
    builder,
    0,
    { sequence: 1n, changes: [{ offset: target, page: page(1) }, batPage(6, 5)] },
    {
      sequence: 2n,
      tail: 0,
      changes: [
        { offset: target, zeros: 3 * PAGE },
        { offset: target + PAGE, page: page(2) },
        { offset: target + PAGE, page: page(3) },
        { offset: target + 2 * PAGE, page: page(4) },
        { offset: target + 2 * PAGE, zeros: PAGE },
      ],
    },
  );
  const expected = new Uint8Array(3 * PAGE);
  expected.set(page(3), PAGE);
  assertBytesEqual(readImage([openVhdx(builder.source())], 0, 3 * PAGE), expected);
});

pureTest("zero descriptors clear what the file holds", () => {
  const builder = roomy();
  builder.bytes.fill(0xee, 5 * MIB, 6 * MIB);
  putEntries(builder, 0, {
    sequence: 1n,
    changes: [batPage(6, 5), { offset: 5 * MIB + PAGE, zeros: 2 * PAGE }],
  });
  const expected = new Uint8Array(4 * PAGE).fill(0xee);
  expected.fill(0, PAGE, 3 * PAGE);
  assertBytesEqual(readImage([openVhdx(builder.source())], 0, 4 * PAGE), expected);
});

pureTest("entries wrap around the end of the log, and a scan may begin in their middle", () => {
  const builder = roomy();
  // From three sectors before the end on: the second entry lies across the end, the third behind it.
  const start = MIB - 3 * PAGE;
  putEntries(
    builder,
    start,
    { sequence: 40n, changes: [batPage(6, 4)] },
    { sequence: 41n, tail: start, changes: [batPage(6, 5)] },
    { sequence: 42n, tail: start, changes: [{ offset: 7 * MIB, page: pattern(PAGE) }] },
  );
  assertEquals(firstBlock(builder), "file 5");
});

pureTest("an entry with more descriptors than one sector holds is applied whole", () => {
  for (const count of [126, 127, 254, 255]) {
    const builder = roomy();
    const changes: Change[] = Array.from({ length: count - 1 }, (_, i) => ({
      offset: 6 * MIB + i * PAGE,
      ...(i % 3 === 0 ? { zeros: PAGE } : { page: new Uint8Array(PAGE).fill(i) }),
    }));
    putEntries(builder, PAGE, { sequence: 5n, changes: [...changes, batPage(6, 6)] });
    const bytes = readImage([openVhdx(builder.source())], 0, MIB);
    for (let i = 0; i < count - 1; i++) {
      const value = i % 3 === 0 ? 0 : i & 0xff;
      assertEquals(bytes[i * PAGE], value, `${count} descriptors, page ${i}`);
      assertEquals(bytes[i * PAGE + 4095], value, `${count} descriptors, end of page ${i}`);
    }
  }
});

pureTest("a file that is shorter than its last file offset reads as zeros behind its end", () => {
  const builder = dirtyVhdx();
  putEntries(builder, 0, { sequence: 1n, last: 7 * MIB, changes: [batPage(6, 6)] });
  const image = openVhdx(builder.source());
  assertEquals(image.source.size, 7 * MIB);
  assertEquals(builder.bytes.length, 4 * MIB);
  assertBytesEqual(readImage([image], 0, MIB), new Uint8Array(MIB));
});

pureTest("a log may make a file as long as any may be", () => {
  // Twice the largest disk, of 64 TiB.
  const size = 2 ** 47;
  const builder = dirtyVhdx();
  putEntries(builder, 0, { sequence: 1n, last: size, changes: [batPage(6, size / MIB - 1)] });
  const image = openVhdx(builder.source());
  assertEquals(image.source.size, size);
  assertBytesEqual(readImage([image], 0, MIB), new Uint8Array(MIB));
});

pureTest("pages behind the end of the file are read from the log", () => {
  const builder = dirtyVhdx();
  const page = pattern(PAGE, 3);
  putEntries(builder, 0, {
    sequence: 1n,
    last: 7 * MIB,
    changes: [batPage(6, 6), { offset: 6 * MIB + PAGE, page }],
  });
  const bytes = readImage([openVhdx(builder.source())], 0, MIB);
  assertBytesEqual(bytes.subarray(PAGE, 2 * PAGE), page);
  assertEquals(bytes.findIndex((byte) => byte !== 0), PAGE);
});

pureTest(
  "a page that an earlier entry had room for is kept, though the last entry ends before",
  () => {
    const builder = dirtyVhdx();
    const page = pattern(PAGE, 3);
    putEntries(
      builder,
      0,
      { sequence: 1n, last: 7 * MIB, changes: [{ offset: 6 * MIB, page }] },
      { sequence: 2n, last: 5 * MIB, tail: 0 },
    );
    const { source } = openVhdx(builder.source());
    assertEquals(source.size, 6 * MIB + PAGE);
  },
);

pureTest("region tables and metadata are read as the log leaves them", () => {
  const builder = dirtyVhdx();
  const [table] = [builder.bytes.slice(0x30000, 0x31000)];
  const items = builder.bytes.slice(METADATA + 0x10000, METADATA + 0x11000);
  new DataView(items.buffer).setBigUint64(8, BigInt(5 * MIB), true);
  builder.bytes.fill(0xff, 0x30000, 0x31000);
  builder.bytes.fill(0xff, 0x40000, 0x41000);
  putEntries(builder, 0, {
    sequence: 1n,
    changes: [
      { offset: 0x30000, page: table },
      { offset: METADATA + 0x10000, page: items },
    ],
  });
  assertEquals(openVhdx(builder.source()).virtualSize, 5 * MIB);
});

pureTest("a log entry is known by the GUID of its header alone", () => {
  const builder = roomy();
  putEntries(builder, 0, { sequence: 9n, guid: UNKNOWN_GUID, changes: [batPage(6, 5)] });
  putEntries(builder, 0x8000, { sequence: 1n, changes: [batPage(6, 4)] });
  assertEquals(firstBlock(builder), "file 4");
  builder.headers((header) => builder.guid(header + 48, UNKNOWN_GUID));
  assertEquals(firstBlock(builder), "file 5");
});
