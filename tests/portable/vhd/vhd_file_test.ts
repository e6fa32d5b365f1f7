import { assert, assertEquals } from "@std/assert";
import { SparseVhdFile, VhdFile } from "../../../src/portable/vhd/vhd_file.ts";
import { SparseFile } from "../../crash/sparse_file.ts";
import { pureTest } from "../../pure.ts";
import { pattern } from "../../support.ts";
import { DYNAMIC_TABLE, newVhd, withBlock } from "./vhd_builder.ts";

pureTest("holdsBlock() says whether a part of the file shares bytes with a block", () => {
  const image = withBlock(newVhd(), DYNAMIC_TABLE, 3, [0xff], pattern(4096));
  // The block is the last thing before the footer: a sector of bitmap, then the data.
  const end = image.length - 512;
  const start = end - 4096 - 512;
  const file = VhdFile.open(SparseFile.of(image));
  assert(file instanceof SparseVhdFile);
  for (
    const [from, to, holds] of [
      [start - 512, start, false],
      [start - 512, start + 1, true],
      [start, start + 512, true],
      [end - 512, end, true],
      [end - 1, end + 511, true],
      [end, end + 512, false],
      [start - 512, end + 512, true],
    ] as const
  ) {
    assertEquals(file.holdsBlock({ offset: from, length: to - from }), holds, `${from} to ${to}`);
  }
});
