/** What of a damaged image can be read, if its own reader refuses more the farther one looks. */
import { assertEquals, assertThrows } from "@std/assert";
import { ImageError } from "../../../src/portable/file/image_error.ts";
import type { DiskImage, ImageExtent } from "../../../src/portable/image/image.ts";
import { TolerantImage } from "../../../src/portable/image/tolerant_image.ts";
import { damaged } from "../../../src/portable/file/image_error.ts";
import { pureTest } from "../../pure.ts";
import { openVhd } from "../../../src/portable/vhd/open.ts";
import { MemorySource } from "../file/memory_source.ts";
import { newVhd } from "../vhd/vhd_builder.ts";

const SECTOR = 512;
const SECTORS = 16;

/** A disk of one block, of which `read` says what it refuses. */
function tolerant(
  read: (end: number) => void,
  blockSize: number = SECTORS * SECTOR,
): TolerantImage {
  const source = new MemorySource(newVhd());
  const sound = openVhd(source);
  const image: DiskImage = {
    format: sound.format,
    subtype: sound.subtype,
    source,
    virtualSize: SECTORS * SECTOR,
    blockSize,
    logicalSectorSize: SECTOR,
    physicalSectorSize: SECTOR,
    identifier: sound.identifier,
    virtualDiskId: sound.virtualDiskId,
    parent: undefined,
    is4kAligned: () => true,
    extent(offset, end): ImageExtent {
      read(end);
      return { kind: "file", offset, length: end - offset, fileOffset: offset };
    },
  };
  return new TolerantImage({
    image,
    source,
    virtualSize: image.virtualSize,
    identifier: undefined,
    virtualDiskId: undefined,
    hasMetadata: false,
    lossOf: () => "bitmap",
    present: (_, length) => length,
  });
}

const damage = () =>
  damaged(new MemorySource(newVhd()), "ERROR_FILE_CORRUPT", "sector bitmap", 0, "one", "another");

pureTest("TolerantImage: a bitmap counts as far as it can be read", () => {
  for (let readable = 1; readable < SECTORS; readable++) {
    const image = tolerant((end) => {
      if (end > readable * SECTOR) throw damage();
    });
    const end = SECTORS * SECTOR;
    const { kind, length } = image.extent(0, end);
    assertEquals([kind, length], ["file", readable * SECTOR]);
    const lost = image.extent(readable * SECTOR, end);
    assertEquals([lost.kind, lost.length], ["lost", end - readable * SECTOR]);
  }
});

pureTest(
  "TolerantImage: what is no damage is an error, also while the bitmap is looked through",
  () => {
    const image = tolerant((end) => {
      if (end === SECTORS * SECTOR) throw damage();
      throw new ImageError("ERROR_IO_DEVICE", { path: "" });
    });
    const error = assertThrows(() => image.extent(0, SECTORS * SECTOR), ImageError);
    assertEquals(error.symbol, "ERROR_IO_DEVICE");
  },
);

pureTest("TolerantImage: an image without blocks is read on behind what is lost", () => {
  const image = tolerant((end) => {
    if (end <= SECTOR) throw damage();
  }, 0);
  assertEquals(image.extent(0, SECTOR).kind, "lost");
  const { kind, length } = image.extent(SECTOR, 3 * SECTOR);
  assertEquals([kind, length], ["file", 2 * SECTOR]);
});
