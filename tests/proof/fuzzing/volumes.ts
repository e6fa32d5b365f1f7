/** File systems and partition tables as targets: what says that it is free must be in order, and inside. */
import { Buffer } from "node:buffer";
import { assert } from "@std/assert";
import { ImageError } from "../../../src/portable/file/image_error.ts";
import { openImage } from "../../../src/portable/formats.ts";
import { Pace } from "../../../src/portable/image/pace.ts";
import { FreeSpace } from "../../../src/portable/operations/free_space.ts";
import { SparseFile } from "../../crash/sparse_file.ts";
import type { GuardedFile } from "../../fuzz/guarded_file.ts";
import { sealExfat } from "../../portable/filesystems/exfat_volumes.ts";
import { ExtEditor } from "../../portable/filesystems/ext_edits.ts";
import { makeExt } from "../../portable/filesystems/ext_images.ts";
import { makeFatVolume } from "../../portable/filesystems/fat_volumes.ts";
import { makeNtfsVolume } from "../../portable/filesystems/ntfs_volumes.ts";
import { MemoryDisk } from "../../portable/partitions/partition_builder.ts";
import { run, TempDir, tool } from "../../support.ts";
import type { Target } from "./fuzzer.ts";
import type { Base } from "./mutants.ts";

/** What makes the file systems. */
export const VOLUME_TOOLS = [
  tool("/usr/sbin/mke2fs"),
  tool("mkfs.fat"),
  tool("mkntfs"),
  tool("mkfs.exfat"),
];

const MIB = 2 ** 20;
const SECTOR = 512;
const PAGE = 4096;

async function runVolume(file: GuardedFile): Promise<boolean> {
  try {
    const image = openImage(file, "raw");
    const space = await FreeSpace.find([image], new Pace({}));
    let end = 0;
    for (const { offset, length } of space.ranges()) {
      assert(offset >= end && length > 0, "free ranges that overlap");
      end = offset + length;
      assert(end <= image.virtualSize, "free space beyond the end");
    }
    const { freeBytes, partitions } = space.report;
    assert(Number.isSafeInteger(freeBytes) && freeBytes <= image.virtualSize, "too much is free");
    return partitions.some((each) => each.freeBytes !== undefined);
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    return false;
  }
}

type Seal = Base["seal"];
const NO_SEAL: Seal = () => {};
type Fields = Base["fields"];

function volume(
  name: string,
  bytes: Uint8Array,
  fields: Fields,
  seal = NO_SEAL,
  words: readonly Uint8Array[] = [],
): Base {
  return { name, file: SparseFile.of(bytes), fields, isLittleEndian: true, words, seal };
}

/** Makes the checksums right in a copy, and takes over the pages that are others then. */
function sealWhole(seal: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array): Seal {
  return (file) => {
    const bytes = file.bytes();
    const sealed = seal(bytes.slice());
    for (let at = 0; at < bytes.length; at += PAGE) {
      const page = sealed.subarray(at, at + PAGE);
      if (Buffer.compare(page, bytes.subarray(at, at + PAGE)) !== 0) file.writeAt(page, at);
    }
  };
}

function extBase(dir: TempDir, name: string, options: string): Base {
  const path = dir.file(`${name}.img`);
  makeExt(path, 4 * MIB, ...options.split(" "));
  const bytes = Deno.readFileSync(path);
  const made = new ExtEditor(bytes);
  const fields: Fields = [
    [1024, 0x290],
    [1024, 0x80],
    [made.descriptor(0), 128],
    [made.inode(8), 160],
    [made.journal, 64],
    [made.bitmap(0), 1024],
  ];
  const inFile = fields.filter(([start]) => start > 0 && start < bytes.length);
  return volume(name, bytes, inFile, sealWhole((changed) => sealExt(changed)));
}

/** As far as its fields still lead to what has checksums. */
function sealExt(bytes: Uint8Array<ArrayBuffer>): Uint8Array {
  try {
    const editor = new ExtEditor(bytes);
    editor.seal();
    return editor.bytes;
  } catch (error) {
    if (error instanceof RangeError) return bytes;
    throw error;
  }
}

function ntfsBase(dir: TempDir): Base {
  const bytes = Deno.readFileSync(
    makeNtfsVolume(dir, "ntfs.img", { size: 4 * MIB, clusterSize: 4096 }),
  );
  const table = Number(new DataView(bytes.buffer).getBigUint64(48, true)) * 4096;
  const records = [0, 1, 2, 3, 6, 8].map((record) => [table + record * 1024, 400] as const);
  return volume("ntfs", bytes, [[0, 84], ...records]);
}

function fatBase(dir: TempDir, bits: number, size: number): Base {
  const options = { size, bits, sectorsPerCluster: 1, fill: 0 };
  const bytes = Deno.readFileSync(makeFatVolume(dir, `fat${bits}.img`, options));
  const reserved = new DataView(bytes.buffer).getUint16(14, true) * SECTOR;
  return volume(`fat${bits}`, bytes, [[0, 90], [SECTOR, SECTOR], [reserved, 64], [510, 2]]);
}

function exfatBase(dir: TempDir): Base {
  const path = dir.file("exfat.img");
  Deno.writeFileSync(path, new Uint8Array());
  Deno.truncateSync(path, 2 * MIB);
  run("mkfs.exfat", "-c", "4096", "-b", "4096", path);
  const bytes = Deno.readFileSync(path);
  const view = new DataView(bytes.buffer);
  const [table, heap, root] = [80, 88, 96].map((at) => view.getUint32(at, true));
  const fields: Fields = [
    [0, 120],
    [table! * SECTOR, 64],
    [heap! * SECTOR, 64],
    [heap! * SECTOR + (root! - 2) * PAGE, 128],
  ];
  return volume("exfat", bytes, fields, (file, isChanged) => {
    if (!isChanged(0, 11 * SECTOR)) return;
    const boot = new Uint8Array(12 * SECTOR);
    file.readAt(boot, 0);
    sealExfat(boot);
    file.writeAt(boot.subarray(11 * SECTOR), 11 * SECTOR);
    file.writeAt(boot, 12 * SECTOR);
  });
}

const SECTORS = 600;

function gptBase(): Base {
  const disk = new MemoryDisk(SECTORS);
  disk.gpt([40, 99], [100, 199], [210, 559]);
  const fields: Fields = [
    [SECTOR, 92],
    [SECTOR, 92],
    [2 * SECTOR, 3 * 128],
    [(SECTORS - 1) * SECTOR, 92],
    [446, 66],
  ];
  return volume("gpt", disk.bytes, fields, sealWhole((bytes) => sealGpt(bytes)));
}

function sealGpt(bytes: Uint8Array<ArrayBuffer>): Uint8Array {
  const disk = new MemoryDisk(Math.ceil(bytes.length / SECTOR));
  disk.bytes.set(bytes);
  for (const sector of [1, SECTORS - 1]) {
    const at = sector * SECTOR;
    // Of what is not there, or is far too long, there is no checksum.
    if (at + SECTOR > disk.bytes.length || disk.view.getUint32(at + 12, true) > SECTOR) continue;
    const entries = Number(disk.view.getBigUint64(at + 72, true)) * SECTOR;
    if (entries < disk.bytes.length) disk.sealGpt(sector);
  }
  return disk.bytes.subarray(0, bytes.length);
}

function mbrBase(): Base {
  const disk = new MemoryDisk(SECTORS);
  disk.mbrEntry(0, 0x83, 10, 50);
  disk.mbrEntry(1, 0x05, 100, 300);
  disk.mbrEntry(0, 0x83, 5, 40, 100);
  disk.mbrEntry(1, 0x05, 100, 60, 100);
  disk.mbrEntry(0, 0x07, 5, 40, 200);
  return volume(
    "mbr",
    disk.bytes,
    [446, 100 * SECTOR + 446, 200 * SECTOR + 446].map((at) => [at, 66]),
  );
}

export const VOLUME_TARGET: Target = {
  name: "file systems",
  bases() {
    using dir = new TempDir();
    return [
      extBase(dir, "ext4", "-t ext4 -b 1024 -g 1024 -O ^has_journal"),
      extBase(dir, "ext4 with journal", "-t ext4 -b 1024 -g 2048 -J size=1"),
      extBase(dir, "ext2", "-t ext2 -b 1024"),
      ntfsBase(dir),
      fatBase(dir, 12, MIB),
      fatBase(dir, 16, 4 * MIB),
      fatBase(dir, 32, 36 * MIB),
      exfatBase(dir),
      gptBase(),
      mbrBase(),
    ];
  },
  run: runVolume,
};
