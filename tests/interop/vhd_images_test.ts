/** Images made by Windows 10 and by QEMU, from public test data. */
import { assertEquals } from "@std/assert";
import { ImageFile } from "../../src/portable/file/image_file.ts";
import { createVhd } from "../../src/portable/vhd/create.ts";
import { isVhd, openVhd } from "../../src/portable/vhd/open.ts";
import { readImage } from "../portable/image/read_image.ts";
import {
  assertBytesEqual,
  sharedImageNeed,
  TempDir,
  testWith,
  unpackSharedImage,
} from "../support.ts";
import { inFileOrder } from "./vhd_oracles.ts";

const EXT2 = "ext2.vhd.gz";
const FAT_DIFFERENTIAL = "fat-differential.vhd.gz";

testWith([sharedImageNeed(EXT2)], "readSync(): ext2.vhd reads to the last byte", async () => {
  using dir = new TempDir();
  using file = ImageFile.open(await unpackSharedImage(EXT2, dir));
  assertEquals(isVhd(file), true);
  const image = openVhd(file);
  assertEquals([image.subtype, image.virtualSize, image.blockSize], [
    "dynamic",
    4_212_736,
    2 * 2 ** 20,
  ]);
  const digest = await crypto.subtle.digest("SHA-256", readImage([image], 0, image.virtualSize));
  assertEquals(
    new Uint8Array(digest).toHex(),
    "870be7ae16c1fa8faab05c6eb9205dc9a7ae35c5f552c5cf8a267c0bc6a5cb99",
  );
});

testWith(
  [sharedImageNeed(FAT_DIFFERENTIAL)],
  "openVirtualDisk(): fat-differential.vhd says of itself and its parent what Windows wrote",
  async () => {
    using dir = new TempDir();
    using file = ImageFile.open(await unpackSharedImage(FAT_DIFFERENTIAL, dir));
    const image = openVhd(file);
    assertEquals([image.subtype, image.virtualSize, image.blockSize], [
      "differencing",
      4 * 2 ** 20,
      2 * 2 ** 20,
    ]);
    assertEquals(inFileOrder(image.identifier!), "f84f1636-cd9e-9041-a69e-dcc2380e416a");
    assertEquals(image.parent, {
      identifiers: [inFileOrder("5fa21a55-f394-aa4d-9958-1951a67d5540")],
      timestamp: 0,
      locators: [
        { kind: "relative", path: ".\\fat-parent.vhd" },
        { kind: "absolute", path: "C:\\Projects\\dfvfs\\test_data\\fat-parent.vhd" },
        { kind: "name", path: "fat-parent.vhd" },
      ],
    });
    assertEquals(image.is4kAligned(), true);
  },
);

testWith(
  [sharedImageNeed(FAT_DIFFERENTIAL)],
  "extents(): fat-differential.vhd has sectors of its own in its first block only",
  async () => {
    using dir = new TempDir();
    using file = ImageFile.open(await unpackSharedImage(FAT_DIFFERENTIAL, dir));
    const image = openVhd(file);
    const bitmap = new Uint8Array(512);
    file.readAt(bitmap, 0x13e00);
    const data = new Uint8Array(512);
    for (let sector = 0; sector < 8192; sector++) {
      const offset = sector * 512;
      const isOwn = sector < 4096 && (bitmap[sector >> 3]! & (0x80 >> (sector & 7))) !== 0;
      const extent = image.extent(offset, offset + 512);
      const expected = isOwn
        ? { kind: "file", offset, length: 512, fileOffset: 0x14000 + offset }
        : { kind: "parent", offset, length: 512 };
      assertEquals<unknown>(extent, expected);
      // Windows leaves zeros where it has not written: other bit orders would show.
      if (sector < 4096 && !isOwn) {
        file.readAt(data, 0x14000 + offset);
        assertEquals(data.some((byte) => byte !== 0), false, `sector ${sector}`);
      }
    }
  },
);

testWith(
  [sharedImageNeed(FAT_DIFFERENTIAL)],
  "createVhd() writes what Windows 10 wrote, byte for byte",
  async () => {
    using dir = new TempDir();
    const windows = Deno.readFileSync(await unpackSharedImage(FAT_DIFFERENTIAL, dir));
    const path = dir.file("ours.vhd");
    using file = ImageFile.open(path, { createNew: true });
    createVhd(file, {
      subtype: "differencing",
      virtualSize: 4 * 2 ** 20,
      blockSize: 2 * 2 ** 20,
      logicalSectorSize: 512,
      physicalSectorSize: 512,
      identifier: inFileOrder("f84f1636-cd9e-9041-a69e-dcc2380e416a"),
      parent: {
        identifier: inFileOrder("5fa21a55-f394-aa4d-9958-1951a67d5540"),
        relativePath: ".\\fat-parent.vhd",
        absolutePath: "C:\\Projects\\dfvfs\\test_data\\fat-parent.vhd",
      },
    });
    const ours = Deno.readFileSync(path);
    // Windows' image has had a block written since, in the place of its first footer.
    const FIRST_BLOCK = 0x13e00;
    const TIME_STAMP = 24, CHECKSUM = 64, TABLE = 0x2000;
    for (const image of [ours, windows]) {
      image.fill(0, TIME_STAMP, TIME_STAMP + 4);
      image.fill(0, CHECKSUM, CHECKSUM + 4);
      image.fill(0, TABLE, TABLE + 4);
    }
    assertEquals(ours.length, FIRST_BLOCK + 512);
    assertBytesEqual(ours.subarray(0, FIRST_BLOCK), windows.subarray(0, FIRST_BLOCK));
  },
);
