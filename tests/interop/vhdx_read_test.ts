/** Images that QEMU made and wrote, read here. */
import { assertEquals } from "@std/assert";
import { ImageFile } from "../../src/portable/file/image_file.ts";
import { openVhdx } from "../../src/portable/vhdx/image.ts";
import { sampledRows } from "../sampling.ts";
import { assertBytesEqual, fileHash, TempDir, testWith } from "../support.ts";
import { readImage } from "../portable/image/read_image.ts";
import { diskHash } from "./disk_hash.ts";
import { LIBVHDI, libvhdiInformation, QEMU, type Write } from "./vhd_oracles.ts";
import { qemuCreateVhdx, qemuInspectVhdx, qemuRawVhdx, qemuWriteVhdx } from "./vhdx_oracles.ts";

const MIB = 2 ** 20;
const GIB = 2 ** 30;
const TIB = 2 ** 40;

/** Sizes and options of images small enough to be compared whole. */
const SMALL: readonly [number, string][] = [
  [3 * MIB, "subformat=dynamic"],
  [3 * MIB, "subformat=fixed"],
  [3 * MIB, "subformat=fixed,block_state_zero=off"],
  [3 * MIB + 512, "subformat=dynamic,block_size=1M"],
  [17 * MIB + 1536, "subformat=dynamic,block_size=2M,block_state_zero=off"],
  [17 * MIB + 1536, "subformat=fixed,block_size=2M,block_state_zero=off"],
  [40 * MIB, "subformat=dynamic,block_size=16M,log_size=4M"],
  [100 * MIB, "subformat=dynamic,block_size=32M,log_size=16M"],
  [300 * MIB, "subformat=dynamic,block_size=256M"],
];

/** Sizes and options of images that are sampled. */
const LARGE: readonly [number, string][] = [
  [10 * GIB, "subformat=dynamic,block_size=1M"],
  [2 * TIB, "subformat=dynamic"],
  [3 * TIB + 512, "subformat=dynamic,block_size=8M,block_state_zero=off"],
  [64 * TIB, "subformat=dynamic"],
  [64 * TIB, "subformat=dynamic,block_size=256M"],
];

/** Across the first and the last bytes, and across ends of blocks and chunks, at sectors of 512. */
function writesFor(size: number): Write[] {
  const middle = Math.floor(size / 2 / MIB) * MIB;
  const writes = [
    { offset: 0, length: 512 },
    { offset: MIB - 512, length: 2048 },
    { offset: middle - 1024, length: 4096 },
    { offset: Math.floor(size * 0.8 / MIB) * MIB - 4096, length: 65536 },
    { offset: size - 1024, length: 1024 },
  ];
  return writes.map((write, i) => ({ ...write, value: i + 1 }));
}

for (const [size, options] of sampledRows(SMALL, 3)) {
  testWith(
    QEMU,
    `readSync(): a QEMU image of ${size} bytes, ${options}, reads as QEMU reads it`,
    () => {
      using dir = new TempDir();
      const path = dir.file("disk.vhdx");
      const raw = dir.file("disk.raw");
      qemuCreateVhdx(path, size, options);
      for (const written of [false, true]) {
        if (written) qemuWriteVhdx(path, writesFor(size));
        qemuRawVhdx(path, raw);
        using file = ImageFile.open(path);
        const image = openVhdx(file);
        assertEquals(image.virtualSize, size);
        assertEquals(image.blockSize, qemuInspectVhdx(path)["cluster-size"]);
        assertEquals(image.subtype, options.includes("fixed") ? "fixed" : "dynamic");
        assertEquals(image.physicalSectorSize, 512);
        assertEquals(diskHash(image), fileHash(raw), `written: ${written}`);
      }
    },
  );
}

for (const [size, options] of LARGE) {
  testWith(
    QEMU,
    `readSync(): a QEMU image of ${size} bytes, ${options}, reads as it was written`,
    () => {
      using dir = new TempDir();
      const path = dir.file("disk.vhdx");
      qemuCreateVhdx(path, size, options);
      const writes = writesFor(size);
      qemuWriteVhdx(path, writes);
      using file = ImageFile.open(path);
      const image = openVhdx(file);
      assertEquals(image.virtualSize, size);
      for (const { offset, length, value } of writes) {
        // With what surrounds it, which nobody wrote to.
        const start = Math.max(0, offset - 4096);
        const end = Math.min(size, offset + length + 4096);
        const expected = new Uint8Array(end - start);
        expected.fill(value, offset - start, offset - start + length);
        assertBytesEqual(readImage([image], start, end - start), expected, `write ${value}`);
      }
    },
  );
}

testWith(
  [...QEMU, ...LIBVHDI],
  "getInformation(): libvhdi finds the identifier that is found here",
  () => {
    using dir = new TempDir();
    const path = dir.file("disk.vhdx");
    qemuCreateVhdx(path, 5 * MIB, "subformat=dynamic");
    qemuWriteVhdx(path, [{ offset: 0, length: 512, value: 9 }]);
    using file = ImageFile.open(path);
    assertEquals(libvhdiInformation(path).identifier, openVhdx(file).identifier);
  },
);
