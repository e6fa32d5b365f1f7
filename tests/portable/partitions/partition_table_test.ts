import { assertEquals } from "@std/assert";
import { readPartitionTable } from "../../../src/portable/partitions/partition_table.ts";
import { Random } from "../../fuzz/random.ts";
import { LINUX, MemoryDisk } from "./partition_builder.ts";
import { pureTest } from "../../pure.ts";

const SECTORS = 4096;

pureTest(
  "readPartitionTable(): a master boot record names its primary and logical partitions",
  () => {
    const disk = new MemoryDisk(SECTORS);
    disk.mbrEntry(0, 0x07, 64, 100);
    disk.mbrEntry(2, 0x0f, 1000, 1000);
    // Each record of the chain counts from another place.
    disk.mbrEntry(0, 0x83, 8, 50, 1000);
    disk.mbrEntry(1, 0x05, 200, 300, 1000);
    disk.mbrEntry(0, 0x83, 10, 60, 1200);
    const table = readPartitionTable(disk);
    assertEquals(table?.kind, "mbr");
    assertEquals(
      table?.partitions.map(({ number, offset, length, type }) => [
        number,
        offset / 512,
        length / 512,
        type,
      ]),
      [[1, 64, 100, "0x07"], [5, 1008, 50, "0x83"], [6, 1210, 60, "0x83"]],
    );
    assertEquals([table?.end, table?.smallestDisk], [2000 * 512, 2000 * 512]);
    // One that leaves its extended partition.
    disk.mbrEntry(0, 0x83, 10, 900, 1200);
    assertEquals(readPartitionTable(disk)?.end, 2110 * 512);
  },
);

pureTest("readPartitionTable(): a disk of a few odd bytes has no table", () => {
  const disk = {
    size: 5,
    sectorSize: 1,
    read: (_: number, length: number) => new Uint8Array(length),
  };
  assertEquals(readPartitionTable(disk), undefined);
});

pureTest("readPartitionTable() keeps room for the backup of a GPT", async (t) => {
  for (const sectorSize of [512, 4096]) {
    await t.step(`sectors of ${sectorSize} bytes`, () => {
      const disk = new MemoryDisk(SECTORS, sectorSize);
      disk.gpt([100, 199], [1000, 1499]);
      const table = readPartitionTable(disk);
      assertEquals(table?.partitions, [
        { number: 1, offset: 100 * sectorSize, length: 100 * sectorSize, type: LINUX },
        { number: 2, offset: 1000 * sectorSize, length: 500 * sectorSize, type: LINUX },
      ]);
      assertEquals(table?.smallestDisk, 1500 * sectorSize + 16384 + sectorSize);
    });
  }
});

pureTest(
  "readPartitionTable(): a GPT without partitions needs room for one, and for its backup",
  () => {
    const disk = new MemoryDisk(SECTORS);
    disk.gpt();
    const table = readPartitionTable(disk);
    assertEquals([table?.partitions, table?.end], [[], 0]);
    assertEquals(table?.smallestDisk, (2 + 32 + 1 + 33) * 512);
  },
);

pureTest("readPartitionTable(): a hybrid record's partitions must stay too", () => {
  const disk = new MemoryDisk(SECTORS);
  disk.gpt([100, 199]);
  disk.mbrEntry(1, 0x83, 100, 100);
  assertEquals(readPartitionTable(disk)?.end, 200 * 512);
  disk.mbrEntry(2, 0x07, 1000, 24);
  const table = readPartitionTable(disk);
  assertEquals([table?.kind, table?.partitions.length], ["gpt", 1]);
  assertEquals([table?.end, table?.smallestDisk], [1024 * 512, (1024 + 33) * 512]);
  disk.mbrEntry(2, 0x07, 1000, SECTORS);
  assertEquals(readPartitionTable(disk)?.end, disk.size);
});

/** Field by field, so that the reader's own names cannot hide a mistake. */
const RECORD_DAMAGES: Record<string, (disk: MemoryDisk) => void> = {
  "no signature of a boot record": (disk) => disk.view.setUint16(510, 0),
  "the boot sector of a file system": (disk) => disk.view.setUint8(446, 0x33),
  "no partition": (disk) => disk.bytes.fill(0, 446, 510),
  "a partition beyond the disk": (disk) => disk.mbrEntry(0, 7, 64, SECTORS),
  "a partition over the record": (disk) => disk.mbrEntry(0, 7, 0, 64),
  "an extended partition without a record": (disk) => disk.mbrEntry(0, 5, 64, 64),
  "a chain of records that is a loop": (disk) => {
    disk.mbrEntry(0, 5, 64, 64);
    disk.mbrEntry(1, 5, 0, 64, 64);
  },
  "a chain of records that leaves the disk": (disk) => {
    disk.mbrEntry(0, 5, 64, 64);
    disk.mbrEntry(1, 5, 0xffffffff, 64, 64);
  },
};

pureTest("readPartitionTable() finds no size in a damaged record", async (t) => {
  for (const [name, damage] of Object.entries(RECORD_DAMAGES)) {
    await t.step(`${name}`, () => {
      const disk = new MemoryDisk(SECTORS);
      disk.gpt([100, 199]);
      assertEquals(readPartitionTable(disk)?.partitions.length, 1);
      damage(disk);
      assertEquals(readPartitionTable(disk), undefined);
    });
  }
});

const LAST = SECTORS - 1;
/** Where the two headers and the two arrays of entries begin, in sectors. */
const PRIMARY = { header: 1, entries: 2 };
const BACKUP = { header: LAST, entries: LAST - 32 };

/** Where in the disk, in bytes, the header and the entries of the table are that is to be damaged. */
type Damage = (disk: MemoryDisk, header: number, entries: number) => void;

/** Those by chance, and a header that belongs elsewhere. */
const TABLE_DAMAGES: Record<string, Damage> = {
  "no header": (disk, header) => disk.bytes.fill(0, header, header + 512),
  "a header with a wrong checksum": (disk, header) => disk.bytes[header + 60]! ^= 1,
  "entries with a wrong checksum": (disk, _, entries) => disk.bytes[entries + 60]! ^= 1,
  "a header that is too short": (disk, header) => disk.view.setUint32(header + 12, 91, true),
  "a header longer than a sector": (disk, header) => disk.view.setUint32(header + 12, 513, true),
  "a header of another sector": sealed((disk, header) => setSector(disk, header + 24, 2)),
};

/** What nobody has by chance: the checksums are right. */
const BROKEN_RULES: Record<string, Damage> = {
  "entries of 0 bytes": sealed((disk, header) => disk.view.setUint32(header + 84, 0, true)),
  "entries of 192 bytes": sealed((disk, header) => disk.view.setUint32(header + 84, 192, true)),
  "more entries than memory": sealed((disk, header) => {
    disk.view.setUint32(header + 80, 2 ** 31, true);
  }),
  "no entries": sealed((disk, header) => disk.view.setUint32(header + 80, 0, true)),
  "entries over the header": sealed((disk, header) => {
    setSector(disk, header + 72, header / 512);
  }),
  "entries among the partitions": sealed((disk, header) => setSector(disk, header + 72, 20)),
  "entries behind the end of numbers": sealed((disk, header) => {
    disk.view.setBigUint64(header + 72, 2n ** 64n - 1n, true);
  }),
  "a usable range beyond the disk": sealed((disk, header) => {
    setSector(disk, header + 48, SECTORS);
  }),
  "a usable range that begins beyond the disk": sealed((disk, header) => {
    setSector(disk, header + 40, 2 ** 40);
    if (header === 512) setSector(disk, header + 72, 2 ** 39);
  }),
  "a partition that ends before it begins": sealed((disk, _, entries) => {
    setSector(disk, entries + 40, 99);
  }),
  "a partition outside the usable range": sealed((disk, _, entries) => {
    setSector(disk, entries + 40, SECTORS - 10);
  }),
  "a partition that begins in the table": sealed((disk, _, entries) => {
    setSector(disk, entries + 32, 10);
  }),
};

function setSector(disk: MemoryDisk, at: number, sector: number): void {
  disk.view.setBigUint64(at, BigInt(sector), true);
}

function sealed(damage: Damage): Damage {
  return (disk, header, entries) => {
    damage(disk, header, entries);
    disk.sealGpt(header / 512);
  };
}

function whole(): MemoryDisk {
  const disk = new MemoryDisk(SECTORS);
  disk.gpt([100, 199]);
  return disk;
}

function damageTable(disk: MemoryDisk, { header, entries }: typeof PRIMARY, damage: Damage): void {
  damage(disk, header * 512, entries * 512);
}

pureTest("readPartitionTable() takes the sound one of two tables", async (t) => {
  for (const [name, damage] of Object.entries(TABLE_DAMAGES)) {
    await t.step(`${name}`, () => {
      const expected = readPartitionTable(whole());
      const backup = whole();
      damageTable(backup, PRIMARY, damage);
      const fromBackup = readPartitionTable(backup);
      assertEquals(fromBackup?.gpt?.isBackup, true);
      assertEquals(fromBackup?.gpt?.backupSector, LAST);
      assertEquals(fromBackup?.partitions, expected?.partitions);
      assertEquals(fromBackup?.smallestDisk, expected?.smallestDisk);
      const primary = whole();
      damageTable(primary, BACKUP, damage);
      assertEquals(readPartitionTable(primary), expected);
      damageTable(primary, PRIMARY, damage);
      assertEquals(readPartitionTable(primary), undefined);
    });
  }
});

pureTest(
  "readPartitionTable() finds no size in a table that breaks a rule, nor in its backup",
  async (t) => {
    for (const [name, change] of Object.entries(BROKEN_RULES)) {
      await t.step(`${name}`, () => {
        const disk = whole();
        damageTable(disk, PRIMARY, change);
        assertEquals(readPartitionTable(disk), undefined);
        const other = whole();
        damageTable(other, BACKUP, change);
        assertEquals(readPartitionTable(other), readPartitionTable(whole()));
        other.bytes.fill(0, 512, 1024);
        assertEquals(readPartitionTable(other), undefined);
      });
    }
  },
);

pureTest("readPartitionTable(): where two sound tables disagree, the primary one counts", () => {
  const disk = whole();
  setSector(disk, BACKUP.entries * 512 + 40, 299);
  disk.sealGpt(LAST);
  assertEquals(readPartitionTable(disk)?.end, 200 * 512);
  assertEquals(readPartitionTable(disk)?.gpt?.isBackup, false);
});

pureTest("readPartitionTable(): a backup that cannot be one of this disk does not count", () => {
  const changes: Record<string, (disk: MemoryDisk) => void> = {
    "of another primary table": (disk) => setSector(disk, LAST * 512 + 32, 2),
    "with no room for primary entries": (disk) => setSector(disk, LAST * 512 + 40, 33),
  };
  for (const [name, change] of Object.entries(changes)) {
    const disk = whole();
    disk.bytes.fill(0, 512, 34 * 512);
    assertEquals(readPartitionTable(disk)?.gpt?.isBackup, true);
    change(disk);
    disk.sealGpt(LAST);
    assertEquals(readPartitionTable(disk), undefined, name);
  }
});

pureTest(
  "readPartitionTable(): a damaged header tells where the backup is on a disk that has grown since",
  () => {
    const disk = new MemoryDisk(2 * SECTORS);
    disk.bytes.set(whole().bytes);
    disk.bytes[512 + 60]! ^= 1;
    const table = readPartitionTable(disk);
    assertEquals([table?.gpt?.isBackup, table?.gpt?.backupSector], [true, LAST]);
    for (const elsewhere of [0, 1, 2 * SECTORS, 2 ** 53]) {
      setSector(disk, 512 + 32, elsewhere);
      assertEquals(readPartitionTable(disk), undefined);
    }
  },
);

pureTest("readPartitionTable(): whatever a disk holds, its table is read within the disk", () => {
  const random = new Random(5);
  for (let i = 0; i < 3000; i++) {
    const disk = new MemoryDisk(random.pick([1, 2, 40, 200]));
    if (disk.size > 50_000 && random.chance(60)) disk.gpt([40, 60]);
    else for (let entry = 0; entry < 4; entry++) disk.mbrEntry(entry, 5, random.below(200), 50);
    for (let change = 0; change < 4; change++) {
      const at = random.below(Math.min(disk.size, 3000));
      disk.bytes[random.chance(50) ? at : disk.size - 1 - at] = random.below(256);
    }
    if (disk.size > 50_000 && random.chance(50)) {
      disk.view.setUint32(512 + 80, random.below(300), true);
    }
    const table = readPartitionTable(disk);
    if (table !== undefined) assertEquals(table.end <= disk.size, true);
  }
});
