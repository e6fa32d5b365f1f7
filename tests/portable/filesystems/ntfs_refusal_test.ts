import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { readNtfs } from "../../../src/portable/filesystems/ntfs/ntfs.ts";
import { Random } from "../../fuzz/random.ts";
import { sampledRounds } from "../../sampling.ts";
import { TempDir, testWith, tool } from "../../support.ts";
import { lengthOf, MemoryVolume, outcomeOf, type Range, readFree } from "./changed_volumes.ts";
import { fillFolder, makeNtfsVolume, NTFS_TOOLS } from "./ntfs_volumes.ts";

const MIB = 2 ** 20;
const CLUSTER_SIZE = 1024;
const NEEDS = [...NTFS_TOOLS, tool("ps")];

/** A small volume, whose bytes tests change in place and put back. */
class Sample {
  readonly volume: MemoryVolume;
  readonly #table: number;
  readonly #mirror: number;

  constructor(fill?: (folder: string) => void) {
    using dir = new TempDir();
    const options = { clusterSize: CLUSTER_SIZE, size: 6 * MIB };
    this.volume = MemoryVolume.fromFile(makeNtfsVolume(dir, "ntfs.img", options, fill));
    this.#table = Number(this.view.getBigUint64(48, true)) * CLUSTER_SIZE;
    this.#mirror = Number(this.view.getBigUint64(56, true)) * CLUSTER_SIZE;
  }

  get view(): DataView {
    return this.volume.view;
  }

  /** The places of a record: the first four are there twice. */
  record(number: number): number[] {
    const places = [this.#table + number * 1024];
    if (number < 4) places.push(this.#mirror + number * 1024);
    return places;
  }

  /** Where an attribute without a name is in a record. */
  attribute(number: number, type: number): number {
    const [record] = this.record(number);
    let at = this.view.getUint16(record! + 20, true);
    while (this.view.getUint32(record! + at, true) !== type) {
      at += this.view.getUint32(record! + at + 4, true);
    }
    return at;
  }

  /** The first cluster of the unnamed stream of a file, as a place in the volume. */
  stream(number: number): number {
    const at = this.record(number)[0]! + this.attribute(number, 0x80);
    const runs = at + this.view.getUint16(at + 32, true);
    const lengths = this.volume.bytes[runs]!;
    const start = runs + 1 + (lengths & 0xf);
    let lcn = 0;
    for (let i = (lengths >> 4) - 1; i >= 0; i--) lcn = lcn * 256 + this.volume.bytes[start + i]!;
    return lcn * CLUSTER_SIZE;
  }

  /** What a reader makes of it after a change, which is undone afterwards. */
  outcome(change: (sample: Sample) => void): Range[] | string | undefined {
    const before = this.volume.bytes.slice();
    change(this);
    const outcome = outcomeOf(readNtfs, this.volume);
    this.volume.bytes.set(before);
    return outcome;
  }
}

/** Changes both copies of a record. */
function inRecord(number: number, change: (view: DataView, at: number, sample: Sample) => void) {
  return (sample: Sample) => {
    for (const at of sample.record(number)) change(sample.view, at, sample);
  };
}

/** Changes the unnamed stream of a record. */
function inStream(number: number, change: (view: DataView, at: number) => void) {
  return inRecord(number, (view, at, sample) => change(view, at + sample.attribute(number, 0x80)));
}

const setFlags = (flags: number) =>
  inRecord(3, (view, at, sample) => {
    const information = at + sample.attribute(3, 0x70);
    view.setUint16(information + view.getUint16(information + 20, true) + 10, flags, true);
  });

/** Writes two restart pages as Windows does. */
function setLog(
  { first = {}, second = first, signature = "RSTR", torn = false }: {
    readonly first?: RestartState;
    readonly second?: RestartState;
    readonly signature?: string;
    readonly torn?: boolean;
  },
) {
  return (sample: Sample) => {
    const log = sample.stream(2);
    const { view, volume: { bytes } } = sample;
    [first, second].forEach(({ lsn = 100, flags = 2, inUse = 0, major = 1, minor = 1 }, page) => {
      const at = log + page * 4096;
      bytes.fill(0, at, at + 4096);
      bytes.set(new TextEncoder().encode(signature), at);
      view.setUint16(at + 4, 30, true);
      view.setUint16(at + 6, 9, true);
      view.setUint32(at + 16, 4096, true);
      view.setUint32(at + 20, 4096, true);
      view.setUint16(at + 24, 48, true);
      view.setInt16(at + 26, minor, true);
      view.setInt16(at + 28, major, true);
      view.setBigUint64(at + 48, BigInt(lsn), true);
      view.setUint16(at + 56, 1, true);
      view.setUint16(at + 58, 0xffff, true);
      view.setUint16(at + 60, inUse, true);
      view.setUint16(at + 62, flags, true);
      // The update sequence.
      view.setUint16(at + 30, 7, true);
      for (let i = 1; i <= 8; i++) {
        view.setUint16(at + 30 + i * 2, view.getUint16(at + i * 512 - 2, true), true);
        view.setUint16(at + i * 512 - 2, torn && i === 5 ? 6 : 7, true);
      }
    });
  };
}

interface RestartState {
  readonly lsn?: number;
  readonly flags?: number;
  readonly inUse?: number;
  readonly major?: number;
  readonly minor?: number;
}

/** What makes a volume one that is not believed, and the reason that must be given. */
const CHANGES: readonly [reason: string, change: (sample: Sample) => void][] = [
  ["marked as dirty: let Windows check it with chkdsk", setFlags(1)],
  ...[2, 4, 8, 0x10, 0x20, 0x4000, 0x8000].map((flags): [string, (sample: Sample) => void] => [
    `$Volume has the flags 0x${flags.toString(16)}`,
    setFlags(flags),
  ]),
  [
    "it has version 1.2",
    inRecord(3, (view, at, sample) => {
      const information = at + sample.attribute(3, 0x70);
      view.setUint16(information + view.getUint16(information + 20, true) + 8, 0x0201, true);
    }),
  ],
  ["shutdown /s /t 0", setLog({ first: { flags: 0 } })],
  ["its log has changes that may not be done", setLog({ first: { flags: 0 } })],
  ["its log has changes that may not be done", setLog({ first: { flags: 1 } })],
  ["its log has changes that may not be done", setLog({ second: { flags: 0 } })],
  ["its log has changes that may not be done", setLog({ second: { lsn: 101, flags: 0 } })],
  ["its log has version 2", setLog({ first: { major: 2, minor: 0 } })],
  ["no restart page that is understood", setLog({ first: { major: 3 } })],
  ["no restart page that is understood", setLog({ first: { minor: 2 } })],
  ["no restart page that is understood", setLog({ signature: "RCRD" })],
  ["its log was changed by chkdsk", setLog({ signature: "CHKD" })],
  ["the restart page of its log was not written completely", setLog({ torn: true })],
  ["neither empty nor one that Windows has closed", (sample) => {
    sample.volume.bytes[sample.stream(2) + 50_000] = 0;
  }],
  ["file record 0 and its copy in $MFTMirr differ", (sample) => {
    sample.volume.bytes[sample.record(0)[1]! + 18]! ^= 1;
  }],
  ["file record 3 and its copy in $MFTMirr differ", (sample) => {
    sample.volume.bytes[sample.record(3)[0]! + 18]! ^= 1;
  }],
  [
    "file record 2 was not written completely",
    inRecord(2, (view, at) => {
      view.setUint8(at + 511, view.getUint8(at + 511) ^ 1);
    }),
  ],
  [
    "file record 6 was not written completely",
    inRecord(6, (view, at) => {
      view.setUint8(at + 1023, view.getUint8(at + 1023) ^ 1);
    }),
  ],
  ["has no update sequence", inRecord(6, (view, at) => view.setUint16(at + 6, 2, true))],
  ["file record 6 has no signature", inRecord(6, (view, at) => view.setUint8(at, 0))],
  ["file record 6 is not in use", inRecord(6, (view, at) => view.setUint16(at + 22, 0, true))],
  [
    "file record 6 contradicts itself",
    inRecord(6, (view, at) => {
      view.setUint32(at + 24, 1025, true);
    }),
  ],
  [
    "an attribute of file record 6 does not lie within it",
    inRecord(6, (view, at) => {
      view.setUint32(at + 56 + 4, 2048, true);
    }),
  ],
  ["found damaged before", (sample) => {
    sample.volume.bytes.set(new TextEncoder().encode("BAAD"), sample.record(20)[0]!);
  }],
  [
    "$Bitmap has 7 bytes, too few",
    inStream(6, (view, at) => {
      view.setBigUint64(at + 48, 7n, true);
      view.setBigUint64(at + 56, 7n, true);
    }),
  ],
  [
    "another size than its clusters",
    inStream(6, (view, at) => {
      view.setBigUint64(at + 48, 1n << 40n, true);
    }),
  ],
  [
    "$Bitmap has no stream that could be read",
    inStream(6, (view, at) => {
      view.setUint16(at + 12, 1, true);
    }),
  ],
  [
    "runs of an attribute of file record 6 are about other",
    inStream(6, (view, at) => {
      view.setUint8(at + view.getUint16(at + 32, true) + 1, 99);
    }),
  ],
  [
    "clusters that the volume does not have",
    inStream(6, (view, at) => {
      const runs = at + view.getUint16(at + 32, true);
      view.setUint8(runs, 0x31);
      view.setUint16(runs + 2, 0xffff, true);
      view.setUint16(runs + 4, 0x007f, true);
    }),
  ],
  [
    "an attribute of file record 6 has a cluster twice",
    inStream(6, (view, at) => {
      // The run has one cluster and a place of two bytes: one more, as far from it as nothing.
      const runs = at + view.getUint16(at + 32, true);
      assertEquals(view.getUint16(runs, false), 0x2101);
      view.setBigUint64(at + 24, 1n, true);
      view.setUint32(runs + 4, 0x00000111, true);
    }),
  ],
  ["its files have more clusters than there are", (sample) => {
    // The log twice, as another file.
    const [at] = sample.record(20);
    sample.volume.bytes.copyWithin(at!, sample.record(2)[0]!, sample.record(2)[0]! + 1024);
    for (let number = 21; number < 24; number++) {
      const [to] = sample.record(number);
      sample.volume.bytes.copyWithin(to!, at!, at! + 1024);
    }
  }],
  ["$MFTMirr does not begin where the boot sector says", (sample) => {
    sample.view.setBigUint64(56, 40n, true);
  }],
  ["is not that of the table", (sample) => sample.view.setBigUint64(48, 41n, true)],
  ["does not lie within it", (sample) => sample.view.setBigUint64(48, 1n << 60n, true)],
  ["it says that it has", (sample) => {
    sample.view.setBigUint64(40, sample.view.getBigUint64(40, true) + 2n, true);
  }],
  ["it says that it has", (sample) => sample.view.setBigUint64(40, 1n << 63n, true)],
  ["sectors to a cluster", (sample) => sample.view.setUint8(13, 3)],
  ["sectors to a cluster", (sample) => sample.view.setUint8(13, 0)],
  ["sectors to a cluster", (sample) => sample.view.setUint8(13, 0xf3)],
  ["sectors of 513 bytes", (sample) => sample.view.setUint16(11, 513, true)],
  ["file records of", (sample) => sample.view.setInt8(64, -30)],
  ["fields of FAT", (sample) => sample.view.setUint16(14, 32, true)],
  ["size of index records", (sample) => sample.view.setInt8(68, -100)],
  ["looks like Linux RAID", (sample) => {
    sample.volume.bytes.set([0xfc, 0x4e, 0x2b, 0xa9], 4096);
  }],
];

testWith(NEEDS, "what makes an NTFS volume one that is not believed", async (t) => {
  const sample = new Sample();
  for (const [reason, change] of CHANGES) {
    await t.step(reason, () => {
      const outcome = sample.outcome(change);
      assert(typeof outcome === "string", "it was believed");
      assertStringIncludes(outcome, reason);
    });
  }
});

testWith(NEEDS, "a log of NTFS that Windows has closed", () => {
  const sample = new Sample();
  const free = readFree(readNtfs, sample.volume);
  const closed: Parameters<typeof setLog>[0][] = [
    {},
    { first: { minor: 0 } },
    // Before Windows XP no client was left.
    { first: { flags: 0, inUse: 0xffff } },
    // The older page is that of when the volume was mounted.
    { second: { lsn: 90, flags: 0 } },
    { first: { lsn: 90, flags: 0 }, second: {} },
  ];
  for (const log of closed) assertEquals(sample.outcome(setLog(log)), free);
});

/** Where nothing is in a new volume. */
const CATALOG = 5632 * 1024;

/** Writes the header of shadow copies, and a catalog of blocks with entries of some types. */
function setShadowCopies(
  { blocks, recordType = 1 }: {
    readonly blocks: readonly (readonly number[])[];
    readonly recordType?: number;
  },
) {
  return ({ view, volume: { bytes } }: Sample) => {
    const identifier = [0x6b, 0x87, 0x08, 0x38, 0x76, 0xc1, 0x48, 0x4e];
    identifier.push(0xb7, 0xae, 0x04, 0x04, 0x6e, 0x6c, 0xc7, 0x52);
    bytes.set(identifier, 7680);
    view.setUint32(7696, 2, true);
    view.setUint32(7700, recordType, true);
    view.setBigUint64(7704, 7680n, true);
    view.setBigUint64(7728, blocks.length === 0 ? 0n : BigInt(CATALOG), true);
    blocks.forEach((types, i) => {
      const block = CATALOG + i * 16384;
      bytes.fill(0, block, block + 16384);
      bytes.set(identifier, block);
      view.setUint32(block + 20, 2, true);
      view.setBigUint64(block + 32, BigInt(block), true);
      const next = i + 1 < blocks.length ? block + 16384 : 0;
      view.setBigUint64(block + 40, BigInt(next), true);
      types.forEach((type, entry) => view.setUint32(block + 128 * (1 + entry), type, true));
    });
  };
}

testWith(NEEDS, "an NTFS volume with shadow copies, which have what was deleted since", () => {
  const sample = new Sample();
  const free = readFree(readNtfs, sample.volume);
  for (const blocks of [[], [[]], [[1, 0, 1]], [[1], [0, 0, 1]]]) {
    assertEquals(sample.outcome(setShadowCopies({ blocks })), free);
  }
  for (const blocks of [[[2, 3]], [[1, 2]], [[3]], [[], [0, 2]], [[9]]]) {
    const outcome = `${sample.outcome(setShadowCopies({ blocks }))}`;
    assertStringIncludes(outcome, "it has shadow copies");
    assertStringIncludes(outcome, "vssadmin delete shadows");
  }
  const unknown: ((sample: Sample) => void)[] = [
    setShadowCopies({ blocks: [], recordType: 3 }),
    (changed) => {
      setShadowCopies({ blocks: [[]] })(changed);
      changed.volume.bytes[CATALOG] = 0;
    },
    (changed) => {
      setShadowCopies({ blocks: [[]] })(changed);
      changed.view.setBigUint64(7728, 1n << 50n, true);
    },
    (changed) => {
      setShadowCopies({ blocks: [[]] })(changed);
      changed.view.setBigUint64(CATALOG + 40, BigInt(CATALOG), true);
    },
  ];
  for (const change of unknown) {
    assertStringIncludes(`${sample.outcome(change)}`, "it may have shadow copies");
  }
});

testWith(NEEDS, "a volume of BitLocker or ReFS is none of NTFS", () => {
  const sample = new Sample();
  for (const name of ["-FVE-FS-", "ReFS\0\0\0\0", "MSDOS5.0"]) {
    const change = ({ volume: { bytes } }: Sample) => bytes.set(new TextEncoder().encode(name), 3);
    assertEquals(sample.outcome(change), undefined);
  }
  assertEquals(outcomeOf(readNtfs, new MemoryVolume(new Uint8Array(0))), undefined);
  const cut = new MemoryVolume(sample.volume.bytes.slice(0, 512));
  assertStringIncludes(`${outcomeOf(readNtfs, cut)}`, "it says that it has");
});

testWith(NEEDS, "Windows that is hibernated on an NTFS volume", () => {
  const text = new TextEncoder();
  const header = (signature: string) => {
    const bytes = new Uint8Array(20_000);
    bytes.set(text.encode(signature));
    return bytes;
  };
  const manyFiles = (folder: string) => {
    for (let i = 0; i < 300; i++) Deno.writeTextFileSync(`${folder}/${i} has a long name`, "");
  };
  for (const signature of ["hibr", "HIBR", "wake", "WAKE", "RSTR", "\x81\x81\xfe"]) {
    const isUpper = signature === "HIBR";
    const { volume } = new Sample((folder) => {
      if (isUpper) manyFiles(folder);
      Deno.writeFileSync(
        `${folder}/${isUpper ? "HiberFil.SYS" : "hiberfil.sys"}`,
        header(signature),
      );
    });
    assertStringIncludes(`${outcomeOf(readNtfs, volume)}`, "Windows is hibernated on it");
    assertStringIncludes(`${outcomeOf(readNtfs, volume)}`, "shutdown /s /t 0");
  }
  const { volume: awake } = new Sample((folder) => {
    manyFiles(folder);
    Deno.mkdirSync(`${folder}/one`);
    Deno.writeFileSync(`${folder}/one/hiberfil.sys`, header("hibr"));
    Deno.writeFileSync(`${folder}/hiberfil.sys`, header("\0"));
    Deno.writeFileSync(`${folder}/hiberfil.sys.bak`, header("hibr"));
  });
  assert(readFree(readNtfs, awake).length > 0);
  // A short one lies in its record.
  const { volume: short } = new Sample((folder) => {
    Deno.writeTextFileSync(`${folder}/hiberfil.sys`, "hibr");
  });
  assertStringIncludes(`${outcomeOf(readNtfs, short)}`, "Windows is hibernated on it");
});

testWith(NEEDS, "no cluster of a file of NTFS that is set to free goes unnoticed", () => {
  const sample = new Sample((folder) => fillFolder(folder, MIB));
  const bitmap = sample.stream(6);
  const { volume, view } = sample;
  const clusterCount = Number(view.getBigUint64(40, true)) * 512 / CLUSTER_SIZE;
  const isUsed = (cluster: number) =>
    (volume.bytes[bitmap + (cluster >> 3)]! >> (cluster & 7) & 1) === 1;
  const used = Array.from({ length: clusterCount }, (_, i) => i).filter(isUsed);
  assert(used.length > 1000);
  const step = Math.ceil(used.length / sampledRounds(1500));
  for (let i = 0; i < used.length; i += step) {
    const at = bitmap + (used[i]! >> 3);
    volume.bytes[at]! ^= 1 << (used[i]! & 7);
    assertStringIncludes(`${outcomeOf(readNtfs, volume)}`, `cluster ${used[i]} as free`);
    volume.bytes[at]! ^= 1 << (used[i]! & 7);
  }
});

const SMBOUNDARIES = [0, 1, 2, 7, 8, 0x3f, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff];
const BOUNDARIES = [...SMBOUNDARIES, 0x7fffffff, 0x80000000, 0xffffffff];

testWith(NEEDS, "fields of an NTFS volume with any values are read within bounds", () => {
  const random = new Random(77);
  const sample = new Sample((folder) => {
    fillFolder(folder, MIB);
    for (let i = 0; i < 120; i++) Deno.writeTextFileSync(`${folder}/${i} has a long name`, "");
  });
  const { volume, view } = sample;
  const index = sample.record(5)[0]!;
  const before = volume.bytes.slice();
  let believed = 0;
  for (let round = 0; round < sampledRounds(6000); round++) {
    for (let count = 1 + random.below(3); count > 0; count--) {
      const number = random.pick([0, 0, 1, 2, 3, 5, 5, 6, 6, 8, 27]);
      const place = random.chance(15)
        ? [random.below(84)]
        : random.chance(10)
        ? [index + random.below(1000)]
        : placesIn(sample, number, random.below(400));
      const value = random.pick(BOUNDARIES);
      const width = random.pick([1, 2, 4]);
      for (const at of place) {
        if (width === 1) view.setUint8(at, value & 0xff);
        else if (width === 2) view.setUint16(at, value & 0xffff, true);
        else view.setUint32(at, value, true);
        if (random.chance(20) && width === 4) view.setUint32(at + 4, random.pick([0, 1]), true);
      }
    }
    volume.bytesRead = 0;
    const outcome = outcomeOf(readNtfs, volume);
    assert(volume.bytesRead < 4 * volume.size, "too much was read");
    if (Array.isArray(outcome)) {
      believed++;
      assert(lengthOf(outcome) <= volume.size);
    }
    volume.bytes.set(before);
  }
  // Many fields do not matter, but not all.
  assert(believed > 0);
});

/** A field in both copies of a record. */
function placesIn(sample: Sample, number: number, offset: number): number[] {
  return sample.record(number).map((at) => at + offset);
}
