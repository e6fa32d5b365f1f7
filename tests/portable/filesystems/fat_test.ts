import { assert, assertEquals } from "@std/assert";
import { readFat } from "../../../src/portable/filesystems/fat/fat.ts";
import { everySo } from "../../sampling.ts";
import { run, TempDir, testWith, tool } from "../../support.ts";
import { FAT_TOOLS, type FatVolumeOptions, makeFatVolume } from "./fat_volumes.ts";
import { lengthOf, MemoryVolume, overlap, readFree, sleuthKitFree } from "./changed_volumes.ts";
import { FileVolume } from "./volumes.ts";

const MIB = 2 ** 20;

const VOLUMES: readonly FatVolumeOptions[] = [
  { bits: 12, size: 1440 * 1024, sectorsPerCluster: 1 },
  { bits: 12, size: 4 * MIB, sectorsPerCluster: 4 },
  { bits: 12, size: 4 * MIB + 1536, sectorsPerCluster: 8, args: ["-f", "1"] },
  { bits: 12, size: 128 * MIB, sectorsPerCluster: 128, fill: 0.1 },
  { bits: 16, size: 5 * MIB, sectorsPerCluster: 2, args: ["-r", "48"] },
  { bits: 16, size: 20 * MIB, sectorsPerCluster: 4 },
  { bits: 16, size: 64 * MIB, sectorsPerCluster: 8, args: ["-R", "7", "-f", "1"], fill: 0.1 },
  { bits: 16, size: 48 * MIB, sectorsPerCluster: 1, sectorSize: 4096 },
  { bits: 32, size: 34 * MIB, sectorsPerCluster: 1 },
  {
    bits: 32,
    size: 96 * MIB + 512,
    sectorsPerCluster: 2,
    args: ["-R", "100", "-f", "1"],
    fill: 0.1,
  },
  { bits: 32, size: 300 * MIB, sectorsPerCluster: 8, fill: 0.03 },
  { bits: 32, size: 280 * MIB, sectorsPerCluster: 1, sectorSize: 4096, fill: 0.03 },
];

for (const [index, options] of VOLUMES.entries()) {
  const { bits, size, sectorsPerCluster, sectorSize = 512, args = [] } = options;
  const name = [
    `FAT${bits} of ${size / MIB} MiB`,
    `${sectorsPerCluster} sectors of ${sectorSize} to a cluster`,
    ...args,
  ].join(" ");
  testWith(
    [...FAT_TOOLS, tool("blkls"), ...everySo(3, index)],
    `${name}: what Sleuth Kit and fsck.fat find`,
    () => {
      using dir = new TempDir();
      const image = makeFatVolume(dir, "fat.img", options);
      using volume = new FileVolume(image);
      const fileSystem = readFat(volume)!;
      assertEquals(fileSystem.name, `fat${bits}`);
      const clusterSize = sectorsPerCluster * sectorSize;
      assertEquals(fileSystem.blockSize, clusterSize);
      const free = readFree(readFat, volume);
      const [, used, all] = run("fsck.fat", "-n", image).match(/ (\d+)\/(\d+) clusters$/m)!;
      assertEquals(lengthOf(free) / clusterSize, Number(all) - Number(used));
      assertEquals(free, clustersOnly(image, sectorSize, Number(all) * clusterSize));
      // Something was deleted: what is free is not one piece.
      assert(free.length > 3);
    },
  );
}

/** What Sleuth Kit finds free, but for the sectors at the end that are no cluster. */
function clustersOnly(image: string, sectorSize: number, length: number) {
  const [, first] = run("fsstat", image).match(/Cluster Area: (\d+) /)!;
  const end = Number(first) * sectorSize + length;
  return sleuthKitFree(image, sectorSize, "fat")
    .map(([from, to]) => [from, Math.min(to, end)] as const)
    .filter(([from, to]) => from < to);
}

testWith([...FAT_TOOLS, tool("blkls")], "a FAT volume without a file, and one that is full", () => {
  using dir = new TempDir();
  const image = makeFatVolume(dir, "fat.img", {
    bits: 16,
    size: 5 * MIB,
    sectorsPerCluster: 2,
    fill: 0,
  });
  assertEquals(readFree(readFat, MemoryVolume.fromFile(image)).length, 1);
  Deno.writeFileSync(dir.file("zeros"), new Uint8Array(lengthOf(sleuthKitFree(image, 512, "fat"))));
  run("mcopy", "-i", image, dir.file("zeros"), "::/");
  assertEquals(readFree(readFat, MemoryVolume.fromFile(image)), []);
});

testWith([...FAT_TOOLS, tool("blkls")], "bad clusters of a FAT volume are used", () => {
  using dir = new TempDir();
  for (const [bits, size, first] of [[12, 2, 500], [16, 20, 900], [32, 40, 2000]] as const) {
    const blocks = [first, first + 300, first + 301];
    Deno.writeTextFileSync(dir.file("bad"), blocks.join("\n") + "\n");
    const image = makeFatVolume(dir, `${bits}.img`, {
      bits,
      size: size * MIB,
      sectorsPerCluster: 1,
      args: ["-l", dir.file("bad")],
      fill: 0,
    });
    // mkfs.fat counts bad clusters as free in FSInfo; fsck.fat does not.
    new Deno.Command("fsck.fat", { args: ["-a", image], stdout: "null" }).outputSync();
    const free = readFree(readFat, MemoryVolume.fromFile(image));
    const bad = blocks.map((block) => [block * 1024, (block + 1) * 1024] as const);
    assert(!overlap(free, bad), "a bad cluster is free");
    assertEquals(free.length, 3);
  }
});

testWith(FAT_TOOLS, "a FAT32 volume of 64 GiB", () => {
  using dir = new TempDir();
  const options = { bits: 32, size: 64 * 1024 * MIB, sectorsPerCluster: 64, fill: 0 };
  const image = makeFatVolume(dir, "fat.img", options);
  run("mmd", "-i", image, "::/folder");
  using volume = new FileVolume(image);
  const free = readFree(readFat, volume);
  const [, used, all] = run("fsck.fat", "-n", image).match(/ (\d+)\/(\d+) clusters$/m)!;
  assertEquals(lengthOf(free) / (64 * 512), Number(all) - Number(used));
  assert(volume.bytesRead < 20 * MIB);
});
