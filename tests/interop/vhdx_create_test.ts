/** Images made here, read, checked and written by QEMU and libvhdi. */
import { assertEquals } from "@std/assert";
import type { DiskImage, ImageSpec } from "../../src/portable/image/image.ts";
import { ImageFile } from "../../src/portable/file/image_file.ts";
import { createVhdx } from "../../src/portable/vhdx/create.ts";
import { openVhdx } from "../../src/portable/vhdx/image.ts";
import { everySo, sampledRows } from "../sampling.ts";
import { assertBytesEqual, TempDir, testWith } from "../support.ts";
import { readImage } from "../portable/image/read_image.ts";
import { vhdxSpec } from "../portable/vhdx/vhdx_builder.ts";
import { LIBVHDI, libvhdiInformation, libvhdiRead, QEMU, type Write } from "./vhd_oracles.ts";
import { qemuInspectVhdx, qemuWriteVhdx } from "./vhdx_oracles.ts";

const MIB = 2 ** 20;
const TIB = 2 ** 40;
/** What libvhdi calls the kinds of disk. */
const DISK_TYPES = { fixed: 2, dynamic: 3, differencing: 4 };

function create(path: string, overrides: Partial<ImageSpec>): void {
  using file = ImageFile.open(path, { write: true, createNew: true });
  createVhdx(file, vhdxSpec(overrides));
}

/** Opens an image for as long as `use` takes. */
function withImage<T>(path: string, use: (image: DiskImage) => T): T {
  using file = ImageFile.open(path);
  return use(openVhdx(file));
}

const SPECS: readonly Partial<ImageSpec>[] = [
  { virtualSize: 3 * MIB, blockSize: MIB },
  { virtualSize: 3 * MIB + 512, blockSize: 2 * MIB },
  { virtualSize: 127 * 1024 * MIB, blockSize: 32 * MIB },
  { virtualSize: 10 * MIB, blockSize: 256 * MIB, physicalSectorSize: 512 },
  { virtualSize: 64 * TIB, blockSize: 32 * MIB },
  { virtualSize: 5 * TIB, blockSize: MIB },
  { subtype: "fixed", virtualSize: 3 * MIB, blockSize: 2 * MIB },
  { subtype: "fixed", virtualSize: 6000 * MIB, blockSize: MIB },
  { subtype: "fixed", virtualSize: 33 * MIB + 512, blockSize: MIB },
  { subtype: "fixed", virtualSize: 40 * MIB, blockSize: 32 * MIB },
];

for (const [i, spec] of SPECS.entries()) {
  testWith(
    // Of dynamic ones also the largest, and a fixed one.
    [...QEMU, ...LIBVHDI, ...everySo(4, i)],
    `createVirtualDisk(): QEMU and libvhdi read a new ${name(spec)}`,
    () => {
      using dir = new TempDir();
      const path = dir.file("disk.vhdx");
      create(path, spec);
      const qemu = qemuInspectVhdx(path);
      assertEquals(qemu["virtual-size"], spec.virtualSize);
      assertEquals(qemu["cluster-size"], spec.blockSize);
      assertSameAsLibvhdi(path, spec);
    },
  );
}

for (const subtype of ["dynamic", "fixed"] as const) {
  const spec = { subtype, virtualSize: 4100 * MIB, blockSize: 2 * MIB, logicalSectorSize: 4096 };
  testWith(
    LIBVHDI,
    `createVirtualDisk(): libvhdi reads a new ${name(spec)}, which QEMU does not support`,
    () => {
      using dir = new TempDir();
      const path = dir.file("disk.vhdx");
      create(path, spec);
      assertSameAsLibvhdi(path, spec);
    },
  );
}

function name(
  { subtype = "dynamic", virtualSize, blockSize, logicalSectorSize = 512 }: Partial<ImageSpec>,
) {
  return `${subtype} disk of ${virtualSize} bytes in blocks of ${blockSize}, sectors of ${logicalSectorSize}`;
}

function assertSameAsLibvhdi(
  path: string,
  { subtype = "dynamic", virtualSize }: Partial<ImageSpec>,
) {
  const { type, size, identifier } = libvhdiInformation(path);
  assertEquals([type, size], [DISK_TYPES[subtype], virtualSize]);
  assertEquals(identifier, withImage(path, (image) => image.identifier));
}

for (const subtype of ["dynamic", "fixed"] as const) {
  testWith(
    QEMU,
    `createVirtualDisk(): what QEMU writes to a new ${subtype} image is read here`,
    () => {
      using dir = new TempDir();
      const path = dir.file("disk.vhdx");
      const size = 4200 * MIB;
      create(path, { subtype, virtualSize: size, blockSize: MIB });
      // Blocks on both sides of the first sector bitmap entry, which is number 4096.
      const writes: Write[] = [
        { offset: 0, length: 1024, value: 1 },
        { offset: 4096 * MIB - 512, length: 1024, value: 2 },
        { offset: 4098 * MIB, length: 2 * MIB, value: 3 },
        { offset: size - 512, length: 512, value: 4 },
      ];
      qemuWriteVhdx(path, writes);
      withImage(path, (image) => {
        for (const { offset, length, value } of writes) {
          const bytes = readImage([image], offset, length);
          assertBytesEqual(bytes, new Uint8Array(length).fill(value), `write ${value}`);
        }
        assertBytesEqual(readImage([image], 1024, MIB), new Uint8Array(MIB));
      });
      qemuInspectVhdx(path);
    },
  );
}

testWith(
  [...QEMU, ...LIBVHDI],
  "createVirtualDisk(): libvhdi reads a new child as its parent",
  () => {
    for (const blockSize of sampledRows([MIB, 2 * MIB], 2)) {
      using dir = new TempDir();
      const parent = dir.file("base.vhdx");
      const child = dir.file("child.vhdx");
      const size = 9 * MIB;
      create(parent, { virtualSize: size });
      qemuWriteVhdx(parent, [{ offset: MIB - 512, length: 3 * MIB, value: 7 }]);
      const parentId = withImage(parent, (image) => image.identifier ?? "");
      create(child, {
        subtype: "differencing",
        virtualSize: size,
        blockSize,
        parent: {
          identifier: parentId,
          relativePath: ".\\base.vhdx",
          absolutePath: "C:\\images\\base.vhdx",
        },
      });
      const information = libvhdiInformation(child);
      assertEquals(information.type, DISK_TYPES.differencing);
      assertEquals(information.size, size);
      assertEquals(information.parentIdentifier, parentId);
      const whole = [{ offset: 0, length: size }];
      const seen = libvhdiRead([child, parent], whole, dir.file("seen"));
      using parentFile = ImageFile.open(parent);
      using childFile = ImageFile.open(child);
      const images = [openVhdx(childFile), openVhdx(parentFile)];
      assertEquals(images[0]!.parent, {
        identifiers: [parentId],
        locators: [
          { kind: "relative", path: ".\\base.vhdx" },
          { kind: "absolute", path: "C:\\images\\base.vhdx" },
        ],
      });
      const bytes = readImage(images, 0, size);
      assertBytesEqual(bytes, seen);
      assertEquals(bytes.filter((byte) => byte === 7).length, 3 * MIB);
    }
  },
);
