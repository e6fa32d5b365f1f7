import { assertEquals, assertThrows } from "@std/assert";
import {
  array,
  bool,
  type Codec,
  flexible,
  guid,
  handle,
  pcwstr,
  u16,
  u32,
  u64,
  u8,
  usize,
  wchars,
} from "../../../src/native/ffi/codec.ts";
import { FreeUnion, struct, TaggedUnion } from "../../../src/native/ffi/struct.ts";
import { pureTest } from "../../pure.ts";

const GUID_TEXT = "00112233-4455-6677-8899-aabbccddeeff";
// guiddef.h: three little-endian numbers, then eight bytes.
const GUID_BYTES = [0x33, 0x22, 0x11, 0, 0x55, 0x44, 0x77, 0x66, ...tail()];

function tail(): number[] {
  return [0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff];
}

function placed(structure: { fields: readonly { path: string; offset: number }[] }) {
  return structure.fields.map(({ path, offset }) => `${path}@${offset}`);
}

/** The bytes of one value, through a structure that has nothing else. */
function bytesOf<T>(codec: Codec<T>, value: T): number[] {
  return [...struct("S", { value: codec }).pack({ value })];
}

function valueOf<T>(codec: Codec<T>, bytes: number[]): unknown {
  return struct("S", { value: codec }).unpack(Uint8Array.from(bytes)).value;
}

pureTest(
  "struct(): a member lies at the next multiple of its alignment, and the end is padded",
  () => {
    const s = struct("S", { a: u8, b: u16, c: u8, d: u64, e: u8, f: guid, g: u8 });
    assertEquals(placed(s), ["a@0", "b@2", "c@4", "d@8", "e@16", "f@20", "g@36"]);
    assertEquals([s.size, s.align], [40, 8]);
  },
);

pureTest("struct(): a structure without 8-byte members is a multiple of 4 long", () => {
  const s = struct("S", { a: u32, b: guid, c: bool });
  assertEquals([s.size, s.align], [24, 4]);
});

pureTest("struct(): a nested structure lies by value, at its own alignment", () => {
  const inner = struct("Inner", { x: u8, y: u32 });
  const wide = struct("Wide", { x: u8, y: u64 });
  const s = struct("S", { a: u8, inner, b: u8, wide });
  assertEquals(placed(s), ["a@0", "inner.x@4", "inner.y@8", "b@12", "wide.x@16", "wide.y@24"]);
  assertEquals(s.size, 32);
});

pureTest(
  "struct(): the arms of a union lie at one offset, and the longest, padded, is the union's size",
  () => {
    const s = struct(
      "S",
      { Version: u32 },
      new TaggedUnion("Version", { 1: { a: u8 }, 2: { b: u64, c: u8 }, 3: { d: u32 } }),
      { e: u8 },
    );
    assertEquals(placed(s), ["Version@0", "a@8", "b@8", "c@16", "d@8", "e@24"]);
    assertEquals(s.size, 32);
  },
);

pureTest("struct(): an array lies element by element", () => {
  const pair = struct("Pair", { x: u8, y: u16 });
  const s = struct("S", { a: u8, pairs: array(pair, 3), b: u8 });
  assertEquals(placed(s), ["a@0", "pairs@2", "b@14"]);
  const value = { a: 1, pairs: [{ x: 2, y: 3 }, { x: 4, y: 5 }, { x: 6, y: 7 }], b: 8 };
  assertEquals([...s.pack(value)], [1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8, 0]);
  assertEquals(s.unpack(s.pack(value)), value);
  assertThrows(() => s.pack({ ...value, pairs: [] }), RangeError, "3");
});

pureTest("struct(): numbers are little-endian", () => {
  assertEquals(bytesOf(u8, 0xab), [0xab]);
  assertEquals(bytesOf(u16, 0x1234), [0x34, 0x12]);
  assertEquals(bytesOf(u32, 0xfedcba98), [0x98, 0xba, 0xdc, 0xfe]);
  assertEquals(bytesOf(u64, 0xfedcba9876543210n), [0x10, 0x32, 0x54, 0x76, 0x98, 0xba, 0xdc, 0xfe]);
  assertEquals(valueOf(u16, [0x34, 0x12]), 0x1234);
  assertEquals(valueOf(u32, [0x98, 0xba, 0xdc, 0xfe]), 0xfedcba98);
  assertEquals(valueOf(u64, [0x10, 0x32, 0x54, 0x76, 0x98, 0xba, 0xdc, 0xfe]), 0xfedcba9876543210n);
});

pureTest("struct(): handles, addresses and sizes are 64 bits wide", () => {
  for (const codec of [handle, pcwstr, usize]) {
    assertEquals(bytesOf(codec, 0x7ffe12345678n), [0x78, 0x56, 0x34, 0x12, 0xfe, 0x7f, 0, 0]);
    assertEquals(bytesOf(codec, 2n ** 64n - 1n), Array(8).fill(0xff));
  }
});

pureTest("struct(): a BOOL has four bytes, and any but zero is true", () => {
  assertEquals(bytesOf(bool, true), [1, 0, 0, 0]);
  assertEquals(bytesOf(bool, false), [0, 0, 0, 0]);
  for (const bytes of [[1, 0, 0, 0], [2, 0, 0, 0], [0, 0, 0, 0x80], [0xff, 0xff, 0xff, 0xff]]) {
    assertEquals(valueOf(bool, bytes), true);
  }
  assertEquals(valueOf(bool, [0, 0, 0, 0]), false);
});

pureTest("struct(): a GUID is stored mixed-endian, and read as lower case without braces", () => {
  assertEquals(bytesOf(guid, GUID_TEXT), GUID_BYTES);
  assertEquals(bytesOf(guid, `{${GUID_TEXT.toUpperCase()}}`), GUID_BYTES);
  assertEquals(valueOf(guid, GUID_BYTES), GUID_TEXT);
  assertThrows(() => bytesOf(guid, "nonsense"), TypeError, "nonsense");
});

pureTest(
  "struct(): a number that does not fit is a RangeError, another kind of value a TypeError",
  () => {
    for (const [codec, bits] of [[u8, 8], [u16, 16], [u32, 32]] as const) {
      for (const value of [-1, 2 ** bits, 0.5, NaN, Infinity]) {
        assertThrows(() => bytesOf(codec, value), RangeError, `${value}`);
      }
      assertThrows(() => bytesOf<unknown>(codec as Codec<unknown>, 1n), TypeError);
      assertThrows(() => bytesOf<unknown>(codec as Codec<unknown>, undefined), TypeError);
    }
    for (const value of [-1n, 2n ** 64n]) assertThrows(() => bytesOf(u64, value), RangeError);
    assertThrows(() => bytesOf<unknown>(u64 as Codec<unknown>, 1), TypeError);
    assertThrows(() => bytesOf<unknown>(bool as Codec<unknown>, 1), TypeError);
  },
);

const TAGGED = struct(
  "TAGGED",
  { Version: u32 },
  new TaggedUnion("Version", {
    1: { One: struct("One", { a: u32 }) },
    2: { Two: struct("Two", { a: u8, b: guid }) },
  }),
);

pureTest("struct(): a tagged union is packed to its full size, with zeros around the arm", () => {
  assertEquals([...TAGGED.pack({ Version: 1, One: { a: 7 } })], [
    ...[1, 0, 0, 0, 7, 0, 0, 0],
    ...Array(16).fill(0),
  ]);
  assertEquals(TAGGED.size, 24);
});

pureTest("struct(): a tagged union gives the arm that the tag tells, and no other", () => {
  const one = { Version: 1, One: { a: 7 } } as const;
  const two = { Version: 2, Two: { a: 9, b: GUID_TEXT } } as const;
  assertEquals(TAGGED.unpack(TAGGED.pack(one)), one);
  assertEquals(TAGGED.unpack(TAGGED.pack(two)), two);
});

pureTest("struct(): a tag without an arm is a RangeError", () => {
  const bytes = new Uint8Array(TAGGED.size);
  bytes[0] = 3;
  assertThrows(() => TAGGED.unpack(bytes), RangeError, "TAGGED has no arm for Version 3");
  const wrong = { Version: 3, One: { a: 7 } } as unknown as Parameters<typeof TAGGED.pack>[0];
  assertThrows(() => TAGGED.pack(wrong), RangeError, "Version 3");
});

pureTest("struct(): an arm that is missing is an error, not zeros", () => {
  const wrong = { Version: 1 } as unknown as Parameters<typeof TAGGED.pack>[0];
  assertThrows(() => TAGGED.pack(wrong), TypeError);
});

const FREE = struct(
  "FREE",
  { before: u8 },
  new FreeUnion([{ low: u32, high: u32 }, { all: u64 }]),
  { after: u8 },
);

pureTest("struct(): a free union takes any arm or none, and gives every arm", () => {
  assertEquals(placed(FREE), ["before@0", "low@8", "high@12", "all@8", "after@16"]);
  const both = { before: 1, low: 0x55667788, high: 0x11223344, all: 0x1122334455667788n, after: 2 };
  assertEquals(FREE.unpack(FREE.pack({ before: 1, all: both.all, after: 2 })), both);
  const { low, high } = both;
  assertEquals(FREE.unpack(FREE.pack({ before: 1, low, high, after: 2 })), both);
  assertEquals(FREE.unpack(FREE.pack(both)), both);
  assertEquals(FREE.unpack(FREE.pack({ before: 1, after: 2 })).all, 0n);
});

pureTest("struct(): arms of a free union that disagree are an error", () => {
  const value = { before: 0, low: 1, high: 0, all: 2n, after: 0 };
  assertThrows(() => FREE.pack(value), TypeError, "all disagrees");
});

const TEXT = struct("TEXT", { flag: bool, text: wchars });

pureTest("struct(): text at the end counts as one character, and grows the structure", () => {
  assertEquals(TEXT.size, 8);
  assertEquals(TEXT.pack({ flag: true, text: "" }).length, 8);
  const bytes = TEXT.pack({ flag: true, text: "a💾ü" });
  assertEquals([...bytes], [1, 0, 0, 0, 0x61, 0, 0x3d, 0xd8, 0xbe, 0xdc, 0xfc, 0, 0, 0]);
  assertEquals(TEXT.unpack(bytes), { flag: true, text: "a💾ü" });
});

pureTest("struct(): text at the end keeps NULs between strings, and unpaired surrogates", () => {
  const bytes = TEXT.pack({ flag: false, text: "one\0t\ud83dwo\0" });
  assertEquals(TEXT.unpack(bytes).text, "one\0t\ud83dwo");
});

pureTest("struct(): a flexible array has as many elements as its count says", () => {
  const entry = struct("Entry", { a: u8, b: u32 });
  const list = struct("LIST", { count: u32, entries: flexible(entry, "count") });
  assertEquals(list.size, 12);
  const value = { count: 3, entries: [{ a: 1, b: 2 }, { a: 3, b: 4 }, { a: 5, b: 6 }] };
  const bytes = list.pack(value);
  assertEquals(bytes.length, 28);
  assertEquals(list.unpack(bytes), value);
  assertEquals(list.unpack(list.pack({ count: 0, entries: [] })), { count: 0, entries: [] });
});

pureTest("struct(): a count beyond the memory is a RangeError, not an allocation", () => {
  const list = struct("LIST", { count: u32, entries: flexible(u64, "count") });
  const bytes = list.pack({ count: 0xffffffff, entries: [1n] });
  assertThrows(() => list.unpack(bytes), RangeError, "room for 1 elements");
});

pureTest("struct(): memory shorter than the structure is a RangeError that says so", () => {
  assertThrows(
    () => TAGGED.unpack(new Uint8Array(23)),
    RangeError,
    "TAGGED takes 24 bytes, got 23",
  );
});

pureTest("struct(): memory may lie anywhere in a larger buffer", () => {
  const all = new Uint8Array(64);
  const value = { Version: 2, Two: { a: 9, b: GUID_TEXT } } as const;
  all.set(TAGGED.pack(value), 13);
  assertEquals(TAGGED.unpack(all.subarray(13, 13 + TAGGED.size)), value);
  all.set(TEXT.pack({ flag: true, text: "abc" }), 5);
  assertEquals(TEXT.unpack(all.subarray(5, 5 + 10)).text, "abc");
});

pureTest("struct(): packing neither changes the value nor takes what it does not know", () => {
  const value = Object.freeze(
    { Version: 1, One: Object.freeze({ a: 7, other: 8 }), more: 9 } as const,
  );
  assertEquals(TAGGED.unpack(TAGGED.pack(value)), { Version: 1, One: { a: 7 } });
});
