import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { VirtualDiskError } from "../../src/errors/error.ts";
import { IMAGE, testRowsWithDouble, testWithDouble } from "./with_double.ts";

const A = "00112233-4455-6677-8899-aabbccddeeff";
const B = "fedcba98-7654-3210-0123-456789abcdef";
const NIL = "00000000-0000-0000-0000-000000000000";
const WRITE = { readOnly: false };

testRowsWithDouble(
  "metadata keeps items, whatever code says that a buffer is too small",
  async (step) => {
    for (const code of [122, 234] as const) {
      await step(`${code}`, ({ double, open }) => {
        double.answers.setTooSmallCode(code);
        using disk = open(IMAGE, WRITE);
        const { metadata } = disk;
        assertEquals([metadata.keys(), metadata.size, [...metadata]], [[], 0, []]);
        const long = Uint8Array.from({ length: 70000 }, (_, i) => i * 7);
        metadata.set(A, long).set(B, new Uint8Array());
        assertEquals(metadata.keys(), [A, B]);
        assertEquals(metadata.size, 2);
        assertEquals(metadata.get(A), long);
        assertEquals(metadata.get(B), new Uint8Array());
        assertEquals([metadata.has(A), metadata.has(B)], [true, true]);
        assertEquals([...metadata], [[A, long], [B, new Uint8Array()]]);
        assertEquals([...metadata.entries()].length, 2);
      });
    }
  },
);

testWithDouble("set replaces, and passes size and bytes", ({ double, open }) => {
  using disk = open(IMAGE, WRITE);
  disk.metadata.set(A, Uint8Array.of(1, 2, 3));
  disk.metadata.set(A, Uint8Array.of(9));
  assertEquals(disk.metadata.get(A), Uint8Array.of(9));
  const { item, size, bufferGiven, handle } = double.lastCall("SetVirtualDiskMetadata");
  assertEquals([item, size, bufferGiven, handle], [A, 1, true, Number(disk.handle)]);
  disk.metadata.set(A, new Uint8Array());
  const empty = double.lastCall("SetVirtualDiskMetadata");
  assertEquals([empty.size, empty.bufferGiven], [0, true]);
});

testWithDouble("ids are taken in either case and with braces", ({ double, open }) => {
  using disk = open(IMAGE, WRITE);
  disk.metadata.set(`{${B.toUpperCase()}}`, Uint8Array.of(1));
  assertEquals(double.lastCall("SetVirtualDiskMetadata").item, B);
  assertEquals(disk.metadata.get(B.toUpperCase()), Uint8Array.of(1));
  assertEquals(disk.metadata.delete(`{${B}}`), true);
  assertEquals(double.lastCall("DeleteVirtualDiskMetadata").item, B);
});

testWithDouble("an item that is not there is undefined, or false", ({ double, open }) => {
  using disk = open(IMAGE, WRITE);
  const { metadata } = disk;
  assertEquals([metadata.get(A), metadata.has(A), metadata.delete(A)], [undefined, false, false]);
  for (const code of [2, 1168]) {
    double.nextResult("GetVirtualDiskMetadata", code);
    assertEquals(metadata.get(A), undefined);
    double.nextResult("DeleteVirtualDiskMetadata", code);
    assertEquals(metadata.delete(A), false);
  }
});

testWithDouble("an item removed while one iterates is left out", ({ open }) => {
  using disk = open(IMAGE, WRITE);
  const { metadata } = disk;
  metadata.set(A, Uint8Array.of(1)).set(B, Uint8Array.of(2));
  const seen: string[] = [];
  for (const [id] of metadata) {
    seen.push(id);
    metadata.delete(B);
  }
  assertEquals(seen, [A]);
});

testWithDouble("each call throws the code that it got", ({ double, open }) => {
  using disk = open(IMAGE, WRITE);
  const { metadata } = disk;
  const rows = [
    ["EnumerateVirtualDiskMetadata", () => metadata.keys()],
    ["GetVirtualDiskMetadata", () => metadata.get(A)],
    ["SetVirtualDiskMetadata", () => metadata.set(A, new Uint8Array(1))],
    ["DeleteVirtualDiskMetadata", () => metadata.delete(A)],
  ] as const;
  for (const [operation, run] of rows) {
    double.nextResult(operation, 50);
    const error = assertThrows(run, VirtualDiskError);
    assertEquals([error.code, error.operation, error.path], [50, operation, IMAGE]);
    assertStringIncludes(error.causes[0]!, "Only VHDX");
  }
});

testWithDouble("what the rules forbid is refused", ({ double, open }) => {
  const disk = open(IMAGE, WRITE);
  const { metadata } = disk;
  for (
    const run of [
      () => metadata.get(NIL),
      () => metadata.set(NIL, new Uint8Array()),
      () => metadata.delete(NIL),
    ]
  ) {
    const error = assertThrows(run, VirtualDiskError);
    assertEquals(error.symbol, "ERROR_INVALID_PARAMETER");
  }
  assertThrows(() => metadata.get("no guid"), TypeError);
  assertThrows(() => metadata.has(7 as unknown as string), TypeError);
  assertThrows(() => metadata.set(A, [1] as unknown as Uint8Array), TypeError);
  const full = assertThrows(() => metadata.set(A, new Uint8Array(2 ** 20 + 1)), VirtualDiskError);
  assertEquals(full.symbol, "ERROR_VHD_METADATA_FULL");
  metadata.set(A, new Uint8Array(2 ** 20));
  assertEquals(metadata.get(A)?.length, 2 ** 20);
  disk.close();
  const calls = double.calls("GetVirtualDiskMetadata");
  const closed = assertThrows(() => metadata.get(A), VirtualDiskError);
  assertEquals([closed.symbol, closed.operation], [
    "ERROR_INVALID_HANDLE",
    "GetVirtualDiskMetadata",
  ]);
  assertEquals(double.calls("GetVirtualDiskMetadata"), calls);
});

testWithDouble("a disk opened for reading gives items and takes none", ({ open }) => {
  {
    using disk = open(IMAGE, WRITE);
    disk.metadata.set(A, Uint8Array.of(1));
  }
  for (const options of [{}, { getInfoOnly: true }]) {
    using disk = open(IMAGE, options);
    assertEquals(disk.metadata.get(A), Uint8Array.of(1));
    for (
      const change of [() => disk.metadata.delete(A), () => disk.metadata.set(A, new Uint8Array())]
    ) {
      const error = assertThrows(change, VirtualDiskError, "readOnly: false");
      assertEquals(error.symbol, "ERROR_ACCESS_DENIED");
    }
  }
});
