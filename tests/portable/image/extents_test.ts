import { assertEquals, assertThrows } from "@std/assert";
import {
  chainExtents,
  fetchedChainExtents,
  readChain,
} from "../../../src/portable/image/extents.ts";
import type { DiskImage } from "../../../src/portable/image/image.ts";
import { ImageError } from "../../../src/portable/file/image_error.ts";
import { Random } from "../../fuzz/random.ts";
import { assertBytesEqual } from "../../support.ts";
import { pureTest } from "../../pure.ts";
import { CellImage, oracleByte } from "./cell_image.ts";

pureTest("readChain() agrees with a plain byte array, over random chains", () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = new Random(seed);
    const size = 1 + random.below(400);
    const images: CellImage[] = [];
    const depth = 1 + random.below(5);
    for (let level = 0; level < depth; level++) {
      const isLast = level === depth - 1;
      const length = level === 0 ? size : 1 + random.below(500);
      const cellSize = 1 + random.below(40);
      const cells = Array.from(
        { length: Math.ceil(length / cellSize) },
        () => random.pick(["file", "zero", isLast ? "zero" : "parent"] as const),
      );
      const bytes = Uint8Array.from({ length }, () => 1 + random.below(255));
      images.push(new CellImage(bytes, cells, cellSize));
    }
    const oracle = Uint8Array.from({ length: size }, (_, i) => oracleByte(images, i));
    for (let round = 0; round < 20; round++) {
      const offset = random.below(size);
      const buffer = new Uint8Array(random.below(size - offset) + 1).fill(7);
      readChain(images, buffer, offset);
      assertBytesEqual(buffer, oracle.subarray(offset, offset + buffer.length), `seed ${seed}`);
    }
    const extents = [...chainExtents(images, 0, size)];
    assertEquals(extents.reduce((sum, { length }) => sum + length, 0), size, `seed ${seed}`);
    let position = 0;
    for (const extent of extents) {
      assertEquals(extent.offset, position, `seed ${seed}`);
      position += extent.length;
    }
  }
});

pureTest("chainExtents() joins neighbours that continue each other, and no others", async () => {
  const bytes = new Uint8Array(40);
  const child = new CellImage(bytes, ["file", "file", "zero", "zero", "parent"], 8);
  const extents = [...chainExtents([child], 0, 40)];
  const kinds = extents.map(({ kind, length }) => [kind, length]);
  assertEquals(kinds, [["file", 16], ["zero", 16], ["absent", 8]]);
  assertEquals(await Array.fromAsync(fetchedChainExtents([child], 0, 40)), extents);
});

pureTest("readChain() refuses bytes of a parent that is not open", () => {
  const child = new CellImage(new Uint8Array(8), ["parent"], 8);
  const error = assertThrows(() => readChain([child], new Uint8Array(1), 3), ImageError);
  assertEquals(error.symbol, "ERROR_VHD_INVALID_STATE");
});

pureTest("readChain() notices a file that has become shorter", () => {
  const child = new CellImage(new Uint8Array(8), ["file"], 8);
  const shorter = { ...child.source, readAt: () => 3 };
  const image: DiskImage = Object.assign(Object.create(child), { source: shorter });
  const error = assertThrows(() => readChain([image], new Uint8Array(8), 0), ImageError);
  assertEquals(error.symbol, "ERROR_HANDLE_EOF");
});
