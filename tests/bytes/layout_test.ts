import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  array,
  ascii,
  bigEndian,
  bigU64,
  bool8,
  both,
  type Codec,
  guid,
  i8,
  littleEndian,
  mapped,
  raw,
  u16,
  u32,
  u64,
  u8,
  utf16,
  type ValueOf,
} from "../../src/bytes/codec.ts";
import {
  computed,
  layout,
  reserved,
  ShortStructureError,
  signature,
} from "../../src/bytes/layout.ts";
import { Random } from "../fuzz/random.ts";
import { sharedImageNeed, TempDir, testWith, unpackSharedImage } from "../support.ts";

const POINT = layout("point", { size: 4, endian: "big" }, { x: [0, u16], y: [2, u16] });

/** Every type, little-endian; bytes 10 and 11 have no name. */
const SAMPLE = layout("sample", { size: 128, endian: "little" }, {
  magic: [0, signature("SMPL")],
  sum: [4, computed(u32)],
  small: [8, u8],
  signed: [9, i8],
  short: [12, u16],
  big: [14, bigEndian(u16)],
  long: [16, u32],
  flag: [20, bool8],
  gap: [21, reserved(3)],
  size: [24, u64],
  mask: [32, bigU64],
  id: [40, guid],
  name: [56, ascii(6)],
  wide: [62, utf16(5)],
  twice: [72, both(u32)],
  point: [80, POINT],
  points: [84, array(POINT, 2)],
  bytes: [92, raw(4)],
  tail: [96, reserved(32)],
});

const VALUE: ValueOf<typeof SAMPLE> = {
  small: 0xfe,
  signed: -2,
  short: 0x0102,
  big: 0x0102,
  long: 0x01020304,
  flag: true,
  size: 0x1f_0203_0405_0607,
  mask: 0xff02_0304_0506_0708n,
  id: "ec984aec-a0f9-47e9-901f-71415a66345b",
  name: "ab\xe9",
  wide: "\u{1f4be}x",
  twice: { little: 0x0a0b0c0d, big: 0x01020304 },
  point: { x: 1, y: 2 },
  points: [{ x: 3, y: 4 }, { x: 5, y: 6 }],
  bytes: Uint8Array.of(9, 8, 7, 6),
};

/** By hand. */
const BYTES = Uint8Array.of(
  ...[0x53, 0x4d, 0x50, 0x4c, 0, 0, 0, 0],
  ...[0xfe, 0xfe, 0, 0, 0x02, 0x01, 0x01, 0x02],
  ...[0x04, 0x03, 0x02, 0x01, 1, 0, 0, 0],
  ...[0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x1f, 0x00],
  ...[0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0xff],
  ...[0xec, 0x4a, 0x98, 0xec, 0xf9, 0xa0, 0xe9, 0x47],
  ...[0x90, 0x1f, 0x71, 0x41, 0x5a, 0x66, 0x34, 0x5b],
  ...[0x61, 0x62, 0xe9, 0, 0, 0],
  ...[0x3d, 0xd8, 0xbe, 0xdc, 0x78, 0, 0, 0, 0, 0],
  ...[0x0d, 0x0c, 0x0b, 0x0a, 0x01, 0x02, 0x03, 0x04],
  ...[0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 9, 8, 7, 6],
  ...new Uint8Array(32),
);

Deno.test("layout() reads and writes every type where it is declared", () => {
  assertEquals(SAMPLE.unpack(BYTES), VALUE);
  assertEquals(SAMPLE.pack(VALUE), BYTES);
  // Within other bytes, which lie somewhere in their buffer.
  const moved = new Uint8Array(new Uint8Array([...new Uint8Array(7), ...BYTES, 1]).buffer, 2);
  assertEquals(SAMPLE.unpack(moved, 5), VALUE);
});

Deno.test("Layout.unpack() and pack() go by the byte order that is declared", () => {
  const fields = { short: [0, u16], long: [2, u32], size: [6, u64], mask: [14, bigU64] } as const;
  const little = layout("numbers", { size: 22, endian: "little" }, fields);
  const big = layout("numbers", { size: 22, endian: "big" }, fields);
  const forced = layout("numbers", { size: 22, endian: "big" }, {
    short: [0, littleEndian(u16)],
    long: [2, littleEndian(u32)],
    size: [6, littleEndian(u64)],
    mask: [14, littleEndian(bigU64)],
  });
  const value = { short: 0x0102, long: 0x03040506, size: 0x07080900000001, mask: 0xf1f2n };
  const bytes = [1, 2, 3, 4, 5, 6, 0, 7, 8, 9, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xf1, 0xf2];
  assertEquals([...big.pack(value)], bytes);
  assertEquals(big.unpack(Uint8Array.from(bytes)), value);
  const reversed = [2, 1, 6, 5, 4, 3, 1, 0, 0, 0, 9, 8, 7, 0, 0xf2, 0xf1, 0, 0, 0, 0, 0, 0];
  for (const each of [little, forced]) {
    assertEquals([...each.pack(value)], reversed);
    assertEquals(each.unpack(Uint8Array.from(reversed)), value);
  }
});

Deno.test("u64 is exact below 2^53 and at least that beyond, as a bigint in between would give", () => {
  const one = layout("one", { size: 8, endian: "little" }, { value: [0, u64] });
  const wide = layout("one", { size: 8, endian: "little" }, { value: [0, bigU64] });
  const edges = [0n, 1n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n]
    .concat([2n ** 54n + 3n, 2n ** 63n, 2n ** 64n - 1025n, 2n ** 64n - 1024n, 2n ** 64n - 1n]);
  const random = new Random(1);
  for (let i = 0; i < 10_000; i++) {
    edges.push((BigInt(random.uint32()) << 32n | BigInt(random.uint32())) >> BigInt(i % 64));
  }
  for (const value of edges) {
    const bytes = wide.pack({ value });
    assertEquals(one.unpack(bytes).value, Number(value), String(value));
    if (value < 2n ** 53n) assertEquals(one.pack({ value: Number(value) }), bytes);
  }
});

Deno.test("a value that does not fit is refused, not cut", () => {
  const refused: [keyof typeof VALUE, unknown, typeof RangeError | typeof TypeError][] = [
    ["small", 256, RangeError],
    ["small", -1, RangeError],
    ["signed", -129, RangeError],
    ["signed", 128, RangeError],
    ["short", 65536, RangeError],
    ["long", 2 ** 32, RangeError],
    ["long", 1.5, RangeError],
    ["long", NaN, RangeError],
    ["long", 1n, TypeError],
    ["long", undefined, TypeError],
    ["size", 2 ** 53, RangeError],
    ["size", -1, RangeError],
    ["mask", 2n ** 64n, RangeError],
    ["mask", -1n, RangeError],
    ["mask", 1, TypeError],
    ["flag", 1, TypeError],
    ["flag", undefined, TypeError],
    ["id", "none", TypeError],
    ["name", "1234567", RangeError],
    ["name", "\u0100", RangeError],
    ["wide", "123456", RangeError],
    ["points", [], RangeError],
    ["bytes", new Uint8Array(5), RangeError],
  ];
  for (const [field, value, error] of refused) {
    const bytes = BYTES.slice();
    const change = { [field]: value } as Partial<typeof VALUE>;
    assertThrows(() => SAMPLE.patch(bytes, change), error);
    assertEquals(bytes, BYTES);
    assertThrows(() => SAMPLE.pack({ ...VALUE, ...change }), error);
  }
});

Deno.test("Layout.patch() changes what is named, and nothing beside it", () => {
  const bytes = new Uint8Array(140).fill(7);
  SAMPLE.patch(bytes, { short: 0x0102, sum: 1, tail: new Uint8Array(32) }, 10);
  const expected = new Uint8Array(140).fill(7);
  expected.set([1, 0, 0, 0], 14);
  expected.set([2, 1], 22);
  expected.fill(0, 106, 138);
  assertEquals(bytes, expected);
});

Deno.test("Layout.get() reads a silent field too, and needs no bytes behind it", () => {
  const bytes = BYTES.slice(0, 16);
  assertEquals(SAMPLE.get(bytes, "short"), 0x0102);
  assertEquals(SAMPLE.get(bytes, "magic"), "SMPL");
  SAMPLE.patch(bytes, { sum: 0xfffffffe });
  assertEquals(SAMPLE.get(bytes, "sum"), 0xfffffffe);
  assertEquals(SAMPLE.get(Uint8Array.of(0, ...bytes), "short", 1), 0x0102);
  const sum: number = SAMPLE.get(BYTES, "sum");
  assertEquals(sum, 0);
});

Deno.test("Layout: too few bytes are a ShortStructureError that names the structure", () => {
  const short = BYTES.subarray(0, 127);
  const views = [short, BYTES.subarray(0, 0), new Uint8Array(BYTES.buffer, 0, 100)];
  for (const bytes of views) {
    const error = assertThrows(() => SAMPLE.unpack(bytes), ShortStructureError);
    assertEquals(
      [error.structure, error.offset, error.length, error.available],
      ["sample", 0, 128, bytes.length],
    );
    assertThrows(() => SAMPLE.nonZeroReserved(bytes), ShortStructureError);
    assert(!SAMPLE.fits(bytes));
  }
  for (const at of [1, -1, NaN, Infinity, 2 ** 53]) {
    assertThrows(() => SAMPLE.unpack(BYTES, at), ShortStructureError);
    assert(!SAMPLE.fits(BYTES, at));
  }
  assert(SAMPLE.fits(BYTES) && SAMPLE.fits(new Uint8Array(130), 2));
  assertThrows(() => SAMPLE.get(BYTES.subarray(0, 13), "short"), ShortStructureError);
  assertThrows(() => SAMPLE.patch(BYTES.slice(0, 13), { short: 1 }), ShortStructureError);
  assert(!SAMPLE.hasSignature(BYTES.subarray(0, 3)));
});

Deno.test("Layout.hasSignature() looks at every signature", () => {
  const two = layout("two", { size: 8, endian: "big" }, {
    first: [0, signature("A\xff")],
    last: [6, signature("\x55\xaa")],
  });
  const bytes = two.pack({});
  assertEquals([...bytes], [0x41, 0xff, 0, 0, 0, 0, 0x55, 0xaa]);
  assert(two.hasSignature(bytes));
  assert(two.hasSignature(Uint8Array.of(1, ...bytes), 1));
  for (const at of [0, 1, 6, 7]) {
    const other = bytes.slice();
    other[at]! ^= 1;
    assert(!two.hasSignature(other));
  }
});

Deno.test("Layout.place(), at and range() say where a field is", () => {
  assertEquals(SAMPLE.place("size", 4096), { structure: "sample", offset: 4120 });
  assertEquals(SAMPLE.place("magic"), { structure: "sample", offset: 0 });
  assertEquals(SAMPLE.at.tail, 96);
  assertEquals(SAMPLE.range("wide"), { offset: 62, length: 10 });
  assertEquals(SAMPLE.range("short", "long"), { offset: 12, length: 8 });
});

Deno.test("Layout.nonZeroReserved() names the first byte of each reserved field that is not zero", () => {
  const bytes = new Uint8Array(10 + SAMPLE.size);
  bytes.set(BYTES, 10);
  assertEquals(SAMPLE.nonZeroReserved(bytes, 10), []);
  // Bytes 10 and 11 have no name.
  bytes[20] = bytes[21] = 1;
  assertEquals(SAMPLE.nonZeroReserved(bytes, 10), []);
  bytes[33] = 2;
  bytes[110] = 3;
  bytes[137] = 4;
  assertEquals(SAMPLE.nonZeroReserved(bytes, 10), [
    { offset: 33, found: 2 },
    { offset: 110, found: 3 },
  ]);
});

Deno.test("layout() refuses a declaration that contradicts itself", () => {
  const overlapping = { a: [0, u32], b: [3, u8] } as const;
  assertThrows(() => layout("s", { size: 8, endian: "big" }, overlapping), TypeError, "s.b");
  const long = { a: [0, u32], b: [4, u8] } as const;
  assertThrows(() => layout("s", { size: 4, endian: "big" }, long), TypeError, "4 bytes");
});

Deno.test("text is read up to its NUL, and fills its field when it is written", () => {
  const cases: [Codec<string>, number[], string][] = [
    [ascii(3), [0x61, 0, 0x62], "a"],
    [ascii(3), [0x61, 0x62, 0x63], "abc"],
    [utf16(2), [0x61, 0, 0, 0], "a"],
    [utf16(2), [0x61, 0, 0x62, 0], "ab"],
    [bigEndian(utf16(2)), [0, 0x61, 0, 0x62], "ab"],
  ];
  for (const [codec, bytes, text] of cases) {
    const field = layout("text", { size: bytes.length, endian: "little" }, { text: [0, codec] });
    assertEquals(field.unpack(Uint8Array.from(bytes)), { text });
    const written = new Uint8Array(bytes.length).fill(0xff);
    field.patch(written, { text: "a" });
    assertEquals(field.unpack(written), { text: "a" });
    assert(!written.includes(0xff));
  }
});

/** A VHD's footer (VHD 1.0, "Hard Disk Footer Format"). */
const FOOTER = layout("footer", { size: 512, endian: "big" }, {
  cookie: [0, signature("conectix")],
  features: [8, u32],
  fileFormatVersion: [12, u32],
  dataOffset: [16, bigU64],
  timeStamp: [24, u32],
  creatorApplication: [28, ascii(4)],
  creatorVersion: [32, u32],
  creatorHostOs: [36, ascii(4)],
  originalSize: [40, u64],
  currentSize: [48, u64],
  cylinders: [56, u16],
  heads: [58, u8],
  sectorsPerTrack: [59, u8],
  diskType: [60, u32],
  checksum: [64, computed(u32)],
  uniqueId: [68, guid],
  savedState: [84, bool8],
  reserved: [85, reserved(427)],
});

/** [MS-VHDX] 2.2.2. */
const VHDX_HEADER = layout("header", { size: 4096, endian: "little" }, {
  signature: [0, signature("head")],
  checksum: [4, computed(u32)],
  sequenceNumber: [8, bigU64],
  fileWriteGuid: [16, guid],
  dataWriteGuid: [32, guid],
  logGuid: [48, guid],
  logVersion: [64, u16],
  version: [66, u16],
  logLength: [68, u32],
  logOffset: [72, u64],
  reserved: [80, reserved(4016)],
});

testWith(
  [sharedImageNeed("ext2.vhd.gz")],
  "a layout reads and makes a real VHD's footer",
  async () => {
    using dir = new TempDir();
    const file = Deno.readFileSync(await unpackSharedImage("ext2.vhd.gz", dir));
    const bytes = file.subarray(file.length - FOOTER.size);
    assert(FOOTER.hasSignature(bytes));
    const footer = FOOTER.unpack(bytes);
    assertEquals(footer.currentSize, footer.originalSize);
    assertEquals([footer.fileFormatVersion, footer.diskType, footer.creatorHostOs], [
      0x00010000,
      3,
      "Wi2k",
    ]);
    assertEquals(footer.dataOffset, 512n);
    assertEquals(FOOTER.nonZeroReserved(bytes), []);
    const made = FOOTER.pack(footer);
    FOOTER.patch(made, { checksum: FOOTER.get(bytes, "checksum") });
    assertEquals(made, bytes);
  },
);

testWith(
  [sharedImageNeed("swap.vhdx.gz")],
  "a layout reads and makes a real VHDX's headers",
  async () => {
    using dir = new TempDir();
    const file = Deno.readFileSync(await unpackSharedImage("swap.vhdx.gz", dir));
    for (const at of [0x10000, 0x20000]) {
      const bytes = file.subarray(at, at + VHDX_HEADER.size);
      assert(VHDX_HEADER.hasSignature(file, at));
      const header = VHDX_HEADER.unpack(file, at);
      assertEquals([header.version, header.logVersion], [1, 0]);
      assertEquals([header.logLength, header.logOffset], [0x100000, 0x100000]);
      assertEquals(VHDX_HEADER.nonZeroReserved(file, at), []);
      const made = VHDX_HEADER.pack(header);
      VHDX_HEADER.patch(made, { checksum: VHDX_HEADER.get(file, "checksum", at) });
      assertEquals(made, bytes);
    }
  },
);

Deno.test("whatever the bytes are, patching them with what they say leaves them as they are", () => {
  // All but padded text and booleans, of which other bytes mean the same.
  const exact = layout("exact", { size: 64, endian: "little" }, {
    small: [0, u8],
    signed: [1, i8],
    short: [2, u16],
    long: [4, bigEndian(u32)],
    mask: [8, bigU64],
    id: [16, guid],
    twice: [32, both(u16)],
    points: [36, array(POINT, 3)],
    bytes: [48, raw(3)],
    sum: [51, computed(u8)],
    gap: [52, reserved(4)],
    rest: [60, mapped(u32, (stored) => ~stored, (value) => ~value >>> 0)],
  });
  const random = new Random(2);
  for (let i = 0; i < 2000; i++) {
    const bytes = Uint8Array.from({ length: 64 }, () => random.below(256));
    const value = exact.unpack(bytes);
    const copy = bytes.slice();
    exact.patch(copy, value);
    assertEquals(copy, bytes);
    // Fields without name or of silent kinds are all that pack() does not know.
    const made = exact.pack(value);
    exact.patch(made, { sum: exact.get(bytes, "sum"), gap: exact.get(bytes, "gap") });
    made.set(bytes.subarray(56, 60), 56);
    assertEquals(made, bytes);
    assertEquals(exact.unpack(made), value);
  }
});
