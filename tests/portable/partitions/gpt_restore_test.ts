import { assertEquals } from "@std/assert";
import { restorePrimary } from "../../../src/portable/partitions/gpt_repair.ts";
import { assertBytesEqual } from "../../support.ts";
import { gptOf, MemoryDisk, settle } from "./partition_builder.ts";
import { pureTest } from "../../pure.ts";

const OLD = 1000;
const PARTITION = [100, 799] as const;
const HEADER = 512;
const ENTRIES = 2 * 512;

/** A disk of `sectors`, with the table of one of `OLD` whose primary header and entries are gone. */
function damaged(sectors = OLD): MemoryDisk {
  const old = new MemoryDisk(OLD);
  old.gpt(PARTITION);
  const disk = new MemoryDisk(sectors);
  disk.bytes.set(old.bytes);
  disk.view.setUint32(HEADER + 16, 0);
  disk.bytes.fill(7, ENTRIES, 34 * 512);
  return disk;
}

pureTest(
  "restorePrimary(): a restored table is the one that there was, and is written entries first",
  () => {
    const disk = damaged();
    const restored = restorePrimary(disk, gptOf(disk));
    const expected = new MemoryDisk(OLD);
    expected.gpt(PARTITION);
    assertBytesEqual(disk.bytes, expected.bytes);
    assertEquals(disk.writes, [ENTRIES, HEADER]);
    assertEquals(restored, gptOf(expected));
  },
);

pureTest(
  "restorePrimary(): restored entries lie where the damaged header has them, if they can",
  () => {
    for (
      const [named, expected] of [[3, 3], [2, 2], [1, 2], [4, 2], [0, 2], [2 ** 60, 2]] as const
    ) {
      const disk = damaged();
      // There is room for one sector more than the entries have.
      for (const header of [HEADER, (OLD - 1) * 512]) {
        disk.view.setBigUint64(header + 40, 35n, true);
      }
      disk.sealGpt(OLD - 1);
      disk.view.setBigUint64(HEADER + 72, BigInt(named), true);
      restorePrimary(disk, gptOf(disk));
      assertEquals(disk.writes, [expected * 512, HEADER], `named ${named}`);
      assertEquals(gptOf(disk).isBackup, false);
    }
  },
);

pureTest("restorePrimary(): what of the primary table is sound is not written", () => {
  const disk = damaged();
  const sound = new MemoryDisk(OLD);
  sound.gpt(PARTITION);
  disk.bytes.set(sound.bytes.subarray(ENTRIES, 34 * 512), ENTRIES);
  restorePrimary(disk, gptOf(disk));
  assertEquals(disk.writes, [HEADER]);
});

for (
  const [title, from, to] of [
    ["in its place", OLD, OLD],
    ["of a disk that has grown", 2000, 2000],
    ["of a disk that has grown by less than the backup", OLD + 10, OLD + 10],
    ["of a disk that is to shrink", OLD, 900],
  ] as const
) {
  pureTest(
    `restorePrimary(): after a crash at any sector a table is sound: restored from a backup ${title}`,
    () => {
      const done = damaged(from);
      settle(done, to * 512);
      assertEquals(gptOf(done).isBackup, false);
      // Entries and header, twice; the record; the former backup.
      for (let limit = 0; limit < 2 * 33 + 2; limit++) {
        const disk = damaged(from);
        settle(disk, to * 512, limit);
        const { partitions } = gptOf(disk);
        assertEquals(partitions.map(({ offset }) => offset / 512), [100], `${limit} sectors`);
        settle(disk, to * 512);
        // What the former backup leaves where nobody looks for it depends on where the crash was.
        assertEquals(tables(disk, to), tables(done, to), `resumed after ${limit} sectors`);
      }
      const count = done.writes.length;
      settle(done, to * 512);
      assertEquals(done.writes.length, count);
    },
  );
}

/** The first 34 sectors, and the last 33 of a disk of so many. */
function tables({ bytes }: MemoryDisk, sectors: number): Uint8Array[] {
  return [bytes.slice(0, 34 * 512), bytes.slice((sectors - 33) * 512, sectors * 512)];
}
