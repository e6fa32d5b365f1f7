/** Images made here, read and written by other programs. */
import { assertEquals } from "@std/assert";
import { ImageFile } from "../../src/portable/file/image_file.ts";
import { createVhd } from "../../src/portable/vhd/create.ts";
import { openVhd } from "../../src/portable/vhd/open.ts";
import { readImage } from "../portable/image/read_image.ts";
import { vhdSpec } from "../portable/vhd/vhd_builder.ts";
import { everySo } from "../sampling.ts";
import { assertBytesEqual, TempDir, testWith } from "../support.ts";
import {
  inFileOrder,
  LIBVHDI,
  libvhdiInformation,
  libvhdiRead,
  QEMU,
  qemuRaw,
  qemuSize,
  qemuWrite,
} from "./vhd_oracles.ts";

const KIB = 2 ** 10;
const MIB = 2 ** 20;
const GIB = 2 ** 30;

/**
 * Sectors that a child has of its own. libvhdi 20210425 takes what follows a written sector for written
 * up to the next multiple of 8: runs that end there are where it can be asked.
 */
const OWN_SECTORS = [5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23, 2047, 4094, 4095];

function create(path: string, spec: Parameters<typeof vhdSpec>[0]): void {
  using file = ImageFile.open(path, { createNew: true });
  createVhd(file, vhdSpec(spec));
}

const SIZES = [3 * MIB, 3 * MIB + 512, 100 * MIB - 512, 127 * GIB, 2040 * GIB];

for (const [subtype, type] of [["fixed", 2], ["dynamic", 3]] as const) {
  for (const [i, virtualSize] of SIZES.entries()) {
    testWith(
      [...QEMU, ...LIBVHDI, ...everySo(5, i)],
      `a new ${subtype} image of ${virtualSize} bytes is one to QEMU and libvhdi too`,
      () => {
        using dir = new TempDir();
        const path = dir.file("new.vhd");
        const spec = vhdSpec({ subtype, virtualSize, blockSize: 2 * MIB });
        create(path, spec);
        assertEquals(qemuSize(path), virtualSize);
        assertEquals(libvhdiInformation(path), {
          type,
          size: virtualSize,
          identifier: inFileOrder(spec.identifier),
          parentIdentifier: null,
          parentFilename: null,
        });
      },
    );
  }
}

for (const [i, subtype] of (["fixed", "dynamic"] as const).entries()) {
  for (const [j, blockSize] of [512 * KIB, 2 * MIB].entries()) {
    testWith(
      [...QEMU, ...LIBVHDI, ...everySo(4, 2 * i + j + 1)],
      `what QEMU writes to a new ${subtype} image reads the same everywhere, blocks of ${blockSize}`,
      () => {
        using dir = new TempDir();
        const path = dir.file("new.vhd");
        const virtualSize = 9 * MIB + 512;
        create(path, { subtype, virtualSize, blockSize });
        assertEquals(qemuRaw(path, dir.file("empty")).some((byte) => byte !== 0), false);
        qemuWrite(path, [
          { offset: 3 * MIB - 512, length: 2 * MIB, value: 0x55 },
          { offset: 0, length: 512, value: 0x66 },
          { offset: virtualSize - 1024, length: 1024, value: 0x77 },
        ]);
        using file = ImageFile.open(path);
        const bytes = readImage([openVhd(file)], 0, virtualSize);
        assertBytesEqual(bytes, qemuRaw(path, dir.file("raw")), "QEMU");
        const whole = [{ offset: 0, length: virtualSize }];
        assertBytesEqual(bytes, libvhdiRead([path], whole, dir.file("libvhdi")), "libvhdi");
        assertEquals(bytes[virtualSize - 1], 0x77);
      },
    );
  }
}

testWith(
  [...QEMU, ...LIBVHDI],
  "createVirtualDisk(): a new differencing image over a parent that QEMU wrote reads the parent in libvhdi, and here",
  () => {
    using dir = new TempDir();
    const virtualSize = 9 * MIB + 512;
    const blockSize = 2 * MIB;
    const parentPath = dir.file("parent.vhd");
    const childPath = dir.file("child.vhd");
    const parentSpec = vhdSpec({ virtualSize, blockSize });
    create(parentPath, parentSpec);
    qemuWrite(parentPath, [
      { offset: 1536, length: 3 * MIB, value: 0x55 },
      { offset: virtualSize - 512, length: 512, value: 0x66 },
    ]);
    const childSpec = vhdSpec({
      subtype: "differencing",
      virtualSize,
      blockSize,
      identifier: "99999999-8888-7777-6666-555544443333",
      parent: {
        identifier: parentSpec.identifier,
        relativePath: ".\\parent.vhd",
        absolutePath: undefined,
      },
    });
    create(childPath, childSpec);
    assertEquals(libvhdiInformation(childPath), {
      type: 4,
      size: virtualSize,
      identifier: inFileOrder(childSpec.identifier),
      parentIdentifier: inFileOrder(parentSpec.identifier),
      parentFilename: "parent.vhd",
    });
    const whole = [{ offset: 0, length: virtualSize }];
    const expected = qemuRaw(parentPath, dir.file("raw"));
    const paths = [childPath, parentPath];
    assertBytesEqual(libvhdiRead(paths, whole, dir.file("empty child")), expected, "libvhdi");
    assertBytesEqual(readChain(paths, virtualSize), expected, "here");

    writeSectors(childPath, blockSize, 1, OWN_SECTORS);
    for (const sector of OWN_SECTORS) {
      const offset = blockSize + sector * 512;
      expected.fill(sector % 200 + 1, offset, offset + 512);
    }
    assertBytesEqual(libvhdiRead(paths, whole, dir.file("child")), expected, "libvhdi");
    assertBytesEqual(readChain(paths, virtualSize), expected, "here");
  },
);

function readChain(paths: readonly string[], length: number): Uint8Array {
  const files = paths.map((path) => ImageFile.open(path));
  try {
    return readImage(files.map((file) => openVhd(file)), 0, length);
  } finally {
    for (const file of files) file.close();
  }
}

/** Puts a block where the footer was, with the given sectors of it written, and the footer after it. */
function writeSectors(path: string, blockSize: number, block: number, sectors: readonly number[]) {
  const TABLE = 0x2000;
  using file = ImageFile.open(path, { write: true });
  const start = file.size - 512;
  const footer = new Uint8Array(512);
  file.readAt(footer, start);
  const bitmap = new Uint8Array(512);
  for (const sector of sectors) {
    bitmap[sector >> 3]! |= 0x80 >> (sector & 7);
    file.writeAt(new Uint8Array(512).fill(sector % 200 + 1), start + 512 + sector * 512);
  }
  file.writeAt(bitmap, start);
  file.writeAt(footer, start + 512 + blockSize);
  const entry = new Uint8Array(4);
  new DataView(entry.buffer).setUint32(0, start / 512, false);
  file.writeAt(entry, TABLE + 4 * block);
}
