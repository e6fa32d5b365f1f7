import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { readExfat } from "../../../src/portable/filesystems/exfat/exfat.ts";
import { Random } from "../../fuzz/random.ts";
import { sampledRounds } from "../../sampling.ts";
import { run, TempDir, testWith } from "../../support.ts";
import { lengthOf, MemoryVolume, outcomeOf, type Range, readFree } from "./changed_volumes.ts";
import { EXFAT_TOOLS, makeExfatVolume, sealExfat } from "./exfat_volumes.ts";
import { fillFolder } from "./ntfs_volumes.ts";

const MIB = 2 ** 20;
const SECTOR = 512;
/** Where the backup of the boot region begins. */
const BACKUP = 12 * SECTOR;

/** A small volume, whose bytes tests change in place and put back. */
class Sample {
  readonly volume: MemoryVolume;
  readonly clusterSize = 1024;
  readonly clusterCount: number;
  readonly table: number;
  readonly tableLength: number;
  readonly heap: number;
  readonly root: number;
  readonly #before: Uint8Array<ArrayBuffer>;

  constructor(fill?: (folder: string) => void) {
    using dir = new TempDir();
    const image = makeExfatVolume(
      dir,
      "exfat.img",
      { clusterSize: this.clusterSize, size: 6 * MIB },
      fill,
    );
    this.volume = MemoryVolume.fromFile(image);
    this.#before = this.volume.bytes.slice();
    const { view } = this;
    this.table = view.getUint32(80, true) * SECTOR;
    this.tableLength = view.getUint32(84, true) * SECTOR;
    this.heap = view.getUint32(88, true) * SECTOR;
    this.clusterCount = view.getUint32(92, true);
    this.root = this.place(view.getUint32(96, true));
  }

  get view(): DataView {
    return this.volume.view;
  }

  place(cluster: number): number {
    return this.heap + (cluster - 2) * this.clusterSize;
  }

  /** Where an entry of the root directory is, of the first of its type. */
  entry(type: number): number {
    let at = this.root;
    while (this.volume.bytes[at] !== type) {
      at += 32;
      assert(at < this.volume.size, "there is no such entry");
    }
    return at;
  }

  /** Where the map is. */
  get map(): number {
    return this.place(this.view.getUint32(this.entry(0x81) + 20, true));
  }

  /** Computes the checksum of the boot region again, and makes the backup the same. */
  seal(withBackup = true): void {
    const { bytes } = this.volume;
    sealExfat(bytes);
    if (withBackup) bytes.copyWithin(BACKUP, 0, BACKUP);
  }

  restore(): void {
    this.volume.bytes.set(this.#before);
  }

  /** What a reader makes of it after a change, which is undone afterwards. */
  outcome(change: (sample: Sample) => void): Range[] | string | undefined {
    change(this);
    const outcome = outcomeOf(readExfat, this.volume);
    this.restore();
    return outcome;
  }
}

/** Changes the boot sector, and seals it again. */
function inBoot(change: (view: DataView) => void) {
  return (sample: Sample) => {
    change(sample.view);
    sample.seal();
  };
}

/** What makes a volume one that is not believed, and the reason that must be given. */
const CHANGES: readonly [reason: string, change: (sample: Sample) => void][] = [
  // These fields are not part of the checksum.
  ["it was not unmounted cleanly", ({ view }) => view.setUint16(106, 2, true)],
  ["an error of reading or writing", ({ view }) => view.setUint16(106, 4, true)],
  ["must be cleared before anything is changed", ({ view }) => view.setUint16(106, 8, true)],
  ["flags that are not understood", ({ view }) => view.setUint16(106, 16, true)],
  ["active file allocation table does not exist", ({ view }) => view.setUint16(106, 1, true)],
  ["it says that 99 percent", ({ view }) => view.setUint8(112, 99)],
  ["checksum of its boot region does not hold", ({ view }) => view.setUint8(200, 1)],
  ["checksum of its boot region does not hold", ({ view }) => view.setUint8(5 * SECTOR + 9, 1)],
  ["checksum of its boot region does not hold", ({ view }) => view.setUint8(12 * SECTOR - 1, 1)],
  ["describe two different volumes", ({ view }) => view.setUint8(BACKUP + 92, 1)],
  ["describe two different volumes", (sample) => {
    sample.view.setUint8(109, 2);
    sample.seal(false);
  }],
  ["its boot sector is not as one must be", ({ view }) => view.setUint8(20, 1)],
  ["its boot sector is not as one must be", ({ view }) => view.setUint8(510, 0)],
  ["no valid size of sectors", inBoot((view) => view.setUint8(108, 8))],
  ["no valid size of sectors", inBoot((view) => view.setUint8(108, 13))],
  ["no valid size of sectors", inBoot((view) => view.setUint8(109, 17))],
  ["it has revision 2.0", inBoot((view) => view.setUint16(104, 0x200, true))],
  ["it has 3 file allocation tables", inBoot((view) => view.setUint8(110, 3))],
  ["more than there are", inBoot((view) => view.setUint32(72, 6 * MIB / SECTOR + 1, true))],
  ["more than there are", inBoot((view) => view.setUint32(76, 0xffffffff, true))],
  ["do not lie one after the other", inBoot((view) => view.setUint32(80, 23, true))],
  ["do not lie one after the other", inBoot((view) => view.setUint32(84, 0x10000, true))],
  ["do not lie one after the other", inBoot((view) => view.setUint32(92, 0x10000, true))],
  ["too short for", inBoot((view) => view.setUint32(84, 1, true))],
  ["it has 0 clusters", inBoot((view) => view.setUint32(92, 0, true))],
  ["its root directory has cluster 1,", inBoot((view) => view.setUint32(96, 1, true))],
  ["does not begin as one does", ({ view, table }) => view.setUint32(table, 0xfffffff0, true)],
  ["its root directory has no end", ({ view, table }) => {
    const root = view.getUint32(96, true);
    view.setUint32(table + root * 4, root, true);
  }],
  ["its root directory has cluster 0,", ({ view, table }) => {
    view.setUint32(table + view.getUint32(96, true) * 4, 0, true);
  }],
  ["its root directory has cluster 4294967287", ({ view, table }) => {
    view.setUint32(table + view.getUint32(96, true) * 4, 0xfffffff7, true);
  }],
  ["it has 0 allocation bitmaps", (sample) => sample.view.setUint8(sample.entry(0x81), 0x01)],
  ["it has 2 allocation bitmaps", (sample) => {
    const at = sample.entry(0x82);
    sample.view.setUint8(at, 0x81);
    sample.view.setUint8(at + 1, 1);
  }],
  ["bitmaps are not in order", (sample) => sample.view.setUint8(sample.entry(0x81) + 1, 1)],
  ["it has no up-case table", (sample) => sample.view.setUint8(sample.entry(0x82), 0x02)],
  ["that is not understood: 0x84", (sample) => sample.view.setUint8(sample.entry(0x82), 0x84)],
  ["allocation bitmap has 3 bytes, too few", (sample) => {
    sample.view.setUint32(sample.entry(0x81) + 24, 3, true);
  }],
  ["allocation bitmap ends before its last", (sample) => {
    sample.view.setUint32(sample.entry(0x81) + 24, 1025, true);
  }],
  ["allocation bitmap is too long", (sample) => {
    sample.view.setUint32(sample.entry(0x81) + 24, 4096, true);
  }],
  ["allocation bitmap is too long", (sample) => {
    sample.view.setUint32(sample.entry(0x81) + 28, 0xffff, true);
  }],
  ["allocation bitmap has cluster 4000000", (sample) => {
    sample.view.setUint32(sample.entry(0x81) + 20, 4_000_000, true);
  }],
  ["looks like Linux swap space", ({ volume: { bytes } }) => {
    bytes.set(new TextEncoder().encode("SWAPSPACE2"), 65526);
  }],
];

testWith(EXFAT_TOOLS, "what makes an exFAT volume one that is not believed", async (t) => {
  const sample = new Sample((folder) => fillFolder(folder, MIB));
  readFree(readExfat, sample.volume);
  for (const [reason, change] of CHANGES) {
    await t.step(reason, () => {
      const outcome = sample.outcome(change);
      assert(typeof outcome === "string", "it was believed");
      assertStringIncludes(outcome, reason);
    });
  }
});

testWith(EXFAT_TOOLS, "what is no exFAT volume is none", () => {
  const sample = new Sample();
  assertEquals(sample.outcome(({ view }) => view.setUint8(4, 0)), undefined);
  assertEquals(sample.outcome(({ view }) => view.setUint8(0, 0)), undefined);
  assertEquals(outcomeOf(readExfat, new MemoryVolume(new Uint8Array(0))), undefined);
  const cut = new MemoryVolume(sample.volume.bytes.slice(0, 512));
  assertStringIncludes(`${outcomeOf(readExfat, cut)}`, "too small for its boot regions");
});

testWith(EXFAT_TOOLS, "the percentage that an exFAT volume states", () => {
  const sample = new Sample((folder) => fillFolder(folder, MIB));
  const free = readFree(readExfat, sample.volume);
  const used = sample.clusterCount - lengthOf(free) / sample.clusterSize;
  const percent = Math.floor(used * 100 / sample.clusterCount);
  assert(percent > 5);
  for (const stated of [0, 0xff, percent]) {
    assertEquals(sample.outcome(({ view }) => view.setUint8(112, stated)), free);
  }
  for (const stated of [1, percent - 1, percent + 2, 100, 101]) {
    const outcome = sample.outcome(({ view }) => view.setUint8(112, stated));
    assertStringIncludes(`${outcome}`, `it says that ${stated} percent`);
  }
});

testWith(EXFAT_TOOLS, "TexFAT: what either of two maps has is used", () => {
  const sample = new Sample((folder) => fillFolder(folder, MIB));
  const free = readFree(readExfat, sample.volume);
  // A second table behind the first one, and a second map in the last cluster, which only the first one has.
  const last = sample.clusterCount + 1;
  const makeTwo = (activeFat: number) => ({ view, volume: { bytes }, ...places }: Sample) => {
    const { table, tableLength } = places;
    const [map, end] = [sample.map, sample.place(last)];
    view.setUint32(table + last * 4, 0xffffffff, true);
    bytes.copyWithin(table + tableLength, table, table + tableLength);
    bytes.copyWithin(end, map, map + sample.clusterSize);
    const bit = last - 2;
    bytes[map + (bit >> 3)]! |= 1 << (bit & 7);
    // In place of something deleted.
    let at = sample.root;
    while ((bytes[at]! & 0x80) !== 0) at += 32;
    assert(at < sample.root + sample.clusterSize);
    view.setUint8(at, 0x81);
    view.setUint8(at + 1, 1);
    view.setUint32(at + 20, last, true);
    view.setUint32(at + 24, Math.ceil(sample.clusterCount / 8), true);
    view.setUint8(110, 2);
    sample.seal();
    view.setUint16(106, activeFat, true);
  };
  const [start, end] = free.at(-1)!;
  const expected: Range[] = [...free.slice(0, -1), [start, end - sample.clusterSize]];
  assertEquals(end, sample.place(last) + sample.clusterSize);
  for (const active of [0, 1]) assertEquals(sample.outcome(makeTwo(active)), expected);
  // The table that is not active may say anything.
  assertEquals(
    sample.outcome((changed) => {
      makeTwo(1)(changed);
      changed.volume.bytes.fill(0, sample.table, sample.table + sample.tableLength);
    }),
    expected,
  );
});

testWith(EXFAT_TOOLS, "no cluster of a file of exFAT that is set to free goes unnoticed", () => {
  const sample = new Sample((folder) => {
    fillFolder(folder, MIB);
    Deno.writeFileSync(`${folder}/scattered`, new Uint8Array(2 * MIB).fill(1));
  });
  const { volume, map } = sample;
  const isUsed = (bit: number) => (volume.bytes[map + (bit >> 3)]! >> (bit & 7) & 1) === 1;
  const used = Array.from({ length: sample.clusterCount }, (_, bit) => bit).filter(isUsed);
  assert(used.length > 2000);
  sample.view.setUint8(112, 0xff);
  const step = Math.ceil(used.length / sampledRounds(1500));
  for (let i = 0; i < used.length; i += step) {
    const at = map + (used[i]! >> 3);
    volume.bytes[at]! ^= 1 << (used[i]! & 7);
    const reason = `${outcomeOf(readExfat, volume)}`;
    assertStringIncludes(reason, `cluster ${used[i]! + 2}, which its map has as free`);
    volume.bytes[at]! ^= 1 << (used[i]! & 7);
  }
});

testWith(EXFAT_TOOLS, "two files of exFAT that share a cluster", () => {
  const sample = new Sample((folder) => fillFolder(folder, MIB));
  const outcome = sample.outcome(({ view, volume: { bytes } }) => {
    const streams: number[] = [];
    for (let at = sample.root; bytes[at] !== 0; at += 32) {
      if (bytes[at] === 0xc0 && view.getUint32(at + 20, true) !== 0) streams.push(at);
    }
    view.setUint32(streams[1]! + 20, view.getUint32(streams[0]! + 20, true), true);
  });
  assertStringIncludes(`${outcome}`, "which something else has too");
});

const SMALL_BOUNDARIES = [0, 1, 2, 7, 8, 0x3f, 0x7f, 0x80, 0x81, 0xff, 0x7fff, 0xffff];
const BOUNDARIES = [...SMALL_BOUNDARIES, 0x7fffffff, 0x80000000, 0xfffffff7, 0xffffffff];

testWith(EXFAT_TOOLS, "fields of an exFAT volume with any values are read within bounds", () => {
  const random = new Random(5);
  const sample = new Sample((folder) => fillFolder(folder, MIB));
  // The map is found before anything is changed.
  const { volume, view, map } = sample;
  for (let round = 0; round < sampledRounds(5000); round++) {
    for (let count = 1 + random.below(3); count > 0; count--) {
      const at = random.pick([
        64 + random.below(50),
        sample.table + random.below(200) * 4,
        sample.root + random.below(40 * 32),
        sample.root + random.below(40) * 32 + random.pick([0, 1, 4, 20, 24]),
        map + random.below(64),
      ]);
      const value = random.pick(BOUNDARIES);
      const width = random.pick([1, 2, 4]);
      if (width === 1) view.setUint8(at, value & 0xff);
      else if (width === 2) view.setUint16(at, value & 0xffff, true);
      else view.setUint32(at, value, true);
    }
    if (random.chance(90)) sample.seal(random.chance(90));
    volume.bytesRead = 0;
    const outcome = outcomeOf(readExfat, volume);
    assert(volume.bytesRead < 4 * volume.size, "too much was read");
    if (Array.isArray(outcome)) assert(lengthOf(outcome) <= volume.size);
    sample.restore();
  }
});

testWith(EXFAT_TOOLS, "the seal of these tests is that of fsck.exfat", () => {
  using dir = new TempDir();
  const sample = new Sample();
  sample.view.setUint32(100, 0x12345678, true);
  sample.seal();
  Deno.writeFileSync(dir.file("sealed.img"), sample.volume.bytes);
  run("fsck.exfat", "-n", dir.file("sealed.img"));
  readFree(readExfat, sample.volume);
});
