/** Which file systems are found on a disk: in partitions of a GPT and an MBR, and where there are none. */
import { assertEquals } from "@std/assert";
import { createVirtualDisk, openVirtualDisk, type PartitionSpace } from "@virtdisk/virtdisk";
import { dumpedRanges, E2FSPROGS, makeExt } from "../filesystems/ext_images.ts";
import { run, TempDir, testWith, tool } from "../../support.ts";

const MiB = 2 ** 20;
const SFDISK = tool("/usr/sbin/sfdisk");

/** Runs a tool with an input. */
function feed(program: string, args: string[], input: string): void {
  const path = Deno.makeTempFileSync();
  try {
    Deno.writeTextFileSync(path, input);
    run("/bin/sh", "-c", `exec "$0" "$@" < "${path}"`, program, ...args);
  } finally {
    Deno.removeSync(path);
  }
}

/** A raw disk with a partition table, and bytes in its partitions. */
function partitioned(path: string, script: string, contents: Record<number, Uint8Array>): void {
  Deno.writeFileSync(path, new Uint8Array());
  Deno.truncateSync(path, 128 * MiB);
  feed("/usr/sbin/sfdisk", ["-q", "--no-reread", "--no-tell-kernel", path], script);
  using file = Deno.openSync(path, { write: true });
  for (const [offset, bytes] of Object.entries(contents)) {
    file.seekSync(Number(offset) * MiB, Deno.SeekMode.Start);
    file.writeSync(bytes);
  }
}

function madeBy(dir: TempDir, size: number, program: string, ...args: string[]): Uint8Array {
  const path = dir.file("made.img");
  Deno.writeFileSync(path, new Uint8Array(size));
  run(program, ...args, path);
  return Deno.readFileSync(path);
}

function extBytes(dir: TempDir, size: number, ...args: string[]): Uint8Array {
  const path = dir.file("ext.img");
  makeExt(path, size, ...args);
  return Deno.readFileSync(path);
}

async function partitionsOf(path: string): Promise<readonly PartitionSpace[]> {
  using disk = await openVirtualDisk(path, { backend: "portable", type: "raw" });
  return (await disk.freeSpace()).partitions;
}

/** What is asserted of a partition. */
function summary({ partition, offset, fileSystem, freeBytes, reason }: PartitionSpace): unknown {
  return { partition, MiB: offset / MiB, fileSystem, isFree: freeBytes !== undefined, reason };
}

const NOT_UNDERSTOOD = "it is not understood, and kept whole";

testWith(
  [...E2FSPROGS, SFDISK, tool("/usr/sbin/mkfs.vfat"), tool("/usr/sbin/mkntfs")],
  "freeSpace(): every partition of a GPT is looked into, and what is not understood is named",
  async () => {
    using dir = new TempDir();
    const path = dir.file("disk.img");
    const btrfs = new Uint8Array(65 * 1024);
    btrfs.set(new TextEncoder().encode("_BHRfS_M"), 0x10040);
    const swap = new Uint8Array(4096);
    swap.set(new TextEncoder().encode("SWAPSPACE2"), 4086);
    partitioned(
      path,
      "label: gpt\nstart=2048,size=32M\nstart=34M,size=16M\nstart=50M,size=40M\nstart=90M,size=8M\n" +
        "start=98M,size=8M\nstart=106M,size=8M\nstart=114M,size=8M,type=E6D6D379-F507-44C2-A23C-238F2A3DF928\n",
      {
        1: extBytes(dir, 32 * MiB, "-t", "ext4"),
        34: madeBy(dir, 16 * MiB, "/usr/sbin/mkntfs", "-q", "-F"),
        50: madeBy(dir, 40 * MiB, "/usr/sbin/mkfs.vfat", "-F", "32"),
        90: btrfs,
        98: swap,
      },
    );
    const partitions = await partitionsOf(path);
    assertEquals(partitions.map(summary), [
      { partition: 1, MiB: 1, fileSystem: "ext4", isFree: true, reason: undefined },
      { partition: 2, MiB: 34, fileSystem: "ntfs", isFree: true, reason: undefined },
      { partition: 3, MiB: 50, fileSystem: "fat32", isFree: true, reason: undefined },
      { partition: 4, MiB: 90, fileSystem: "Btrfs", isFree: false, reason: NOT_UNDERSTOOD },
      {
        partition: 5,
        MiB: 98,
        fileSystem: "Linux swap space",
        isFree: false,
        reason: NOT_UNDERSTOOD,
      },
      {
        partition: 6,
        MiB: 106,
        fileSystem: undefined,
        isFree: false,
        reason: undefined,
      },
      { partition: 7, MiB: 114, fileSystem: "LVM", isFree: false, reason: NOT_UNDERSTOOD },
    ]);
  },
);

testWith(
  [...E2FSPROGS, SFDISK],
  "freeSpace(): primary and logical partitions of an MBR are looked into",
  async () => {
    using dir = new TempDir();
    const path = dir.file("disk.img");
    const ext2 = extBytes(dir, 16 * MiB, "-t", "ext2");
    const ext3 = extBytes(dir, 32 * MiB, "-t", "ext3");
    const script =
      "label: dos\nstart=1M,size=20M,type=83\nstart=30M,size=90M,type=5\nstart=31M,size=32M,type=83\n" +
      "start=70M,size=16M,type=83\nstart=90M,size=16M,type=8e\n";
    partitioned(path, script, { 1: ext2, 31: ext3, 70: ext2, 90: ext2 });
    const partitions = await partitionsOf(path);
    assertEquals(partitions.map(summary), [
      { partition: 1, MiB: 1, fileSystem: "ext2", isFree: true, reason: undefined },
      { partition: 5, MiB: 31, fileSystem: "ext3", isFree: true, reason: undefined },
      { partition: 6, MiB: 70, fileSystem: "ext2", isFree: true, reason: undefined },
      { partition: 7, MiB: 90, fileSystem: "LVM", isFree: false, reason: NOT_UNDERSTOOD },
    ]);
    // Where they are in the disk.
    using disk = await openVirtualDisk(path, { backend: "portable", type: "raw" });
    const space = await disk.freeSpace();
    const ranges = await Array.fromAsync(space);
    const dumped = dumpedRanges(dir.file("ext.img")).map(({ offset, length }) => ({
      offset: offset + 31 * MiB,
      length,
    }));
    const isInside = ({ offset }: { offset: number }) => offset >= 31 * MiB && offset < 63 * MiB;
    assertEquals(ranges.filter(isInside), dumped);
    assertEquals(ranges.reduce((sum, { length }) => sum + length, 0), space.freeBytes);
  },
);

testWith(E2FSPROGS, "freeSpace(): a disk without partitions is one file system", async () => {
  using dir = new TempDir();
  const path = dir.file("disk.img");
  makeExt(path, 32 * MiB, "-t", "ext4");
  assertEquals((await partitionsOf(path)).map(summary), [
    { partition: undefined, MiB: 0, fileSystem: "ext4", isFree: true, reason: undefined },
  ]);
  using disk = await openVirtualDisk(path, { backend: "portable", type: "raw" });
  assertEquals(await Array.fromAsync(await disk.freeSpace()), dumpedRanges(path));
});

/** Sets bytes of a file. */
function patch(path: string, offset: number, bytes: readonly number[]): void {
  using file = Deno.openSync(path, { write: true });
  file.seekSync(offset, Deno.SeekMode.Start);
  file.writeSync(Uint8Array.from(bytes));
}

const AMBIGUOUS: readonly {
  readonly title: string;
  readonly spoil: (path: string) => void;
  readonly reason: string;
}[] = [
  {
    title: "a partition table beside a file system on the whole disk",
    spoil: (path) => {
      patch(path, 446, [0, 0, 0, 0, 0x83, 0, 0, 0, 0, 8, 0, 0, 0, 32, 0, 0]);
      patch(path, 510, [0x55, 0xaa]);
    },
    reason: "the disk has a partition table, but begins as ext4 does",
  },
  {
    title: "the mark of another file system beside an ext4",
    spoil: (path) => patch(path, 0x10040, [...new TextEncoder().encode("_BHRfS_M")]),
    reason: "it has the marks of ext4 and of Btrfs",
  },
  {
    title: "the mark of LUKS where an ext4 was",
    spoil: (path) => patch(path, 0, [...new TextEncoder().encode("LUKS"), 0xba, 0xbe]),
    reason: "it has the marks of ext4 and of LUKS",
  },
];

for (const { title, spoil, reason } of AMBIGUOUS) {
  testWith(E2FSPROGS, `${title} is not believed`, async () => {
    using dir = new TempDir();
    const path = dir.file("disk.img");
    makeExt(path, 32 * MiB, "-t", "ext4");
    spoil(path);
    const [partition] = await partitionsOf(path);
    assertEquals([partition?.freeBytes, partition?.reason], [undefined, reason]);
  });
}

testWith(
  [...E2FSPROGS, SFDISK],
  "freeSpace(): partitions that overlap are not believed",
  async () => {
    using dir = new TempDir();
    const path = dir.file("disk.img");
    const ext2 = extBytes(dir, 16 * MiB, "-t", "ext2");
    partitioned(path, "label: dos\nstart=1M,size=20M,type=83\nstart=30M,size=20M,type=83\n", {
      1: ext2,
      30: ext2,
    });
    // The second one begins a MiB before the first one ends.
    patch(path, 446 + 16 + 8, [0, 0xa0, 0, 0]);
    const partitions = await partitionsOf(path);
    assertEquals(partitions.length, 2);
    for (const { freeBytes, reason } of partitions) {
      assertEquals([freeBytes, reason], [undefined, "partitions of the disk overlap"]);
    }
  },
);

Deno.test("freeSpace(): an empty disk has nothing that is known", async () => {
  using dir = new TempDir();
  const path = dir.file("disk.vhdx");
  using disk = await createVirtualDisk(path, { size: 16 * MiB, backend: "portable" });
  const { freeBytes, partitions } = await disk.freeSpace();
  assertEquals([freeBytes, partitions.length], [0, 1]);
  assertEquals(partitions, [{ offset: 0, length: 16 * MiB }]);
});
