/** Log entries and headers written here, read back by the reader of logs, and the room of a file. */
import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { NIL_GUID } from "../../../src/bytes/guid.ts";
import { ImageError } from "../../../src/portable/file/image_error.ts";
import { FileSpace } from "../../../src/portable/vhdx/space.ts";
import { HeaderWriter, readCurrentHeader } from "../../../src/portable/vhdx/header.ts";
import {
  descriptorsFromLast,
  encodeLogEntry,
  LogRing,
} from "../../../src/portable/vhdx/log_entry.ts";
import { searchLog } from "../../../src/portable/vhdx/log_replay.ts";
import { LogWriter, MAX_PAGES_PER_ENTRY } from "../../../src/portable/vhdx/log_writer.ts";
import { SparseFile } from "../../crash/sparse_file.ts";
import { assertBytesEqual, pattern } from "../../support.ts";
import { LOG_GUID, logEntry, PAGE } from "./log_builder.ts";
import { BAT, HEADERS, MIB, VhdxBuilder } from "./vhdx_builder.ts";
import { pureTest } from "../../pure.ts";

function openLog() {
  const file = SparseFile.of(new VhdxBuilder().bytes);
  const headers = new HeaderWriter(file, readCurrentHeader(file));
  const log = new LogWriter(file, headers, new FileSpace(file));
  log.open();
  return { file, headers, log };
}

const page = (number: number, seed: number) => ({
  offset: BAT + number * PAGE,
  bytes: pattern(PAGE, seed),
});

pureTest("an entry is, byte for byte, the one that was written by hand", () => {
  const sequenceNumber = 0xf0e1_d2c3_b4a5_9687n;
  for (const count of [0, 1, MAX_PAGES_PER_ENTRY, MAX_PAGES_PER_ENTRY + 1]) {
    const pages = Array.from({ length: count }, (_, i) => page(i, i));
    const entry = encodeLogEntry({
      guid: LOG_GUID,
      sequenceNumber,
      tail: 8192,
      flushedFileOffset: 4 * MIB,
      lastFileOffset: 6 * MIB,
      pages,
    });
    const changes = pages.map(({ offset, bytes }) => ({ offset, page: bytes }));
    const spec = { sequence: sequenceNumber, tail: 8192, flushed: 4 * MIB, last: 6 * MIB, changes };
    assertBytesEqual(entry, logEntry(spec, 0));
  }
});

pureTest("a new log has a valid entry, the first, which is empty", () => {
  const { file } = openLog();
  const header = readCurrentHeader(file);
  assertNotEquals(header.logGuid, NIL_GUID);
  const sequence = searchLog(new LogRing(file, header)).active;
  assertEquals(
    sequence?.map(({ position, tail, descriptorCount }) => [position, tail, descriptorCount]),
    [[0, 0, 0]],
  );
});

pureTest("a new log is named by both headers, so that damage to either hides nothing", () => {
  const { file, log } = openLog();
  const change = page(0, 7);
  log.append([change]);
  const { logGuid } = readCurrentHeader(file);
  for (const header of HEADERS) {
    const damaged = file.fork();
    const bytes = new Uint8Array(1);
    damaged.readAt(bytes, header + 48);
    damaged.writeAt(Uint8Array.of(bytes[0]! ^ 1), header + 48);
    const current = readCurrentHeader(damaged);
    assertNotEquals(current.offset, header);
    assertEquals(current.logGuid, logGuid);
    const [entry] = searchLog(new LogRing(damaged, current)).active!;
    assertEquals(entry!.descriptorCount, 1);
  }
});

pureTest("after each of many entries of any length, the last is all that is replayed", () => {
  const { file, log } = openLog();
  for (let i = 0; i < 300; i++) {
    const pages = Array.from(
      { length: 1 + i * 41 % MAX_PAGES_PER_ENTRY },
      (_, n) => page(n, i + n),
    );
    log.append(pages);
    const ring = new LogRing(file, readCurrentHeader(file));
    const sequence = searchLog(ring).active!;
    assertEquals(sequence.length, 1);
    const [entry] = sequence;
    assertEquals(entry!.sequenceNumber, BigInt(i + 2));
    const descriptors = [...descriptorsFromLast(ring, entry!)].reverse();
    assertEquals(
      descriptors.map(({ targetOffset }) => targetOffset),
      pages.map(({ offset }) => offset),
    );
  }
});

pureTest("an entry leaves the one before it readable", () => {
  const { file, log } = openLog();
  const pages = Array.from({ length: MAX_PAGES_PER_ENTRY }, (_, n) => page(n, n));
  for (let i = 0; i < 20; i++) {
    log.append(pages);
    const before = file.fork();
    log.append(pages);
    // The newer entry is torn: its first sector did not reach the medium.
    const torn = file.fork();
    const ring = new LogRing(file, readCurrentHeader(file));
    const newest = searchLog(ring).active!.at(-1)!;
    torn.writeAt(new Uint8Array(PAGE), ring.fileOffset(newest.position));
    const left = searchLog(new LogRing(torn, readCurrentHeader(torn))).active!.at(-1)!;
    const previous = searchLog(new LogRing(before, readCurrentHeader(before))).active!.at(-1)!;
    assertEquals(left, previous);
  }
});

pureTest("each header goes into the other slot, numbered one higher", () => {
  const file = SparseFile.of(new VhdxBuilder().bytes);
  const first = readCurrentHeader(file);
  const headers = new HeaderWriter(file, first);
  headers.announceWrite();
  headers.announceWrite();
  const second = readCurrentHeader(file);
  assertEquals(second.sequenceNumber, first.sequenceNumber + 1n);
  assertNotEquals(second.offset, first.offset);
  assertEquals(second.dataWriteGuid, first.dataWriteGuid);
  assertNotEquals(second.fileWriteGuid, first.fileWriteGuid);
  headers.announceDataChange();
  headers.announceDataChange();
  const third = readCurrentHeader(file);
  assertEquals([third.offset, third.fileWriteGuid], [first.offset, second.fileWriteGuid]);
  assertNotEquals(third.dataWriteGuid, second.dataWriteGuid);
});

pureTest("headers stop before their number would wrap", () => {
  const builder = new VhdxBuilder();
  builder.headers((at) => builder.u64(at + 8, 2n ** 64n - (at === HEADERS[0] ? 3n : 2n)));
  const file = SparseFile.of(builder.bytes);
  const headers = new HeaderWriter(file, readCurrentHeader(file));
  headers.update({});
  assertEquals(readCurrentHeader(file).sequenceNumber, 2n ** 64n - 1n);
  assertEquals(assertThrows(() => headers.update({}), ImageError).symbol, "ERROR_FILE_CORRUPT");
});

pureTest("room is found in gaps first, then by lengthening the file", () => {
  const file = SparseFile.of(new Uint8Array(20 * MIB));
  const space = new FileSpace(file);
  const occupy = (offset: number, length: number) =>
    space.occupy({ name: "something", offset: offset * MIB, length: length * MIB }, 0);
  occupy(0, 4);
  occupy(6, 8);
  assertThrows(() => occupy(13, 1), ImageError);
  assertThrows(() => occupy(2 ** 40, 1), ImageError);
  assertEquals(space.end, 14 * MIB);
  assertEquals(space.allocate(MIB), { offset: 4 * MIB, isZero: false });
  assertEquals(space.allocate(4 * MIB), { offset: 14 * MIB, isZero: false });
  assertEquals(space.allocate(MIB), { offset: 5 * MIB, isZero: false });
  // What the file ends with was there before; what it is lengthened by was not.
  assertEquals(space.allocate(4 * MIB), { offset: 18 * MIB, isZero: false });
  assertEquals(space.allocate(2 * MIB), { offset: 22 * MIB, isZero: true });
  assertEquals([file.size, space.end], [24 * MIB, 24 * MIB]);
  space.giveUp(6 * MIB, 8 * MIB);
  assertEquals(space.allocate(MIB).offset, 24 * MIB);
  space.reuseGivenUp();
  assertEquals(space.allocate(8 * MIB), { offset: 6 * MIB, isZero: false });
  space.giveUp(22 * MIB, 3 * MIB);
  space.reuseGivenUp();
  assertEquals(space.end, 22 * MIB);
  assert(!space.allocate(MIB).isZero);
});
