import { assertEquals, assertThrows } from "@std/assert";
import { ImageError } from "../../../src/portable/file/image_error.ts";
import { openRaw } from "../../../src/portable/raw/format.ts";
import { pattern } from "../../support.ts";
import { MemorySource } from "../file/memory_source.ts";
import { pureTest } from "../../pure.ts";

pureTest("a raw disk is its file, byte for byte", () => {
  const image = openRaw(new MemorySource(pattern(4096)));
  assertEquals([image.format, image.subtype, image.virtualSize], ["raw", "unknown", 4096]);
  assertEquals(image.extent(100, 4096), {
    kind: "file",
    offset: 100,
    length: 3996,
    fileOffset: 100,
  });
  assertEquals([image.identifier, image.virtualDiskId, image.parent], [
    undefined,
    undefined,
    undefined,
  ]);
  assertEquals(image.is4kAligned(), true);
});

pureTest("a raw disk that is no whole number of sectors has sectors of a byte", () => {
  const sizes = [512, 513].map((size) => openRaw(new MemorySource(pattern(size))));
  assertEquals(sizes.map((image) => image.logicalSectorSize), [512, 1]);
});

pureTest("an empty file is no disk", () => {
  const error = assertThrows(() => openRaw(new MemorySource(new Uint8Array(0))), ImageError);
  assertEquals(error.symbol, "ERROR_FILE_CORRUPT");
});
