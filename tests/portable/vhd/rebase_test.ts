/** Where the paths of another parent go in a differencing VHD. */
import { assertEquals } from "@std/assert";
import { openVhd, openWritableVhd } from "../../../src/portable/vhd/open.ts";
import { pureTest } from "../../pure.ts";
import { SparseFile } from "../../crash/sparse_file.ts";
import { assertBytesEqual, pattern } from "../../support.ts";
import { readImage } from "../image/read_image.ts";
import { DIFFERENCING_TABLE, newVhd, PARENT_IDENTIFIER, viewAt, withBlock } from "./vhd_builder.ts";

const BLOCK = 4096;

pureTest("rebase() writes no path over a block that lies in the room of the former path", () => {
  const image = withBlock(
    newVhd({ subtype: "differencing" }),
    DIFFERENCING_TABLE,
    0,
    [0xff],
    pattern(BLOCK),
  );
  // From 0x3000 on there is room for 64 KiB of the relative path, of which 24 bytes are in use.
  const from = image.length - 512 - BLOCK - 512;
  const to = 0x3200;
  image.copyWithin(to, from, from + 512 + BLOCK);
  viewAt(image).setUint32(DIFFERENCING_TABLE, to / 512, false);
  const file = SparseFile.of(image);
  const disk = openWritableVhd(file);
  const name = `${"x".repeat(400)}.vhd`;
  disk.rebase!({
    identifier: PARENT_IDENTIFIER,
    relativePath: `.\\${name}`,
    absolutePath: undefined,
  });
  const opened = openVhd(file);
  assertBytesEqual(readImage([opened], 0, BLOCK), pattern(BLOCK));
  assertEquals(JSON.stringify(opened.parent!.locators).includes(name), true);
});
