import { assertEquals } from "@std/assert";
import { openVhd, openWritableVhd } from "../../../src/portable/vhd/open.ts";
import { SparseFile } from "../../crash/sparse_file.ts";
import { assertBytesEqual, pattern } from "../../support.ts";
import { MemorySource } from "../file/memory_source.ts";
import { readImage } from "../image/read_image.ts";
import { IDENTIFIER, newVhd, sealFooter, viewAt } from "./vhd_builder.ts";
import { pureTest } from "../../pure.ts";

const image = newVhd({ subtype: "fixed" });
image.set(pattern(40960));

pureTest("openVhd(): a fixed image is its disk, then the footer", () => {
  const disk = openVhd(new MemorySource(image));
  assertEquals(
    [disk.format, disk.subtype, disk.virtualSize, disk.blockSize, disk.parent],
    ["vhd", "fixed", 40960, 0, undefined],
  );
  assertEquals([disk.identifier, disk.virtualDiskId], [IDENTIFIER, IDENTIFIER]);
  assertEquals([disk.logicalSectorSize, disk.physicalSectorSize], [512, 512]);
  assertEquals(disk.is4kAligned(), true);
  assertBytesEqual(readImage([disk], 0, 40960), pattern(40960));
});

pureTest("extent() of a fixed image is all of the range", () => {
  const disk = openVhd(new MemorySource(image));
  assertEquals(disk.extent(5, 40960), { kind: "file", offset: 5, length: 40955, fileOffset: 5 });
});

pureTest("openVhd(): a fixed image with a footer of 511 bytes reads as any other", () => {
  const disk = openVhd(new MemorySource(image.slice(0, -1)));
  assertBytesEqual(readImage([disk], 0, disk.virtualSize), pattern(40960));
});

pureTest("openVhd(): a fixed image may be longer than its disk", () => {
  const longer = image.slice();
  viewAt(longer).setBigUint64(40960 + 48, 512n, false); // CurrentSize
  sealFooter(longer, 40960);
  assertEquals(openVhd(new MemorySource(longer)).virtualSize, 512);
});

pureTest("openVhd(): a fixed image may have the data offset that VHD 1.0 prints, 32 ones", () => {
  const other = image.slice();
  viewAt(other).setBigUint64(40960 + 16, 0xffffffffn, false);
  sealFooter(other, 40960);
  assertEquals(openVhd(new MemorySource(other)).subtype, "fixed");
});

pureTest(
  "openVhd(): CurrentSize is the size of the disk, whoever made it and whatever the geometry",
  () => {
    for (const creator of ["vpc ", "qemu", "vbox", "d2v\0", "\0\0\0\0"]) {
      const other = image.slice();
      other.set(new TextEncoder().encode(creator), 40960 + 28);
      viewAt(other).setUint32(40960 + 56, 0, false); // DiskGeometry
      sealFooter(other, 40960);
      assertEquals(openVhd(new MemorySource(other)).virtualSize, 40960, JSON.stringify(creator));
    }
  },
);

const SIZE = 8192;
const OTHER_IDENTIFIER = "fedcba98-7654-3210-fedc-ba9876543210";

pureTest("openWritableVhd() writes a fixed image in its place", async (t) => {
  for (const lacking of [0, 1]) {
    await t.step(`footer of ${512 - lacking} bytes`, () => {
      const image = newVhd({ subtype: "fixed", virtualSize: SIZE });
      const file = SparseFile.of(image.slice(0, image.length - lacking));
      const disk = openWritableVhd(file);
      const expected = new Uint8Array(SIZE);
      disk.write(pattern(1024), 512);
      expected.set(pattern(1024), 512);
      disk.write(pattern(512, 3), SIZE - 512);
      expected.set(pattern(512, 3), SIZE - 512);
      disk.trim(0, SIZE);
      disk.finish();
      assertBytesEqual(readImage([openVhd(file)], 0, SIZE), expected);
      assertEquals(file.size, SIZE + 512 - lacking);

      disk.setUniqueId!(OTHER_IDENTIFIER);
      assertEquals([disk.identifier, disk.virtualDiskId], [OTHER_IDENTIFIER, OTHER_IDENTIFIER]);
      assertEquals(openVhd(file).identifier, OTHER_IDENTIFIER);
      assertBytesEqual(readImage([openVhd(file)], 0, SIZE), expected);
      assertEquals(file.size, SIZE + 512);
    });
  }
});
