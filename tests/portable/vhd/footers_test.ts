/** Footers of images that are being written. */
import { assertEquals } from "@std/assert";
import { footerFault } from "../../../src/portable/vhd/footer.ts";
import { openVhd, openWritableVhd } from "../../../src/portable/vhd/open.ts";
import { Random } from "../../fuzz/random.ts";
import { assertBytesEqual, pattern } from "../../support.ts";
import { readImage } from "../image/read_image.ts";
import { randomWork } from "./random_work.ts";
import { BLOCK, bytesOf, recorded, writes } from "./recorded_vhd.ts";
import { newVhd } from "./vhd_builder.ts";
import { pureTest } from "../../pure.ts";

const OTHER_IDENTIFIER = "fedcba98-7654-3210-fedc-ba9876543210";

pureTest("setUniqueId() changes the trailing footer, then the copy", () => {
  for (const image of [newVhd(), newVhd().slice(0, -1)]) {
    const source = recorded(image);
    const disk = openWritableVhd(source);
    disk.setUniqueId!(OTHER_IDENTIFIER);
    assertEquals([disk.identifier, disk.virtualDiskId], [OTHER_IDENTIFIER, OTHER_IDENTIFIER]);
    const end = Math.floor(image.length / 512) * 512 - (image.length % 512 === 0 ? 512 : 0);
    assertEquals(writes(source), [[end], [0], []]);
    assertEquals(openVhd(source).identifier, OTHER_IDENTIFIER);
    const bytes = bytesOf(source);
    assertBytesEqual(bytes.slice(-512), bytes.slice(0, 512));
    // Later footers have it too.
    disk.write(pattern(BLOCK), 0);
    disk.finish();
    assertEquals(openVhd(source).identifier, OTHER_IDENTIFIER);
  }
});

pureTest("setUniqueId(): a footer astride two sectors stays until another is behind it", () => {
  const image = newVhd();
  const astride = new Uint8Array(image.length + 100);
  astride.set(image.subarray(0, -512));
  astride.set(image.subarray(-512), image.length - 412);
  const source = recorded(astride);
  const disk = openWritableVhd(source);
  disk.setUniqueId!(OTHER_IDENTIFIER);
  assertEquals(writes(source), [[image.length + 512 - (image.length % 512)], [0], []]);
  disk.write(pattern(BLOCK), 0);
  disk.finish();
  assertEquals(openVhd(source).identifier, OTHER_IDENTIFIER);
  assertBytesEqual(readImage([openVhd(source)], 0, BLOCK), pattern(BLOCK));
});

pureTest(
  "the file ends with a good footer after every single change, for readers that know no copy",
  () => {
    for (let seed = 0; seed < 20; seed++) {
      const source = recorded(newVhd());
      const random = new Random(seed);
      const reopen = () => openWritableVhd(source);
      randomWork(reopen(), new Uint8Array(10 * BLOCK), random, { operations: 60, reopen });
      const file = source.base.fork();
      const last = new Uint8Array(512);
      for (const change of source.changes) {
        if (change.kind === "write") file.writeAt(change.bytes, change.offset);
        else if (change.kind === "truncate") file.truncate(change.size);
        file.readAt(last, file.size - 512);
        assertEquals(footerFault(last), undefined, `seed ${seed}`);
      }
    }
  },
);
