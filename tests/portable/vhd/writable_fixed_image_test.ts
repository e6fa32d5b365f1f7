import { assertEquals } from "@std/assert";
import { openVhd, openWritableVhd } from "../../../src/portable/vhd/open.ts";
import { SparseFile } from "../../crash/sparse_file.ts";
import { assertBytesEqual, pattern } from "../../support.ts";
import { readImage } from "../image/read_image.ts";
import { newVhd } from "./vhd_builder.ts";

const SIZE = 8192;
const OTHER_IDENTIFIER = "fedcba98-7654-3210-fedc-ba9876543210";

for (const lacking of [0, 1]) {
  Deno.test(`a fixed image with a footer of ${512 - lacking} bytes is written in its place`, () => {
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
