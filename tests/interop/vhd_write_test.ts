/** Images written here, by thousands of random operations, read back by QEMU and libvhdi. */
import { assertEquals } from "@std/assert";
import type { DiskImage } from "../../src/portable/image/image.ts";
import { ImageFile } from "../../src/portable/file/image_file.ts";
import { createVhd } from "../../src/portable/vhd/create.ts";
import { openVhd, openWritableVhd } from "../../src/portable/vhd/open.ts";
import { Random } from "../fuzz/random.ts";
import { readImage } from "../portable/image/read_image.ts";
import { randomWork, type Work } from "../portable/vhd/random_work.ts";
import { vhdSpec } from "../portable/vhd/vhd_builder.ts";
import { allStates, everySo, sampledRounds, sampledRows } from "../sampling.ts";
import {
  assertBytesEqual,
  pattern,
  sharedImageNeed,
  TempDir,
  testWith,
  unpackSharedImage,
} from "../support.ts";
import {
  inFileOrder,
  LIBVHDI,
  libvhdiInformation,
  libvhdiRead,
  QEMU,
  qemuCreate,
  qemuRaw,
  qemuWrite,
} from "./vhd_oracles.ts";

const KIB = 2 ** 10;
const MIB = 2 ** 20;
const OPERATIONS = sampledRounds(2000);
/**
 * So many, in a sample too, that in hardly a unit of libvhdi's writing began behind the first sector: it shows the
 * parent there.
 */
const CHILD_OPERATIONS = 2000;
/** libvhdi 20210425 takes what follows a written sector for written, up to the next multiple of 8. */
const LIBVHDI_UNIT = 8;
const PARENT_IDENTIFIER = "99999999-8888-7777-6666-555544443333";

function create(path: string, spec: Parameters<typeof vhdSpec>[0]): void {
  using file = ImageFile.open(path, { createNew: true });
  createVhd(file, vhdSpec(spec));
}

/** Works on the image at `path`; `disk` is changed with it. */
function work(
  path: string,
  disk: Uint8Array<ArrayBuffer>,
  seed: number,
  options: Omit<Work, "reopen">,
): void {
  let file = ImageFile.open(path, { write: true });
  try {
    randomWork(openWritableVhd(file), disk, new Random(seed), {
      ...options,
      reopen: () => {
        file.close();
        file = ImageFile.open(path, { write: true });
        return openWritableVhd(file);
      },
    });
  } catch (error) {
    throw new Error(`seed ${seed}`, { cause: error });
  } finally {
    file.close();
  }
}

function whole(disk: Uint8Array): { offset: number; length: number }[] {
  return [{ offset: 0, length: disk.length }];
}

const WRITTEN = [
  ["fixed", 9 * MIB + 512, 0],
  ["dynamic", 17 * MIB + 512, 512 * KIB],
  ["dynamic", 25 * MIB - 1024, 2 * MIB],
  ["dynamic", 37 * MIB, 4 * MIB],
] as const;

for (const [i, [subtype, virtualSize, blockSize]] of WRITTEN.entries()) {
  testWith(
    [...QEMU, ...LIBVHDI, ...everySo(4, i + 3)],
    `writeSync(): QEMU and libvhdi read what was written to a ${subtype} image, blocks of ${blockSize}`,
    () => {
      using dir = new TempDir();
      const path = dir.file("disk.vhd");
      create(path, { subtype, virtualSize, blockSize });
      const disk = new Uint8Array(virtualSize);
      work(path, disk, blockSize + 1, { operations: OPERATIONS });
      assertBytesEqual(qemuRaw(path, dir.file("raw")), disk, "QEMU");
      assertBytesEqual(libvhdiRead([path], whole(disk), dir.file("libvhdi")), disk, "libvhdi");
    },
  );
}

for (const blockSize of sampledRows([512 * KIB, 2 * MIB], 2)) {
  for (const endUnit of [1, LIBVHDI_UNIT]) {
    testWith(
      LIBVHDI,
      `a differencing image keeps its parent's sectors, blocks of ${blockSize}, writes up to ` +
        `multiples of ${endUnit} sectors`,
      () => {
        using dir = new TempDir();
        const virtualSize = 9 * MIB + 512;
        const [childPath, parentPath] = [dir.file("child.vhd"), dir.file("parent.vhd")];
        const disk = pattern(virtualSize);
        writeParent(parentPath, PARENT_IDENTIFIER, disk);
        create(childPath, {
          subtype: "differencing",
          virtualSize,
          blockSize,
          parent: {
            identifier: PARENT_IDENTIFIER,
            relativePath: ".\\parent.vhd",
            absolutePath: undefined,
          },
        });
        using parent = ImageFile.open(parentPath);
        const parents: DiskImage[] = [openVhd(parent)];
        const operations = endUnit === LIBVHDI_UNIT ? CHILD_OPERATIONS : OPERATIONS;
        work(childPath, disk, blockSize + endUnit, { operations, parents, endUnit });
        using child = ImageFile.open(childPath);
        assertBytesEqual(readImage([openVhd(child), ...parents], 0, virtualSize), disk, "here");
        if (endUnit !== LIBVHDI_UNIT) return;
        const paths = [childPath, parentPath];
        assertBytesEqual(libvhdiRead(paths, whole(disk), dir.file("libvhdi")), disk, "libvhdi");
      },
    );
  }
}

function writeParent(path: string, identifier: string, disk: Uint8Array): void {
  create(path, { subtype: "fixed", virtualSize: disk.length, blockSize: 0, identifier });
  using file = ImageFile.open(path, { write: true });
  const image = openWritableVhd(file);
  image.write(disk, 0);
  image.finish();
}

for (const [i, subformat] of ["dynamic", "fixed"].entries()) {
  testWith(
    [...QEMU, ...everySo(2, i)],
    `writeSync(): an image of QEMU's, ${subformat}, is written here and by QEMU in turn`,
    () => {
      using dir = new TempDir();
      const path = dir.file("qemu.vhd");
      const disk = new Uint8Array(21 * MIB);
      qemuCreate(path, disk.length, `subformat=${subformat}`);
      for (let turn = 0; turn < 3; turn++) {
        const written = { offset: (turn * 5 + 1) * MIB - 4096, length: 3 * MIB, value: turn + 1 };
        qemuWrite(path, [written]);
        disk.fill(written.value, written.offset, written.offset + written.length);
        work(path, disk, turn, { operations: sampledRounds(300) });
        assertBytesEqual(qemuRaw(path, dir.file("raw")), disk, `turn ${turn}`);
      }
    },
  );
}

const EXT2 = "ext2.vhd.gz";
testWith(
  [sharedImageNeed(EXT2), ...QEMU, ...LIBVHDI],
  "writeSync(): ext2.vhd is written to, and stays the image that it was to QEMU and libvhdi",
  async () => {
    using dir = new TempDir();
    const path = await unpackSharedImage(EXT2, dir);
    const before = libvhdiInformation(path);
    const disk = readFile(path);
    work(path, disk, 1, { operations: OPERATIONS });
    assertBytesEqual(qemuRaw(path, dir.file("raw")), disk, "QEMU");
    assertBytesEqual(libvhdiRead([path], whole(disk), dir.file("libvhdi")), disk, "libvhdi");
    assertEquals(libvhdiInformation(path), before);
  },
);

function readFile(path: string): Uint8Array<ArrayBuffer> {
  using file = ImageFile.open(path);
  const image = openVhd(file);
  return readImage([image], 0, image.virtualSize);
}

const FAT_DIFFERENTIAL = "fat-differential.vhd.gz";
testWith(
  [sharedImageNeed(FAT_DIFFERENTIAL), ...LIBVHDI, allStates],
  "writeSync(): fat-differential.vhd is written to, over a parent, and stays aligned",
  async () => {
    using dir = new TempDir();
    const path = await unpackSharedImage(FAT_DIFFERENTIAL, dir);
    const parentPath = dir.file("fat-parent.vhd");
    const before = libvhdiInformation(path);
    writeParent(parentPath, inFileOrder(before.parentIdentifier!), pattern(before.size));
    using parentFile = ImageFile.open(parentPath);
    const parents = [openVhd(parentFile)];
    const disk = chainOf(path, parents);
    work(path, disk, 1, { operations: CHILD_OPERATIONS, parents, endUnit: LIBVHDI_UNIT });
    assertBytesEqual(chainOf(path, parents), disk, "here");
    assertBytesEqual(
      libvhdiRead([path, parentPath], whole(disk), dir.file("libvhdi")),
      disk,
      "libvhdi",
    );
    assertEquals(libvhdiInformation(path), before);
  },
);

function chainOf(path: string, parents: readonly DiskImage[]): Uint8Array<ArrayBuffer> {
  using file = ImageFile.open(path);
  const image = openVhd(file);
  assertEquals(image.is4kAligned(), true);
  return readImage([image, ...parents], 0, image.virtualSize);
}
