import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { readNtfs } from "../../../src/portable/filesystems/ntfs/ntfs.ts";
import { everySo } from "../../sampling.ts";
import { run, TempDir, testWith, tool } from "../../support.ts";
import { lengthOf, type Range, readFree, sleuthKitFree } from "./changed_volumes.ts";
import {
  fillFolder,
  makeNtfsVolume,
  mounted,
  NTFS_TOOLS,
  type NtfsVolumeOptions,
} from "./ntfs_volumes.ts";
import { FileVolume } from "./volumes.ts";

const MIB = 2 ** 20;
/** Sleuth Kit 4.11 knows no clusters of more sectors. */
const MAX_SLEUTH_KIT_SECTORS = 128;

const VOLUMES: readonly NtfsVolumeOptions[] = [
  { clusterSize: 512, size: 12 * MIB },
  { clusterSize: 1024, size: 20 * MIB + 3 * 512 },
  { clusterSize: 4096, size: 40 * MIB },
  { clusterSize: 2048, sectorSize: 1024, size: 24 * MIB },
  { clusterSize: 4096, sectorSize: 4096, size: 40 * MIB },
  { clusterSize: 65536, size: 100 * MIB },
  { clusterSize: 65536, sectorSize: 4096, size: 128 * MIB },
  { clusterSize: 2 ** 17, size: 160 * MIB },
  { clusterSize: 2 ** 21, size: 1024 * MIB },
];

for (const [index, options] of VOLUMES.entries()) {
  const { clusterSize, sectorSize = 512, size } = options;
  const name = `NTFS of ${Math.floor(size / MIB)} MiB, clusters of ${clusterSize}, ` +
    `sectors of ${sectorSize} bytes`;
  testWith(
    [...NTFS_TOOLS, tool("blkls"), tool("ps"), ...everySo(3, index)],
    `${name}: what other tools find`,
    () => {
      using dir = new TempDir();
      const image = makeNtfsVolume(dir, "ntfs.img", options, (folder) => {
        fillFolder(folder, Math.min(size * 0.2, 8 * MIB));
      });
      using volume = new FileVolume(image);
      const fileSystem = readNtfs(volume)!;
      assertEquals([fileSystem.name, fileSystem.blockSize], ["ntfs", clusterSize]);
      const free = readFree(readNtfs, volume);
      assertEquals(lengthOf(free) / clusterSize, ntfsInfoFree(image));
      if (clusterSize / sectorSize <= MAX_SLEUTH_KIT_SECTORS) {
        assertEquals(free, sleuthKitFree(image, clusterSize, "ntfs"));
      }
      assert(free.length > 3);
      assertUnowned(image, free, clusterSize);
    },
  );
}

function ntfsInfoFree(image: string): number {
  return Number(run("ntfsinfo", "-m", image).match(/Free Clusters: (\d+)/)![1]);
}

/** ntfscluster looks for the owner of a cluster in all files, not in the map. */
function assertUnowned(image: string, free: readonly Range[], clusterSize: number): void {
  for (const [start, end] of free.slice(0, 8)) {
    const range = `${start / clusterSize}-${end / clusterSize - 1}`;
    assertStringIncludes(run("ntfscluster", "-f", "-c", range, image), "no inode found");
  }
}

testWith([...NTFS_TOOLS, tool("blkls"), tool("ps")], "an NTFS volume in many pieces", () => {
  using dir = new TempDir();
  const clusterSize = 512;
  const image = makeNtfsVolume(dir, "ntfs.img", { clusterSize, size: 16 * MIB }, (folder) => {
    // Every second piece of a full volume is given back, and taken by a file and by the table.
    const fillers: string[] = [];
    Deno.mkdirSync(`${folder}/fill`);
    untilFull((i) => {
      fillers.push(`${folder}/fill/${i}`);
      Deno.writeFileSync(fillers.at(-1)!, new Uint8Array(1024).fill(7));
    });
    fillers.forEach((path, i) => {
      // There may be nothing of the last one.
      if (i % 2 === 0 && i < fillers.length - 1) Deno.removeSync(path);
    });
    Deno.writeFileSync(`${folder}/scattered`, new Uint8Array(300 * 1024).fill(1));
    untilFull((i) => Deno.writeFileSync(`${folder}/small ${i}`, new Uint8Array(200).fill(1)));
    Deno.removeSync(`${folder}/scattered`);
  });
  // The table's parts are listed in records of its own.
  assertStringIncludes(run("ntfsinfo", "-i", "0", image), "attribute $ATTRIBUTE_LIST (0x20)");
  using volume = new FileVolume(image);
  const free = readFree(readNtfs, volume);
  assertEquals(free, sleuthKitFree(image, clusterSize, "ntfs"));
  assert(free.length > 500);
});

/** Writes until there is no room; the last file may be there without its contents. */
function untilFull(write: (i: number) => void): void {
  try {
    for (let i = 0;; i++) write(i);
  } catch (error) {
    assert(error instanceof Error && /space/i.test(error.message), `${error}`);
  }
}

testWith([...NTFS_TOOLS, tool("ps")], "an NTFS volume that is mounted again and emptied", () => {
  using dir = new TempDir();
  const image = makeNtfsVolume(dir, "ntfs.img", { clusterSize: 4096, size: 24 * MIB });
  const empty = lengthOf(readFreeOf(image));
  mounted(dir, image, (folder) => fillFolder(folder, 4 * MIB));
  const filled = lengthOf(readFreeOf(image));
  mounted(dir, image, (folder) => {
    for (const { name } of Deno.readDirSync(folder)) {
      Deno.removeSync(`${folder}/${name}`, { recursive: true });
    }
  });
  const emptied = lengthOf(readFreeOf(image));
  assertEquals(emptied, ntfsInfoFree(image) * 4096);
  assert(filled < empty - 2 * MIB && emptied > filled + 2 * MIB);
});

function readFreeOf(image: string): Range[] {
  using volume = new FileVolume(image);
  return readFree(readNtfs, volume);
}

testWith([...NTFS_TOOLS, tool("ps")], "an NTFS volume of 64 GiB", () => {
  using dir = new TempDir();
  const options = { clusterSize: 4096, size: 64 * 1024 * MIB };
  const image = makeNtfsVolume(dir, "ntfs.img", options, (folder) => fillFolder(folder, MIB));
  using volume = new FileVolume(image);
  assertEquals(lengthOf(readFree(readNtfs, volume)), ntfsInfoFree(image) * 4096);
  // The log has 64 MiB.
  assert(volume.bytesRead < 72 * MIB);
});
