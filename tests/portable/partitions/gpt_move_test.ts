import { assertEquals } from "@std/assert";
import { moveBackup } from "../../../src/portable/partitions/gpt_repair.ts";
import { gptOf, MemoryDisk } from "./partition_builder.ts";
import { pureTest } from "../../pure.ts";

const OLD = 1000;
const NEW = 2000;

/** A disk of `NEW` sectors with the table of one of `OLD`. */
function grown(): MemoryDisk {
  const old = new MemoryDisk(OLD);
  old.gpt([100, 899]);
  const disk = new MemoryDisk(NEW);
  disk.bytes.set(old.bytes);
  return disk;
}

pureTest(
  "moveBackup(): a table moved to the new end is the one that a disk of that size would have",
  () => {
    const disk = grown();
    moveBackup(disk, gptOf(disk), disk.size);
    const expected = new MemoryDisk(NEW);
    expected.gpt([100, 899]);
    // The former backup's entries stay where nobody looks for them.
    const entries = (OLD - 33) * 512;
    disk.bytes.fill(0, entries, entries + 32 * 512);
    assertEquals(disk.bytes, expected.bytes);
  },
);

pureTest(
  "moveBackup(): the new backup is written first, and what is in place is not written again",
  () => {
    const disk = grown();
    moveBackup(disk, gptOf(disk), disk.size);
    assertEquals(disk.writes, [(NEW - 33) * 512, (OLD - 1) * 512, 512, 0]);
    moveBackup(disk, gptOf(disk), disk.size);
    assertEquals(disk.writes.length, 4);
  },
);

pureTest(
  "moveBackup(): after a crash at any write both tables are sound, and the same move ends as without it",
  () => {
    const whole = grown();
    moveBackup(whole, gptOf(whole), whole.size);
    for (let count = 0; count <= 4; count++) {
      const disk = grown();
      const write = disk.write.bind(disk);
      disk.write = (bytes, offset) => {
        if (disk.writes.length < count) write(bytes, offset);
      };
      moveBackup(disk, gptOf(disk), disk.size);
      const header = disk.read(count === 0 ? (OLD - 1) * 512 : (NEW - 1) * 512, 8);
      assertEquals(new TextDecoder().decode(header), "EFI PART", `after ${count} writes`);
      disk.write = write;
      moveBackup(disk, gptOf(disk), disk.size);
      assertEquals(disk.bytes, whole.bytes, `after ${count} writes, and again`);
    }
  },
);

pureTest("moveBackup(): a disk that is about to be cut keeps its backup until then", () => {
  const disk = new MemoryDisk(NEW);
  disk.gpt([100, 899]);
  moveBackup(disk, gptOf(disk), OLD * 512);
  assertEquals(disk.writes, [(OLD - 33) * 512, 512, 0]);
});

pureTest("moveBackup(): a backup that overlaps the former one keeps its bytes", () => {
  const old = new MemoryDisk(OLD);
  old.gpt([100, 899]);
  const disk = new MemoryDisk(OLD + 10);
  disk.bytes.set(old.bytes);
  moveBackup(disk, gptOf(disk), disk.size);
  assertEquals(disk.writes, [(OLD + 10 - 33) * 512, 512, 0]);
  assertEquals(disk.read((OLD + 9) * 512 + 24, 1)[0], (OLD + 9) & 0xff);
});

pureTest(
  "moveBackup(): a protective record is left alone where it says all, or names other partitions",
  () => {
    for (
      const change of [
        (disk: MemoryDisk) => disk.mbrEntry(0, 0xee, 1, 0xffffffff),
        (disk: MemoryDisk) => disk.mbrEntry(1, 0x83, 100, 800),
        (disk: MemoryDisk) => disk.mbrEntry(0, 0xee, 2, 30),
      ]
    ) {
      const disk = grown();
      change(disk);
      const record = disk.read(0, 512);
      moveBackup(disk, gptOf(disk), disk.size);
      assertEquals(disk.read(0, 512), record);
    }
  },
);

pureTest("moveBackup(): what a header names as its backup is not erased where it is none", () => {
  const disk = grown();
  disk.view.setBigUint64(512 + 32, 950n, true);
  disk.view.setBigUint64(512 + 48, 900n, true);
  disk.bytes.fill(7, 950 * 512, 951 * 512);
  disk.sealGpt();
  moveBackup(disk, gptOf(disk), disk.size);
  assertEquals(disk.bytes[950 * 512], 7);
});
