import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { readFat } from "../../../src/portable/filesystems/fat/fat.ts";
import { Random } from "../../fuzz/random.ts";
import { sampledRounds } from "../../sampling.ts";
import { run, TempDir, testWith } from "../../support.ts";
import { FAT_TOOLS, makeFatVolume } from "./fat_volumes.ts";
import {
  lengthOf,
  MemoryVolume,
  outcomeOf,
  overlap,
  type Range,
  readFree,
} from "./changed_volumes.ts";

const MIB = 2 ** 20;

/** A volume with files in directories, and where its parts are. */
interface Sample {
  readonly volume: MemoryVolume;
  readonly free: readonly Range[];
  readonly bits: number;
  readonly tables: readonly number[];
  readonly clusterCount: number;
  readonly clusterSize: number;
  readonly dataOffset: number;
}

function sample(bits: 12 | 16 | 32): Sample {
  using dir = new TempDir();
  const size = { 12: 1440 * 1024, 16: 5 * MIB, 32: 34 * MIB }[bits];
  const image = makeFatVolume(dir, "fat.img", {
    bits,
    size,
    sectorsPerCluster: 1,
    fill: bits === 32 ? 0.05 : 0.4,
  });
  const volume = MemoryVolume.fromFile(image);
  const { view } = volume;
  const reserved = view.getUint16(14, true);
  const tableSectors = view.getUint16(22, true) || view.getUint32(36, true);
  const rootSectors = view.getUint16(17, true) * 32 / 512;
  const dataSector = reserved + 2 * tableSectors + rootSectors;
  return {
    volume,
    free: readFree(readFat, volume),
    bits,
    tables: [reserved * 512, (reserved + tableSectors) * 512],
    clusterCount: size / 512 - dataSector,
    clusterSize: 512,
    dataOffset: dataSector * 512,
  };
}

function entryOf({ volume: { view }, bits, tables: [table] }: Sample, cluster: number): number {
  if (bits === 32) return view.getUint32(table! + cluster * 4, true);
  if (bits === 16) return view.getUint16(table! + cluster * 2, true);
  const pair = view.getUint16(table! + Math.floor(cluster * 3 / 2), true);
  return cluster % 2 === 0 ? pair & 0xfff : pair >> 4;
}

/** Sets an entry in all copies of the table. */
function setEntry({ bits, tables }: Sample, view: DataView, cluster: number, value: number): void {
  for (const table of tables) {
    if (bits === 32) view.setUint32(table + cluster * 4, value, true);
    else if (bits === 16) view.setUint16(table + cluster * 2, value & 0xffff, true);
    else {
      const at = table + Math.floor(cluster * 3 / 2);
      const pair = view.getUint16(at, true);
      const entry = value & 0xfff;
      view.setUint16(at, cluster % 2 === 0 ? pair & 0xf000 | entry : pair & 0xf | entry << 4, true);
    }
  }
}

function isFree({ free, dataOffset, clusterSize }: Sample, cluster: number): boolean {
  const offset = dataOffset + (cluster - 2) * clusterSize;
  return overlap(free, [[offset, offset + clusterSize]]);
}

function clusters({ clusterCount }: Sample): number[] {
  return Array.from({ length: clusterCount }, (_, i) => i + 2);
}

type Change = (sample: Sample, bytes: Uint8Array<ArrayBuffer>, view: DataView) => void;

/** What makes a volume one that is not believed, and the reason that must be given. */
const CHANGES: readonly [bits: readonly (12 | 16 | 32)[], reason: string, change: Change][] = [
  [[12, 16], "not unmounted cleanly: its boot sector", (_, bytes) => bytes[37]! |= 1],
  [[32], "not unmounted cleanly: its boot sector", (_, bytes) => bytes[65]! |= 1],
  [[12, 16], "a test of the medium", (_, bytes) => bytes[37]! |= 2],
  [[32], "a test of the medium", (_, bytes) => bytes[65]! |= 2],
  [[16], "not unmounted cleanly: the second entry", (s, _, view) => setEntry(s, view, 1, 0x7fff)],
  [[32], "not unmounted cleanly: the second entry", (s, _, view) => {
    setEntry(s, view, 1, 0x07ffffff);
  }],
  [[16], "error of reading or writing: the second", (s, _, view) => setEntry(s, view, 1, 0xbfff)],
  [[32], "error of reading or writing: the second", (s, _, view) => {
    setEntry(s, view, 1, 0x0bffffff);
  }],
  [[12, 16, 32], "the first entry of its table", (s, bytes) => bytes[s.tables[0]!] = 0xff],
  [[12, 16, 32], "the second entry of its table", (s, _, view) => setEntry(s, view, 1, 0x0ffffff0)],
  [[12, 16, 32], "the copies of its table differ", (s, bytes) => {
    bytes[s.tables[1]! + Math.floor((s.clusterCount + 1) * s.bits / 8)]! ^= 0x10;
  }],
  [[12, 16, 32], "which is no cluster", (s, _, view) => setEntry(s, view, 5, 1)],
  [[12, 16, 32], "which is no cluster", (s, _, view) => setEntry(s, view, 5, s.clusterCount + 2)],
  [[12, 16, 32], "which is no cluster", (s, _, view) => setEntry(s, view, 5, 0x0ffffff6)],
  [[12, 16, 32], "which its table has as free", (s, _, view) => {
    const end = clusters(s).find((cluster) =>
      entryOf(s, cluster) >= 2 ** Math.min(s.bits, 28) - 8
    )!;
    setEntry(s, view, end, clusters(s).findLast((cluster) => isFree(s, cluster))!);
  }],
  [[12, 16, 32], "share cluster", (s, _, view) => {
    const linked = clusters(s).filter((at) => entryOf(s, at) >= 2 && entryOf(s, at) < 2 ** 11);
    setEntry(s, view, linked[0]!, entryOf(s, linked[1]!));
  }],
  // The first entry in the root directory, behind the label that mkfs.fat writes when it is asked to.
  [[12, 16], "a file begins at cluster 1, which", (s, _, view) => {
    view.setUint16(fileEntry(s) + 26, 1, true);
  }],
  [[12, 16, 32], "a file begins at cluster", (s, _, view) => {
    const number = s.clusterCount + 2;
    view.setUint16(fileEntry(s) + 26, number & 0xffff, true);
    if (s.bits === 32) view.setUint16(fileEntry(s) + 20, number >>> 16, true);
  }],
  [[12, 16, 32], "a file begins at cluster 0", (s, _, view) => {
    view.setUint16(fileEntry(s) + 26, 0, true);
  }],
  [[12, 16, 32], "has as free", (s, _, view) => {
    view.setUint16(fileEntry(s) + 26, clusters(s).find((cluster) => isFree(s, cluster))!, true);
  }],
  [[12, 16, 32], "which is smaller", () => {}],
  [[12, 16, 32], "it says that it has", (s, _, view) => {
    const sectors = view.getUint16(19, true) || view.getUint32(32, true);
    const field = view.getUint16(19, true) === 0 ? 32 : 19;
    if (field === 19) view.setUint16(19, sectors + 1, true);
    else view.setUint32(32, sectors + 1, true);
    if (s.bits === 32) view.setUint32(6 * 512 + 32, sectors + 1, true);
  }],
  [[12, 16], "it has two sizes", (_, __, view) => {
    view.setUint16(19, 2880, true);
    view.setUint32(32, 2879, true);
  }],
  [[12, 16, 32], "3 file allocation tables", (_, bytes) => bytes[16] = 3],
  [[12, 16], "too few for", (_, __, view) => view.setUint16(22, 1, true)],
  [[32], "too few for", (_, __, view) => view.setUint32(36, 16, true)],
  [
    [12, 16],
    "it calls itself FAT32",
    (_, bytes) => bytes.set(new TextEncoder().encode("FAT32"), 54),
  ],
  [[32], "it calls itself FAT16", (_, bytes) => bytes.set(new TextEncoder().encode("FAT16"), 82)],
  [[32], "it has version 1.2", (_, __, view) => view.setUint16(42, 0x0102, true)],
  [[32], "describe two different volumes", (_, bytes) => bytes[6 * 512 + 13] = 2],
  [[32], "backup of its boot sector is not among", (_, __, view) => view.setUint16(50, 32, true)],
  [[32], "FSInfo is not among", (_, __, view) => {
    view.setUint16(48, 99, true);
    view.setUint16(6 * 512 + 48, 99, true);
  }],
  [[32], "signatures of one", (_, bytes) => bytes[512 + 484]! ^= 1],
  [[32], "its FSInfo says that", (_, __, view) => {
    view.setUint32(512 + 488, view.getUint32(512 + 488, true) + 1, true);
  }],
  [[32], "active file allocation table does not exist", (_, __, view) => {
    for (const at of [0, 6 * 512]) view.setUint16(at + 40, 0x82, true);
  }],
  [[32], "its root directory begins at cluster 0", (_, __, view) => {
    for (const at of [0, 6 * 512]) view.setUint32(at + 44, 0, true);
  }],
  [[32], "in a root directory that is", (_, __, view) => view.setUint16(17, 512, true)],
  [[32], "laid out as FAT32 is", (_, __, view) => {
    for (const at of [0, 6 * 512]) view.setUint32(at + 32, 65000, true);
  }],
  [[12, 16, 32], "looks like Linux swap space", (_, bytes) => {
    bytes.set(new TextEncoder().encode("SWAPSPACE2"), 4086);
  }],
  [[32], "looks like Linux RAID", (_, bytes) => bytes.set([0xfc, 0x4e, 0x2b, 0xa9], 4096)],
  [[32], "looks like BitLocker", (_, bytes) => {
    bytes.set([0x3b, 0xd6, 0x67, 0x49, 0x29, 0x2e, 0xd8, 0x4a], 424);
    bytes.set([0x83, 0x99, 0xf6, 0xa3, 0x39, 0xe3, 0xd0, 0x01], 432);
  }],
  [[32], "looks like Btrfs", (_, bytes) => {
    bytes.set(new TextEncoder().encode("_BHRfS_M"), 65536 + 64);
  }],
];

/** Where the entry of the first file of the root directory is. */
function fileEntry({ volume: { bytes, view }, bits, dataOffset }: Sample): number {
  let at = bits === 32 ? dataOffset : dataOffset - view.getUint16(17, true) * 32;
  // An archived file, not a part of a long name.
  while (bytes[at + 11] !== 0x20 || bytes[at] === 0xe5) at += 32;
  return at;
}

testWith(FAT_TOOLS, "what makes a FAT volume one that is not believed", async (t) => {
  const samples = { 12: sample(12), 16: sample(16), 32: sample(32) };
  for (const [types, reason, change] of CHANGES) {
    for (const bits of types) {
      await t.step(`FAT${bits}: ${reason}`, () => {
        const base = samples[bits];
        if (reason === "which is smaller") {
          const cut = new MemoryVolume(base.volume.bytes.slice(0, -512));
          assertStringIncludes(`${outcomeOf(readFat, cut)}`, "it says that it has");
          return;
        }
        const volume = base.volume.with((bytes, view) => change(base, bytes, view));
        const outcome = outcomeOf(readFat, volume);
        assert(typeof outcome === "string", "it was believed");
        assertStringIncludes(outcome, reason);
      });
    }
  }
});

testWith(FAT_TOOLS, "what is no FAT volume is none", () => {
  const { volume } = sample(16);
  const others: readonly ((bytes: Uint8Array<ArrayBuffer>, view: DataView) => void)[] = [
    (bytes) => bytes[0] = 0,
    (bytes) => bytes[511] = 0,
    (_, view) => view.setUint16(11, 513, true),
    (bytes) => bytes[13] = 3,
    (bytes) => bytes[13] = 0,
    (bytes) => bytes[16] = 0,
    (bytes) => bytes[21] = 0xf1,
    (_, view) => view.setUint16(14, 0, true),
    (bytes) => bytes.fill(0, 0, 512),
  ];
  for (const change of others) assertEquals(outcomeOf(readFat, volume.with(change)), undefined);
  assertEquals(outcomeOf(readFat, new MemoryVolume(new Uint8Array(0))), undefined);
  assertEquals(outcomeOf(readFat, new MemoryVolume(new Uint8Array(511))), undefined);
});

testWith(FAT_TOOLS, "a FAT32 volume that says little is believed all the same", () => {
  const { volume, free, tables } = sample(32);
  const silent = volume.with((bytes, view) => {
    // No FSInfo, no backup, and only the second table counts.
    view.setUint16(48, 0xffff, true);
    view.setUint16(50, 0, true);
    view.setUint16(40, 0x81, true);
    bytes.fill(0xff, tables[0]! + 8, tables[1]!);
  });
  assertEquals(readFree(readFat, silent), free);
  const unknown = volume.with((_, view) => view.setUint32(512 + 488, 0xffffffff, true));
  assertEquals(readFree(readFat, unknown), free);
});

testWith(FAT_TOOLS, "no entry of a FAT that is set to free goes unnoticed", () => {
  for (const bits of [12, 16, 32] as const) {
    const base = sample(bits);
    // FSInfo would notice it first.
    const { volume } = base;
    if (bits === 32) volume.view.setUint32(512 + 488, 0xffffffff, true);
    const used = clusters(base).filter((cluster) => !isFree(base, cluster));
    assert(used.length > 100);
    const step = Math.ceil(used.length / sampledRounds(600));
    for (let i = 0; i < used.length; i += step) {
      const cluster = used[i]!;
      const [before, { view }] = [entryOf(base, cluster), volume];
      setEntry(base, view, cluster, 0);
      assertStringIncludes(`${outcomeOf(readFat, volume)}`, "which its table has as free");
      setEntry(base, view, cluster, before);
    }
  }
});

testWith(FAT_TOOLS, "the reason that fsck.fat finds too", () => {
  using dir = new TempDir();
  const image = makeFatVolume(dir, "fat.img", { bits: 32, size: 34 * MIB, sectorsPerCluster: 1 });
  const volume = MemoryVolume.fromFile(image);
  const wrongCount = volume.with((_, view) => view.setUint32(512 + 488, 7, true));
  Deno.writeFileSync(image, wrongCount.bytes);
  assertStringIncludes(`${outcomeOf(readFat, wrongCount)}`, "its FSInfo says that 7 clusters");
  new Deno.Command("fsck.fat", { args: ["-a", image], stdout: "null" }).outputSync();
  run("fsck.fat", "-n", image);
  assertEquals(readFree(readFat, MemoryVolume.fromFile(image)), readFree(readFat, volume));
});

const SMALL_BOUNDARIES = [0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xfff7, 0xffff];
const BOUNDARIES = [...SMALL_BOUNDARIES, 0x0ffffff7, 0x7fffffff, 0x80000000, 0xffffffff];

testWith(FAT_TOOLS, "fields of a FAT volume with any values are read within bounds", () => {
  const random = new Random(12);
  for (const bits of [12, 16, 32] as const) {
    const base = sample(bits);
    const { volume, tables } = base;
    const used = clusters(base).filter((cluster) => !isFree(base, cluster));
    const places = [
      ...Array.from({ length: 90 }, (_, i) => i),
      ...Array.from({ length: 64 }, (_, i) => tables[0]! + i),
      ...(bits === 32 ? [512, 512 + 484, 512 + 488] : []),
      ...Array.from({ length: 24 }, (_, i) => fileEntry(base) + i * 8),
    ];
    for (let round = 0; round < sampledRounds(2000); round++) {
      const changed = volume.with((bytes, view) => {
        for (let count = 1 + random.below(3); count > 0; count--) {
          const at = random.pick(places);
          const value = random.pick(BOUNDARIES);
          const width = random.pick([1, 2, 4]);
          if (random.chance(30)) setEntry(base, view, random.pick(used), value);
          else if (width === 1) view.setUint8(at, value & 0xff);
          else if (width === 2) view.setUint16(at, value & 0xffff, true);
          else view.setUint32(at, value, true);
        }
        // Copies are kept equal, as a program that writes such fields keeps them.
        if (random.chance(70)) bytes.copyWithin(tables[1]!, tables[0]!, tables[1]!);
        if (bits === 32 && random.chance(70)) bytes.copyWithin(6 * 512, 0, 90);
      });
      const outcome = outcomeOf(readFat, changed);
      assert(changed.bytesRead < 4 * volume.size + MIB, "too much was read");
      if (Array.isArray(outcome)) assert(lengthOf(outcome) <= volume.size);
    }
  }
});
