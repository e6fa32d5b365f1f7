/** Images that other programs made, read here. */
import { assertEquals } from "@std/assert";
import { ImageFile } from "../../src/portable/file/image_file.ts";
import { isVhd, openVhd } from "../../src/portable/vhd/open.ts";
import { readImage } from "../portable/image/read_image.ts";
import { everySo } from "../sampling.ts";
import { assertBytesEqual, TempDir, testWith } from "../support.ts";
import {
  inFileOrder,
  LIBVHDI,
  libvhdiInformation,
  libvhdiRead,
  QEMU,
  qemuCreate,
  qemuRaw,
  qemuSize,
  qemuWrite,
  type Write,
} from "./vhd_oracles.ts";

const MIB = 2 ** 20;
const GIB = 2 ** 30;

/** Writes over block boundaries, of part of a block, and up to the end of the disk. */
function guestWrites(size: number): Write[] {
  return [
    { offset: 0, length: 512, value: 0x11 },
    { offset: 2 * MIB - 1024, length: 4096, value: 0x22 },
    { offset: Math.floor(size / 1024) * 512, length: 1536, value: 0x33 },
    { offset: size - 512, length: 512, value: 0x44 },
  ];
}

for (const [i, subformat] of ["dynamic", "fixed"].entries()) {
  for (const [j, size] of [3 * MIB, 4 * MIB + 512, 17 * MIB - 512, 32 * MIB].entries()) {
    testWith(
      [...QEMU, ...everySo(4, 3 * i + j)],
      `a ${subformat} image of ${size} bytes by QEMU reads as QEMU reads it`,
      () => {
        using dir = new TempDir();
        const path = dir.file("qemu.vhd");
        qemuCreate(path, size, `subformat=${subformat}`);
        qemuWrite(path, guestWrites(size));
        using file = ImageFile.open(path);
        assertEquals(isVhd(file), true);
        const image = openVhd(file);
        assertEquals([image.subtype, image.virtualSize], [subformat, size]);
        assertBytesEqual(readImage([image], 0, size), qemuRaw(path, dir.file("raw")));
      },
    );
  }
}

testWith(
  QEMU,
  "openVirtualDisk(): an image whose size QEMU rounded to its geometry has the size that QEMU sees",
  () => {
    using dir = new TempDir();
    const path = dir.file("qemu.vhd");
    qemuCreate(path, 10 * MIB, "force_size=off");
    using file = ImageFile.open(path);
    const { virtualSize } = openVhd(file);
    assertEquals(virtualSize, qemuSize(path));
    assertEquals(virtualSize > 10 * MIB, true);
  },
);

for (const [i, subformat] of ["dynamic", "fixed"].entries()) {
  for (const [j, size] of [2040 * GIB, 127 * GIB, 2040 * GIB - 512].entries()) {
    testWith(
      [...QEMU, ...LIBVHDI, ...everySo(3, i + j)],
      `a ${subformat} image of ${size} bytes reads as libvhdi reads it where QEMU wrote, and beside`,
      () => {
        using dir = new TempDir();
        const path = dir.file("qemu.vhd");
        qemuCreate(path, size, `subformat=${subformat}`);
        const writes = guestWrites(size);
        qemuWrite(path, writes);
        using file = ImageFile.open(path);
        const image = openVhd(file);
        assertEquals([image.subtype, image.virtualSize], [subformat, size]);
        for (const { offset, length, value } of writes) {
          assertBytesEqual(readImage([image], offset, length), new Uint8Array(length).fill(value));
        }
        const ranges = writes.map(({ offset, length }) => {
          const start = Math.max(0, offset - 70_000);
          return { offset: start, length: Math.min(size, offset + length + 70_000) - start };
        });
        const expected = libvhdiRead([path], ranges, dir.file("ranges"));
        let position = 0;
        for (const { offset, length } of ranges) {
          const piece = expected.subarray(position, position + length);
          assertBytesEqual(readImage([image], offset, length), piece, `at ${offset}`);
          position += length;
        }
      },
    );
  }
}

testWith(
  [...QEMU, ...LIBVHDI],
  "openVirtualDisk(): type, size and identifier of QEMU's images are libvhdi's",
  () => {
    using dir = new TempDir();
    for (const [subformat, type] of [["fixed", 2], ["dynamic", 3]] as const) {
      const path = dir.file(`${subformat}.vhd`);
      qemuCreate(path, 5 * MIB, `subformat=${subformat}`);
      using file = ImageFile.open(path);
      const image = openVhd(file);
      const other = libvhdiInformation(path);
      assertEquals([other.type, other.size], [type, image.virtualSize]);
      assertEquals(other.identifier, inFileOrder(image.identifier!));
    }
  },
);

testWith(
  QEMU,
  "readSync(): an image that lost its trailing footer in a crash reads as before",
  () => {
    using dir = new TempDir();
    const path = dir.file("qemu.vhd");
    qemuCreate(path, 8 * MIB);
    qemuWrite(path, guestWrites(8 * MIB));
    const expected = qemuRaw(path, dir.file("raw"));
    Deno.truncateSync(path, Deno.statSync(path).size - 512);
    using file = ImageFile.open(path);
    assertEquals(isVhd(file), true);
    assertBytesEqual(readImage([openVhd(file)], 0, 8 * MIB), expected);
  },
);
