import { assert, assertEquals } from "@std/assert";
import { readExfat } from "../../../src/portable/filesystems/exfat/exfat.ts";
import { everySo } from "../../sampling.ts";
import { run, TempDir, testWith, tool } from "../../support.ts";
import { lengthOf, type Range, readFree, sleuthKitFree } from "./changed_volumes.ts";
import { EXFAT_TOOLS, type ExfatVolumeOptions, makeExfatVolume } from "./exfat_volumes.ts";
import { fillFolder } from "./ntfs_volumes.ts";
import { FileVolume } from "./volumes.ts";

const MIB = 2 ** 20;

const VOLUMES: readonly ExfatVolumeOptions[] = [
  { clusterSize: 512, size: 8 * MIB },
  { clusterSize: 4096, size: 24 * MIB + 512 * 5 },
  { clusterSize: 4096, sectorSize: 4096, size: 40 * MIB },
  { clusterSize: 32768, size: 96 * MIB, args: ["-b", "32K"] },
  { clusterSize: 2 ** 17, size: 120 * MIB, args: ["--pack-bitmap"] },
  { clusterSize: 2 ** 20, sectorSize: 4096, size: 160 * MIB },
  { clusterSize: 2 ** 22, size: 256 * MIB },
];

for (const [index, options] of VOLUMES.entries()) {
  const { clusterSize, sectorSize = 512, size, args = [] } = options;
  const name = [
    `exFAT of ${Math.floor(size / MIB)} MiB, clusters of ${clusterSize}, ` +
    `sectors of ${sectorSize} bytes`,
    ...args,
  ].join(" ");
  testWith(
    [...EXFAT_TOOLS, tool("blkls"), ...everySo(3, index)],
    `${name}: what other tools find`,
    () => {
      using dir = new TempDir();
      const image = makeExfatVolume(dir, "exfat.img", options, (folder) => {
        fillFolder(folder, Math.min(size * 0.2, 8 * MIB));
        // Its clusters lie in what the files have given back, not one after the other.
        Deno.writeFileSync(`${folder}/scattered`, new Uint8Array(size / 10).fill(1));
        Deno.writeTextFileSync(`${folder}/one/last`, "last");
      });
      run("fsck.exfat", "-n", image);
      using volume = new FileVolume(image);
      const fileSystem = readExfat(volume)!;
      assertEquals([fileSystem.name, fileSystem.blockSize], ["exfat", clusterSize]);
      const free = readFree(readExfat, volume);
      const dump = run("dump.exfat", image);
      const stated = (name: string) => Number(dump.match(new RegExp(`${name}.*:\\s*(\\d+)`))![1]);
      assertEquals(lengthOf(free) / clusterSize, stated("Free Clusters"));
      // Sleuth Kit has the sectors at the end that are no cluster as free.
      const end = stated("Cluster Heap Offset") * sectorSize +
        stated("Cluster Count") * clusterSize;
      const found = sleuthKitFree(image, sectorSize, "exfat");
      assertEquals(free, found.map(([from, to]): Range => [from, Math.min(to, end)]));
      assert(free.length > 0);
    },
  );
}

testWith(EXFAT_TOOLS, "an exFAT volume of 64 GiB", () => {
  using dir = new TempDir();
  const options = { clusterSize: 32768, size: 64 * 1024 * MIB };
  const image = makeExfatVolume(dir, "exfat.img", options, (folder) => fillFolder(folder, MIB));
  using volume = new FileVolume(image);
  const [, free] = run("dump.exfat", image).match(/Free Clusters:\s*(\d+)/)!;
  assertEquals(lengthOf(readFree(readExfat, volume)), Number(free) * 32768);
  assert(volume.bytesRead < 2 * MIB);
});
