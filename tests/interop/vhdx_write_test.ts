/**
 * VHDX images written here at random, with a plain byte array as the oracle; then read and checked by QEMU
 * and libvhdi.
 */
import { assertEquals } from "@std/assert";
import {
  type DiskImage,
  imageExtents,
  type ImageSpec,
  type WritableImage,
} from "../../src/portable/image/image.ts";
import { ImageFile } from "../../src/portable/file/image_file.ts";
import { createVhdx } from "../../src/portable/vhdx/create.ts";
import { openVhdx } from "../../src/portable/vhdx/image.ts";
import { openWritableVhdx } from "../../src/portable/vhdx/writable_image.ts";
import { Random } from "../fuzz/random.ts";
import { readImage } from "../portable/image/read_image.ts";
import { vhdxSpec } from "../portable/vhdx/vhdx_builder.ts";
import { allStates, everySo, sampledRounds, sampledRows } from "../sampling.ts";
import {
  assertBytesEqual,
  fileHash,
  pattern,
  run,
  sharedImageNeed,
  TempDir,
  testWith,
  unpackSharedImage,
} from "../support.ts";
import { diskHash } from "./disk_hash.ts";
import { LIBVHDI, libvhdiRead, QEMU } from "./vhd_oracles.ts";
import { qemuCreateVhdx, qemuInspectVhdx, qemuRawVhdx, qemuWriteVhdx } from "./vhdx_oracles.ts";

const MIB = 2 ** 20;
const STEPS = sampledRounds(500);

/** A window of a disk, and what it is to hold. */
interface Oracle {
  /** Of the window, in the disk; whole blocks. */
  readonly offset: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Writes, trims, flushes and reopens; the whole window is compared now and then, and at the end. */
function writeRandomly(
  path: string,
  oracle: Oracle,
  random: Random,
  parents: readonly DiskImage[] = [],
  steps = STEPS,
): void {
  using file = ImageFile.open(path, { write: true });
  let image = openWritableVhdx(file);
  const compare = () =>
    assertBytesEqual(
      readImage([image, ...parents], oracle.offset, oracle.bytes.length),
      oracle.bytes,
      "the disk",
    );
  for (let i = 0; i < steps; i++) {
    const kind = random.below(100);
    if (kind < 75) writeOnce(image, oracle, random);
    else if (kind < 83) trimOnce(image, oracle, random);
    else if (kind < 95) image.flush();
    else {
      image.finish();
      image = openWritableVhdx(file);
    }
    if (i % 200 === 0) compare();
  }
  compare();
  image.finish();
}

function writeOnce(image: WritableImage, oracle: Oracle, random: Random): void {
  const [offset, length] = randomRange(image, oracle, random);
  const bytes = random.chance(15) ? new Uint8Array(length) : pattern(length, random.below(251));
  image.write(bytes, oracle.offset + offset);
  oracle.bytes.set(bytes, offset);
}

function trimOnce(image: WritableImage, oracle: Oracle, random: Random): void {
  const { blockSize, virtualSize } = image;
  let [offset, length] = randomRange(image, oracle, random);
  if (random.chance(50)) {
    offset -= offset % blockSize;
    length = Math.min(blockSize * (1 + random.below(2)), oracle.bytes.length - offset);
  }
  image.trim(oracle.offset + offset, length);
  if (image.subtype === "fixed") return;
  const first = Math.ceil(offset / blockSize) * blockSize;
  const end = offset + length;
  const last = oracle.offset + end === virtualSize ? end : end - end % blockSize;
  if (first < last) oracle.bytes.fill(0, first, last);
}

function randomRange(image: WritableImage, oracle: Oracle, random: Random): [number, number] {
  const sectors = oracle.bytes.length / image.logicalSectorSize;
  const first = random.below(sectors);
  const longest = random.pick([1, 8, 100, 2 * image.blockSize / image.logicalSectorSize]);
  const count = Math.min(sectors - first, 1 + random.below(longest));
  return [first * image.logicalSectorSize, count * image.logicalSectorSize];
}

function create(path: string, overrides: Partial<ImageSpec>): void {
  using file = ImageFile.open(path, { write: true, createNew: true });
  createVhdx(file, vhdxSpec(overrides));
}

/** QEMU finds nothing to complain of, and reads the disk as it is read here. */
function assertQemuAgrees(path: string, dir: TempDir): void {
  qemuInspectVhdx(path);
  const raw = dir.file("disk.raw");
  qemuRawVhdx(path, raw);
  using file = ImageFile.open(path);
  assertEquals(fileHash(raw), diskHash(openVhdx(file)));
}

const SPECS: readonly Partial<ImageSpec>[] = [
  { virtualSize: 24 * MIB + 512, blockSize: MIB },
  { virtualSize: 24 * MIB, blockSize: 4 * MIB },
  { virtualSize: 40 * MIB, blockSize: 32 * MIB },
  { subtype: "fixed", virtualSize: 16 * MIB + 512, blockSize: 2 * MIB },
];

for (const [seed, spec] of SPECS.entries()) {
  const { subtype = "dynamic", blockSize, virtualSize = 0 } = spec;
  const name = `${subtype} disk in blocks of ${blockSize}`;
  testWith(
    [...QEMU, ...everySo(3, seed)],
    `writeSync(): a ${name}, written at random, is sound and the same in QEMU (${seed})`,
    () => {
      using dir = new TempDir();
      const path = dir.file("disk.vhdx");
      create(path, spec);
      writeRandomly(path, { offset: 0, bytes: new Uint8Array(virtualSize) }, new Random(seed));
      assertQemuAgrees(path, dir);
    },
  );
}

for (const [i, subtype] of (["dynamic", "fixed"] as const).entries()) {
  testWith(
    [...LIBVHDI, ...everySo(2, i)],
    `writeSync(): a ${subtype} disk of 4096-byte sectors is the same in libvhdi`,
    () => {
      using dir = new TempDir();
      const path = dir.file("disk.vhdx");
      const size = 12 * MIB + 4096;
      create(path, { subtype, virtualSize: size, blockSize: 2 * MIB, logicalSectorSize: 4096 });
      const oracle = { offset: 0, bytes: new Uint8Array(size) };
      writeRandomly(path, oracle, new Random(10));
      const seen = libvhdiRead([path], [{ offset: 0, length: size }], dir.file("seen"));
      assertBytesEqual(seen, oracle.bytes);
    },
  );
}

for (const [seed, logicalSectorSize] of [512, 512, 4096].entries()) {
  const name = `a child of ${logicalSectorSize}-byte sectors`;
  testWith(
    [...LIBVHDI, ...everySo(2, seed)],
    `${name}, written at random, is the same in libvhdi (${seed})`,
    () => {
      using dir = new TempDir();
      const [parent, child] = [dir.file("base.vhdx"), dir.file("child.vhdx")];
      // The parent is shorter: the child's last block has no bytes of it.
      const size = 14 * MIB + 4096;
      const parentBytes = new Uint8Array(12 * MIB);
      create(parent, { virtualSize: parentBytes.length, logicalSectorSize });
      writeRandomly(
        parent,
        { offset: 0, bytes: parentBytes },
        new Random(20 + seed),
        [],
        sampledRounds(300),
      );
      using parentFile = ImageFile.open(parent);
      const parentImage = openVhdx(parentFile);
      create(child, {
        subtype: "differencing",
        virtualSize: size,
        blockSize: seed === 1 ? 4 * MIB : 2 * MIB,
        logicalSectorSize,
        parent: {
          identifier: parentImage.identifier ?? "",
          relativePath: ".\\base.vhdx",
          absolutePath: undefined,
        },
      });
      const oracle = { offset: 0, bytes: new Uint8Array(size) };
      oracle.bytes.set(parentBytes);
      writeRandomly(child, oracle, new Random(30 + seed), [parentImage]);
      const whole = [{ offset: 0, length: parentBytes.length }];
      const seen = libvhdiRead([child, parent], whole, dir.file("seen"));
      using childFile = ImageFile.open(child);
      for (const { kind, offset, length } of imageExtents(openVhdx(childFile), 0, seen.length)) {
        // libvhdi shows the parent through blocks that are unmapped, which must read as zeros.
        if (kind === "zero") continue;
        const [start, end] = [offset, offset + length];
        assertBytesEqual(seen.subarray(start, end), oracle.bytes.subarray(start, end), "libvhdi's");
      }
    },
  );
}

testWith(QEMU, "writeSync(): blocks on both sides of a sector bitmap entry are written", () => {
  using dir = new TempDir();
  const path = dir.file("disk.vhdx");
  create(path, { virtualSize: 4200 * MIB, blockSize: MIB });
  const oracle = { offset: 4090 * MIB, bytes: new Uint8Array(12 * MIB) };
  writeRandomly(path, oracle, new Random(40));
  qemuInspectVhdx(path);
  using file = ImageFile.open(path);
  assertEquals(openVhdx(file).extent(0, 4090 * MIB).length, 4090 * MIB);
});

const QEMU_OPTIONS = ["subformat=dynamic,block_size=1M", "subformat=fixed,block_size=8M"];

for (const [i, options] of QEMU_OPTIONS.entries()) {
  testWith(
    [...QEMU, ...everySo(2, i)],
    `writeSync(): an image made and written by QEMU (${options}) is written here`,
    () => {
      using dir = new TempDir();
      const path = dir.file("disk.vhdx");
      const size = 20 * MIB;
      qemuCreateVhdx(path, size, options);
      qemuWriteVhdx(path, [{ offset: 3 * MIB, length: 6 * MIB, value: 9 }]);
      const bytes = new Uint8Array(size).fill(9, 3 * MIB, 9 * MIB);
      writeRandomly(path, { offset: 0, bytes }, new Random(50), [], sampledRounds(400));
      qemuWriteVhdx(path, [{ offset: 5 * MIB, length: MIB, value: 7 }]);
      bytes.fill(7, 5 * MIB, 6 * MIB);
      writeRandomly(path, { offset: 0, bytes }, new Random(51), [], sampledRounds(400));
      assertQemuAgrees(path, dir);
    },
  );
}

for (const name of ["btrfs.vhdx.gz", "swap.vhdx.gz", "vhdx-log-replay.vhdx.gz"]) {
  testWith(
    [...QEMU, sharedImageNeed(name), allStates],
    `writeSync(): an image made by Windows (${name}) is written and stays valid`,
    async () => {
      using dir = new TempDir();
      const path = await unpackSharedImage(name, dir);
      const window = { offset: 32 * MIB, length: 64 * MIB };
      let bytes: Uint8Array<ArrayBuffer>;
      {
        using file = ImageFile.open(path);
        bytes = readImage([openVhdx(file)], window.offset, window.length);
      }
      writeRandomly(path, { offset: window.offset, bytes }, new Random(60), [], sampledRounds(60));
      qemuInspectVhdx(path);
      assertBytesEqual(qemuRead(path, window, dir.file("window.raw")), bytes, "QEMU's");
    },
  );
}

/** Whole MiB of the disk that QEMU sees. */
function qemuRead(
  path: string,
  { offset, length }: { offset: number; length: number },
  raw: string,
) {
  const range = ["bs=1M", `skip=${offset / MIB}`, `count=${(offset + length) / MIB}`];
  run("qemu-img", "dd", "-f", "vhdx", "-O", "raw", ...range, `if=${path}`, `of=${raw}`);
  return Deno.readFileSync(raw).subarray(0, length);
}

const REPLAYED_HASH = "3ba3b309425b7ff5e8e0199edceed95226250f880c53b24e8eae93865f3fad5e";

testWith(
  [...QEMU, sharedImageNeed("vhdx-log-replay.vhdx.gz"), allStates],
  "openVirtualDisk(): opening an image with a dirty log for writing replays the log to the file",
  async () => {
    using dir = new TempDir();
    const path = await unpackSharedImage("vhdx-log-replay.vhdx.gz", dir);
    {
      using file = ImageFile.open(path, { write: true });
      const before = openVhdx(file).identifier;
      const image = openWritableVhdx(file);
      image.finish();
      assertEquals(image.identifier, before);
    }
    qemuInspectVhdx(path);
    const raw = dir.file("disk.raw");
    qemuRawVhdx(path, raw);
    assertEquals(fileHash(raw), REPLAYED_HASH);
  },
);

testWith(QEMU, "writeSync(): QEMU repairs what a crash of ours leaves, to the same bytes", () => {
  using dir = new TempDir();
  const random = new Random(70);
  for (const round of sampledRows([0, 1, 2, 3, 4, 5], 6, 4)) {
    const path = dir.file(`disk-${round}.vhdx`);
    const size = 16 * MIB;
    create(path, { virtualSize: size, blockSize: MIB });
    const oracle = { offset: 0, bytes: new Uint8Array(8 * MIB) };
    {
      using file = ImageFile.open(path, { write: true });
      const image = openWritableVhdx(file);
      // Enough flushes for the log to go around.
      for (let i = 0; i < 30 * round + 1; i++) {
        writeOnce(image, oracle, random);
        trimOnce(image, oracle, random);
        image.flush();
      }
      // Closed without finish(): what a killed process leaves.
    }
    const copy = dir.file("copy.vhdx");
    Deno.copyFileSync(path, copy);
    run("qemu-img", "check", "-q", "-r", "all", "-f", "vhdx", copy);
    assertQemuAgrees(copy, dir);
    using repaired = ImageFile.open(copy);
    assertBytesEqual(readImage([openVhdx(repaired)], 0, 8 * MIB), oracle.bytes, "QEMU's");
    using file = ImageFile.open(path);
    assertBytesEqual(readImage([openVhdx(file)], 0, 8 * MIB), oracle.bytes, "ours");
    Deno.removeSync(path);
  }
});
