/** Four file systems on one disk: what is given back of all of them, and that nothing else is lost. */
import { createHash } from "node:crypto";
import { assert, assertEquals } from "@std/assert";
import { createVirtualDisk, type FreeSpaceReport, openVirtualDisk } from "@virtdisk/virtdisk";
import { sampledRows } from "../../sampling.ts";
import { assertBytesEqual, run, TempDir, testWith, tool, writeAll } from "../../support.ts";
import { isAllZero } from "../../../src/bytes/zeros.ts";
import { lengthOf, type Range, sleuthKitFree } from "../filesystems/changed_volumes.ts";
import { EXFAT_TOOLS, makeExfatVolume } from "../filesystems/exfat_volumes.ts";
import { dumpedRanges, E2FSPROGS, fillAndEmpty, makeExt } from "../filesystems/ext_images.ts";
import { FAT_TOOLS, makeFatVolume } from "../filesystems/fat_volumes.ts";
import { fillFolder, makeNtfsVolume, NTFS_TOOLS } from "../filesystems/ntfs_volumes.ts";

const MIB = 2 ** 20;
const DISK_SIZE = 150 * MIB;
/** Of each partition: FAT32 needs so much. */
const PART_SIZE = 36 * MIB;
const NEEDS = [
  ...E2FSPROGS,
  ...NTFS_TOOLS,
  ...FAT_TOOLS,
  ...EXFAT_TOOLS,
  ...["blkls", "tsk_recover", "sgdisk", "ntfsfix"].map(tool),
];

interface Part {
  readonly fileSystem: string;
  /** Bytes from the start of the disk. */
  readonly offset: number;
  readonly length: number;
  /** What is free, as a tool says, from the start of the disk. */
  readonly free: readonly Range[];
  /** Whether the file system's own program finds anything wrong. */
  readonly check: (image: string) => void;
}

const KINDS: readonly { fileSystem: string; check: Part["check"] }[] = [
  { fileSystem: "ext4", check: (image) => run("/usr/sbin/e2fsck", "-fn", image) },
  { fileSystem: "ntfs", check: (image) => run("ntfsfix", "-n", image) },
  { fileSystem: "fat32", check: (image) => run("fsck.fat", "-n", image) },
  { fileSystem: "exfat", check: (image) => run("fsck.exfat", "-n", image) },
];

/** A disk with a GPT and a partition of each kind, filled and emptied. */
function makeDisk(dir: TempDir): { readonly raw: string; readonly parts: Part[] } {
  const raw = dir.file("disk.raw");
  Deno.writeFileSync(raw, new Uint8Array(0));
  Deno.truncateSync(raw, DISK_SIZE);
  const size = PART_SIZE;
  const volumes = [
    makeExtVolume(dir, size),
    makeNtfsVolume(dir, "ntfs.img", { size, clusterSize: 4096 }, (folder) => {
      fillFolder(folder, 14 * MIB);
    }),
    makeFatVolume(dir, "fat32.img", { size, bits: 32, sectorsPerCluster: 1 }),
    makeExfatVolume(dir, "exfat.img", { size, clusterSize: 4096 }, (folder) => {
      fillFolder(folder, 14 * MIB);
    }),
  ];
  const offsets = volumes.map((_, i) => MIB + i * (size + MIB));
  // As sgdisk takes them: where each begins and ends, and Linux's type or Microsoft's.
  run(
    "sgdisk",
    ...offsets.flatMap((offset, i) => [
      `--new=${i + 1}:${offset / 512}:${(offset + size) / 512 - 1}`,
      `--typecode=${i + 1}:${i === 0 ? "8300" : "0700"}`,
    ]),
    raw,
  );
  using file = Deno.openSync(raw, { write: true });
  const parts = volumes.map((image, i): Part => {
    const offset = offsets[i]!;
    writeSparse(file, Deno.readFileSync(image), offset);
    const { fileSystem, check } = KINDS[i]!;
    check(image);
    const free = toolsFree(image, fileSystem)
      .map(([start, end]): Range => [start + offset, end + offset]);
    return { fileSystem, check, offset, length: size, free };
  });
  return { raw, parts };
}

function makeExtVolume(dir: TempDir, size: number): string {
  const image = dir.file("ext4.img");
  makeExt(image, size, "-t", "ext4", "-b", "4096");
  fillAndEmpty(dir, image, { seed: 9, largest: 2 * MIB, removed: 14 * MIB });
  return image;
}

function toolsFree(image: string, fileSystem: string): Range[] {
  switch (fileSystem) {
    case "ext4":
      return dumpedRanges(image).map(({ offset, length }): Range => [offset, offset + length]);
    case "ntfs":
      return sleuthKitFree(image, 4096, "ntfs");
    default:
      return sleuthKitFree(image, 512, fileSystem === "exfat" ? "exfat" : "fat");
  }
}

async function bytesOf(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const type = path.endsWith(".raw") ? { type: "raw" } as const : {};
  using disk = await openVirtualDisk(path, { backend: "portable", ...type });
  const bytes = new Uint8Array(DISK_SIZE);
  disk.readSync(bytes, 0);
  return bytes;
}

/** Bytes of the shortest hole. */
const HOLE = 65536;

/** Makes a file of these bytes, with holes in place of zeros. */
function makeSparse(path: string, bytes: Uint8Array): void {
  using file = Deno.openSync(path, { write: true, create: true, truncate: true });
  file.truncateSync(bytes.length);
  writeSparse(file, bytes, 0);
}

/** Leaves out zeros, which are there: most of the bytes are zeros, and writing them takes longer than all else. */
function writeSparse(file: Deno.FsFile, bytes: Uint8Array, offset: number): void {
  for (let at = 0; at < bytes.length; at += HOLE) {
    const piece = bytes.subarray(at, at + HOLE);
    if (isAllZero(piece)) continue;
    file.seekSync(offset + at, Deno.SeekMode.Start);
    writeAll(file, piece);
  }
}

/** The bytes of the disk; those of each partition as files, which the file systems' programs find in order. */
async function checked(dir: TempDir, path: string, parts: readonly Part[]) {
  const bytes = await bytesOf(path);
  const files = parts.map(({ offset, length, check, fileSystem }) => {
    const image = dir.file(`${fileSystem}.check`);
    makeSparse(image, bytes.subarray(offset, offset + length));
    check(image);
    const recovered = filesIn(dir, image);
    Deno.removeSync(image);
    return recovered;
  });
  return { bytes, files };
}

/** The paths and hashes of all files that are not deleted, as Sleuth Kit reads them. */
function filesIn(dir: TempDir, image: string): string[] {
  const folder = dir.file("recovered");
  Deno.mkdirSync(folder);
  run("tsk_recover", "-a", image, folder);
  const files: string[] = [];
  const walk = (path: string): void => {
    for (const { name, isDirectory } of Deno.readDirSync(path)) {
      const child = `${path}/${name}`;
      if (isDirectory) walk(child);
      else {
        const hash = createHash("sha256").update(Deno.readFileSync(child)).digest("hex");
        files.push(`${child.slice(folder.length)} ${hash}`);
      }
    }
  };
  walk(folder);
  Deno.removeSync(folder, { recursive: true });
  return files.sort();
}

/** Whatever is not free is as it was. */
function assertUsedKept(after: Uint8Array, before: Uint8Array, parts: readonly Part[]): void {
  let at = 0;
  for (const [start, end] of parts.flatMap(({ free }) => free)) {
    assertBytesEqual(after.subarray(at, start), before.subarray(at, start));
    at = end;
  }
  assertBytesEqual(after.subarray(at), before.subarray(at));
}

function assertReported({ partitions, freeBytes }: FreeSpaceReport, parts: readonly Part[]): void {
  assertEquals(
    partitions.map(({ partition, fileSystem, offset, length, reason }) => ({
      partition,
      fileSystem,
      offset,
      length,
      reason,
    })),
    parts.map(({ fileSystem, offset, length }, i) => ({
      partition: i + 1,
      fileSystem,
      offset,
      length,
      reason: undefined,
    })),
  );
  for (const [i, { free }] of parts.entries()) {
    assertEquals(partitions[i]!.freeBytes, lengthOf(free), parts[i]!.fileSystem);
  }
  assertEquals(freeBytes, lengthOf(parts.flatMap(({ free }) => free)));
}

/** The length of an image of the disk whose free space somebody else has overwritten. */
async function idealSize(
  dir: TempDir,
  ideal: Uint8Array,
  kind: (typeof IMAGES)[number],
): Promise<number> {
  const [raw, path] = [dir.file("ideal.raw"), dir.file(`ideal.${kind.type}`)];
  makeSparse(raw, ideal);
  (await createVirtualDisk(path, { ...kind, source: raw, sourceType: "raw", backend: "portable" }))
    .close();
  const { size } = Deno.statSync(path);
  Deno.removeSync(raw);
  Deno.removeSync(path);
  return size;
}

const IMAGES = [
  { type: "vhdx", blockSize: MIB },
  { type: "vhd", blockSize: 512 * 1024 },
] as const;

testWith(
  NEEDS,
  "freeSpace(): four file systems on a disk give back what they leave free",
  async (t) => {
    using dir = new TempDir();
    const { raw, parts } = makeDisk(dir);
    const before = await checked(dir, raw, parts);
    assert(before.files.every((files) => files.length >= 10));
    const ideal = before.bytes.slice();
    for (const [start, end] of parts.flatMap(({ free }) => free)) ideal.fill(0, start, end);
    const assertKept = async (path: string): Promise<void> => {
      const after = await checked(dir, path, parts);
      assertEquals(after.files, before.files);
      assertUsedKept(after.bytes, before.bytes, parts);
    };

    for (const kind of sampledRows(IMAGES, 2)) {
      await t.step(`compacting a ${kind.type}`, async () => {
        const path = dir.file(`disk.${kind.type}`);
        const options = { ...kind, source: raw, sourceType: "raw", backend: "portable" } as const;
        (await createVirtualDisk(path, options)).close();
        const least = await idealSize(dir, ideal, kind);
        {
          using disk = await openVirtualDisk(path, { backend: "portable", readOnly: false });
          const plain = await disk.compact({ dryRun: true });
          const report = await disk.compact({ freeSpace: true });
          assertReported(report.freeSpace!, parts);
          const won = plain.fileSize - report.fileSize;
          assert(won > 10 * MIB, `${won} bytes were won`);
          assert(report.fileSize <= least + kind.blockSize, `${report.fileSize}, not ${least}`);
          const again = await disk.compact({ freeSpace: true });
          assertEquals([again.releasedBlocks, again.fileSize], [0, report.fileSize]);
        }
        await assertKept(path);
        Deno.removeSync(path);
      });
    }

    await t.step("converting to a vhdx", async () => {
      const path = dir.file("copy.vhdx");
      const options = {
        ...IMAGES[0],
        source: raw,
        sourceType: "raw",
        backend: "portable",
      } as const;
      (await createVirtualDisk(path, { ...options, freeSpace: true })).close();
      // Nothing that is free is copied, be it as small as it may.
      assertBytesEqual(await bytesOf(path), ideal);
    });
  },
);
