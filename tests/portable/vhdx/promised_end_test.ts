/** Where a VHDX ends by its block table. */
import { assertEquals } from "@std/assert";
import { NIL_GUID } from "../../../src/bytes/guid.ts";
import { promisedVhdxEnd } from "../../../src/portable/vhdx/promised_end.ts";
import { pureTest } from "../../pure.ts";
import { SparseFile } from "../../crash/sparse_file.ts";
import { batPage, dirtyVhdx, logEntry, putEntries } from "./log_builder.ts";
import { logOf, raise } from "./raised.ts";
import { BAT, HEADERS, LOG, MIB, VhdxBuilder } from "./vhdx_builder.ts";

const GIB = 1024 * MIB;
const PRESENT = 6;

/** Of a disk in blocks of 2 MiB, whose table has a bitmap's entry behind each 2048 entries. */
function promised(virtualSize: number, index: number, mib: number) {
  const image = new VhdxBuilder({ virtualSize, blockSize: 2 * MIB }).bat(index, PRESENT, mib);
  return promisedVhdxEnd(image.source());
}

pureTest("promisedVhdxEnd(): a block ends where it is whole, also in the second chunk", () => {
  const whole = { end: 7 * MIB, isExact: true };
  assertEquals(promised(4 * GIB, 2047, 5), whole);
  assertEquals(promised(4 * GIB + 4 * MIB, 2049, 5), whole);
  assertEquals(promised(4 * GIB + 4 * MIB, 2050, 5), whole);
});

pureTest("promisedVhdxEnd(): nobody knows how much of the disk's last block was there", () => {
  assertEquals(promised(4 * GIB + 3 * MIB, 2050, 5), { end: 6 * MIB, isExact: false });
  assertEquals(promised(4 * GIB + 3 * MIB, 2049, 5), { end: 7 * MIB, isExact: true });
});

pureTest(
  "promisedVhdxEnd(): entries behind the last block, and of bitmaps that a disk has none of, tell nothing",
  () => {
    const { end } = promised(4 * GIB + 4 * MIB, 2049, 4)!;
    assertEquals(end, 6 * MIB);
    assertEquals(promised(4 * GIB + 4 * MIB, 2051, 50), { end: 4 * MIB, isExact: true });
    assertEquals(promised(4 * GIB + 4 * MIB, 2048, 50), { end: 4 * MIB, isExact: true });
  },
);

pureTest(
  "promisedVhdxEnd(): the last entry of a chunk may be behind the last block of a child",
  () => {
    const virtualSize = 4 * GIB - 2 * MIB;
    const image = new VhdxBuilder({ virtualSize, blockSize: 2 * MIB, subtype: "differencing" });
    image.bat(2047, PRESENT, 5);
    assertEquals(promisedVhdxEnd(image.source()), { end: 4 * MIB, isExact: true });
    // Beside a block that has been cut off, too.
    image.bat(0, PRESENT, 4).bat(2047, PRESENT, 7);
    assertEquals(promisedVhdxEnd(image.source()), { end: 6 * MIB, isExact: true });
  },
);

pureTest("promisedVhdxEnd(): a log tells what its replay would make of the file", () => {
  const promisedBy = (flushed: number, last: number) => {
    const image = dirtyVhdx();
    const sizes = { flushed: flushed * MIB, last: last * MIB };
    putEntries(image, 0, { sequence: 1n, changes: [batPage(PRESENT, 4)], ...sizes });
    return promisedVhdxEnd(image.source());
  };
  // The block was there when its entry was logged: it has been cut off.
  assertEquals(promisedBy(5, 5), { end: 5 * MIB, isExact: true });
  // No file is that long.
  assertEquals(promisedBy(2 ** 28, 2 ** 28)?.end, 4 * MIB);
  // The replay makes room for it.
  assertEquals(promisedBy(4, 5), { end: 4 * MIB, isExact: true });
});

pureTest(
  "promisedVhdxEnd(): a log that is not in use, or not there as a whole, tells nothing",
  () => {
    const entry = { sequence: 1n, flushed: 9 * MIB, last: 9 * MIB };
    // A header without a GUID says that there is no entry, whatever lies in the log.
    const unused = new VhdxBuilder();
    putEntries(unused, 0, { ...entry, guid: NIL_GUID });
    assertEquals(promisedVhdxEnd(unused.source()), { end: 4 * MIB, isExact: true });
    // A newer entry in the part that is missing may tell of a shorter file.
    const cut = dirtyVhdx();
    putEntries(cut, 0, entry);
    const source = new VhdxBuilder(cut.bytes.slice(0, LOG + MIB - 1)).source();
    assertEquals(promisedVhdxEnd(source), { end: 4 * MIB, isExact: false });
  },
);

pureTest("promisedVhdxEnd(): of a table that is cut off, nobody knows what it led to", () => {
  const { bytes } = new VhdxBuilder({ virtualSize: 200_000 * MIB });
  const end = BAT + 2 * MIB;
  assertEquals(promisedVhdxEnd(new VhdxBuilder(bytes).source()), { end, isExact: true });
  const cut = new VhdxBuilder(bytes.slice(0, BAT + MIB));
  assertEquals(promisedVhdxEnd(cut.source()), { end, isExact: false });
});

pureTest(
  "promisedVhdxEnd(): of a log that is cut off, nobody knows what its replay leads to",
  () => {
    const image = dirtyVhdx();
    const file = SparseFile.of(image.bytes);
    raise(file, ["log"]);
    const log = logOf(file, HEADERS[0]).offset;
    const entry = {
      sequence: 1n,
      changes: [batPage(PRESENT, 4)],
      flushed: log + MIB,
      last: log + MIB,
    };
    file.writeAt(logEntry(entry, 0), log);
    assertEquals(promisedVhdxEnd(file), { end: log + MIB, isExact: true });
    file.truncate(log + MIB / 2);
    assertEquals(promisedVhdxEnd(file), { end: log + MIB, isExact: false });
  },
);
