import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { VirtualDiskError } from "../../src/errors/error.ts";
import { type ChangeQuery, queryChanges } from "../../src/native/change_query.ts";
import type { Libraries } from "../../src/native/ffi/library.ts";
import { QUERY_CHANGES_VIRTUAL_DISK_RANGE as RANGE } from "../../src/native/ffi/structs.ts";
import { IMAGE, testWithDouble } from "./with_double.ts";

const ID = "rctX:0011:2233";
const GIB = 2 ** 30;

testWithDouble("queryChanges gives every range, over several pages", ({ double, open }) => {
  using disk = open();
  const expected = Array.from(
    { length: 10 },
    (_, i) => ({ offset: i * GIB * 5, length: 4096 + i }),
  );
  for (const { offset, length } of expected) double.answers.addChange(offset, length);
  for (const limit of [1, 3, 10, 1024]) {
    double.answers.limitChanges(limit);
    assertEquals([...disk.queryChanges(ID, { length: 64 * GIB })], expected, `${limit} a page`);
  }
});

testWithDouble("queryChanges passes its arguments, page by page", ({ double, open }) => {
  using disk = open();
  double.answers.addChange(GIB, 512);
  double.answers.addChange(3 * GIB, 512);
  double.answers.limitChanges(1);
  const changes = disk.queryChanges(ID, { offset: 4096, length: 8 * GIB })[Symbol.iterator]();
  assertEquals(double.calls("QueryChangesVirtualDisk"), 0);
  changes.next();
  const { order: _, calls: __, ...first } = double.lastCall("QueryChangesVirtualDisk");
  assertEquals(first, {
    handle: Number(disk.handle),
    changeTrackingId: ID,
    byteOffset: 4096,
    byteLength: 8 * GIB,
    flags: 0,
    rangeCount: 1024,
    result: 0,
  });
  changes.next();
  const second = double.lastCall("QueryChangesVirtualDisk");
  assertEquals([second.byteOffset, second.byteLength], [3 * GIB, 5 * GIB + 4096]);
  assertEquals(changes.next().done, true);
  assertEquals(double.calls("QueryChangesVirtualDisk"), 2);
});

testWithDouble("without a length all of the disk is looked at", ({ double, open }) => {
  using disk = open();
  double.setSize({ virtualSize: 7 * GIB, physicalSize: 1, blockSize: 1, sectorSize: 512 });
  assertEquals([...disk.queryChanges(ID, { offset: GIB })], []);
  const { byteOffset, byteLength } = double.lastCall("QueryChangesVirtualDisk");
  assertEquals([byteOffset, byteLength], [GIB, 6 * GIB]);
  assertEquals([...disk.queryChanges(ID, { offset: 7 * GIB })], []);
  assertEquals([...disk.queryChanges(ID, { length: 0 })], []);
  assertEquals(double.calls("QueryChangesVirtualDisk"), 1);
});

testWithDouble("the code of the call is thrown when its page is asked for", ({ double, open }) => {
  using disk = open();
  const changes = disk.queryChanges(ID, { length: GIB });
  double.nextResult("QueryChangesVirtualDisk", 0xc03a002a);
  const error = assertThrows(() => [...changes], VirtualDiskError);
  assertEquals([error.symbol, error.path], ["ERROR_VHD_CHANGE_TRACKING_DISABLED", IMAGE]);
  assertMatch(error.causes[0]!, /changeTrackingEnabled/);
});

testWithDouble("a disk that is closed meanwhile is found out", ({ double, open }) => {
  const disk = open();
  double.answers.addChange(0, 512);
  double.answers.addChange(GIB, 512);
  double.answers.limitChanges(1);
  const changes = disk.queryChanges(ID, { length: 2 * GIB })[Symbol.iterator]();
  changes.next();
  disk.close();
  assertThrows(() => changes.next(), VirtualDiskError, "ERROR_INVALID_HANDLE");
  assertThrows(() => disk.queryChanges(ID), VirtualDiskError, "ERROR_INVALID_HANDLE");
});

testWithDouble("wrong arguments are refused at once", ({ double, open }) => {
  using disk = open();
  assertThrows(() => disk.queryChanges(""), TypeError);
  assertThrows(() => disk.queryChanges(5 as unknown as string), TypeError);
  assertThrows(() => disk.queryChanges("x".repeat(257)), RangeError);
  for (const wrong of [-1, 0.5, NaN, 2 ** 53]) {
    assertThrows(() => disk.queryChanges(ID, { offset: wrong, length: 1 }), RangeError);
    assertThrows(() => disk.queryChanges(ID, { length: wrong }), RangeError);
  }
  assertThrows(() => [...disk.queryChanges("a\0b", { length: 1 })], TypeError);
  assertEquals(double.calls("QueryChangesVirtualDisk"), 0);
});

/** A QueryChangesVirtualDisk that answers so: ranges as pairs of offset and length. */
function answering(count: number, processed: bigint, ranges: [bigint, bigint][] = []): Libraries {
  const QueryChangesVirtualDisk = (...args: unknown[]) => {
    const [page, counted, done] = args.slice(5) as [Uint8Array, Uint32Array, BigUint64Array];
    counted[0] = count;
    done[0] = processed;
    ranges.forEach(([ByteOffset, ByteLength], i) =>
      page.set(RANGE.pack({ ByteOffset, ByteLength, Reserved: 0n }), i * RANGE.size)
    );
    return 0;
  };
  return { virtdisk: { QueryChangesVirtualDisk } } as unknown as Libraries;
}

const QUERY: ChangeQuery = { changeTrackingId: ID, offset: 1000, end: 3000 };

const HOSTILE: [name: string, libraries: Libraries, message: RegExp][] = [
  ["gets no further", answering(0, 0n), /nothing was looked at from byte 1000/],
  ["gives more ranges than it has room for", answering(1025, 2000n), /1025 ranges/],
  ["gives a range before the part", answering(1, 2000n, [[999n, 1n]]), /outside/],
  ["gives a range beyond the part", answering(1, 2000n, [[2999n, 2n]]), /outside/],
  ["gives a range beyond all disks", answering(1, 2000n, [[2n ** 64n - 1n, 1n]]), /outside/],
];

Deno.test("queryChanges() refuses a wrong answer as ERROR_INVALID_DATA", async (t) => {
  for (const [name, libraries, message] of HOSTILE) {
    await t.step(name, () => {
      const changes = queryChanges(() => ({ libraries, handle: 4n, path: IMAGE }), QUERY);
      const error = assertThrows(() => [...changes], VirtualDiskError);
      assertEquals([error.symbol, error.path], ["ERROR_INVALID_DATA", IMAGE]);
      assertMatch(error.message, message);
    });
  }
});

Deno.test("an answer that claims to have looked further than asked ends the query", () => {
  const libraries = answering(1, 2n ** 63n, [[1000n, 2000n]]);
  const changes = queryChanges(() => ({ libraries, handle: 4n, path: IMAGE }), QUERY);
  assertEquals([...changes], [{ offset: 1000, length: 2000 }]);
});
