import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { ImageError } from "../../../src/portable/file/image_error.ts";
import { isIso, openIso } from "../../../src/portable/iso/iso_image.ts";
import { IsoBuilder, MemorySource, SECTOR, udfImage } from "./iso_builder.ts";
import { pureTest } from "../../pure.ts";

/** The error of a refused file, as its caller sees it. */
function refusal(bytes: Uint8Array) {
  const source = new MemorySource(bytes);
  assertEquals(isIso(source), false);
  const error = assertThrows(() => openIso(source), ImageError);
  return error.toVirtualDiskError("OpenVirtualDisk");
}

pureTest("isIso() takes the smallest image, whatever descriptor is in sector 16", async (t) => {
  for (const identifier of ["CD001", "CDW02", "BEA01", "BOOT2", "NSR02", "NSR03", "TEA01"]) {
    await t.step(`${identifier}`, () => {
      assert(isIso(new IsoBuilder(17).head(16, identifier).source));
    });
  }
});

pureTest("isIso() takes a High Sierra image, whose identifier is eight bytes later", () => {
  assert(isIso(new IsoBuilder(17).highSierra(16).source));
});

pureTest("isIso() takes a hybrid image with a partition table in its first sector", () => {
  const image = new IsoBuilder(17).head(16, "CD001", 1);
  image.view.setUint16(510, 0xaa55, true);
  assert(isIso(image.source));
});

pureTest("openIso() describes the disk as Windows does", () => {
  const image = openIso(udfImage(320).source);
  assertEquals(image.format, "iso");
  assertEquals(image.subtype, "unknown");
  assertEquals(image.virtualSize, 320 * SECTOR);
  assertEquals([image.logicalSectorSize, image.physicalSectorSize, image.blockSize], [
    SECTOR,
    SECTOR,
    0,
  ]);
  assertEquals([image.identifier, image.virtualDiskId, image.parent], [
    undefined,
    undefined,
    undefined,
  ]);
  assertEquals(image.is4kAligned(), true);
});

pureTest("extent() of an ISO image is the file itself", () => {
  const image = openIso(new IsoBuilder(17).head(16, "CD001", 1).source);
  assertEquals(image.extent(0, image.virtualSize), {
    kind: "file",
    offset: 0,
    length: 17 * SECTOR,
    fileOffset: 0,
  });
  assertEquals(image.extent(100, 300), { kind: "file", offset: 100, length: 200, fileOffset: 100 });
});

pureTest("openIso() reads sector 16 alone, the volume is read when it is first asked for", () => {
  const source = udfImage().source;
  const image = openIso(source);
  assertEquals(source.reads, [16 * SECTOR]);
  const volume = image.volume;
  const reads = source.reads.length;
  assert(reads > 1);
  assert(image.volume === volume);
  assertEquals(source.reads.length, reads);
});

const lengths: [string, number, string][] = [
  ["an empty file", 0, "at least 34816 bytes"],
  ["a file of 16 sectors", 16 * SECTOR, "at least 34816 bytes"],
  ["a file one byte too short", 17 * SECTOR - 1, "at least 34816 bytes"],
  ["a file with one byte too many", 17 * SECTOR + 1, "a multiple of 2048 bytes"],
  ["a file of half a sector too many", 17 * SECTOR + 1024, "a multiple of 2048 bytes"],
];
pureTest(
  "openIso() refuses a length of no image as ERROR_FILE_CORRUPT, and names it",
  async (t) => {
    for (const [name, size, expected] of lengths) {
      await t.step(`${name}`, () => {
        const bytes = new Uint8Array(size);
        if (size > 16 * SECTOR) bytes.set(new TextEncoder().encode("\x01CD001\x01"), 16 * SECTOR);
        const error = refusal(bytes);
        assertEquals([error.code, error.symbol], [1392, "ERROR_FILE_CORRUPT"]);
        assertEquals(error.detail, {
          structure: "end of the image file",
          offset: size,
          found: `${size} bytes`,
          expected,
        });
      });
    }
  },
);

pureTest("openIso() refuses an unknown identifier as ERROR_FILE_CORRUPT and shows it", () => {
  const error = refusal(new IsoBuilder(20).head(16, "CD009", 1).bytes);
  assertEquals(error.code, 1392);
  assertEquals(error.detail?.structure, "volume identifier in sector 16");
  assertEquals(error.detail?.offset, 32_769);
  assertStringIncludes(String(error.detail?.found), "CD009");
  assertStringIncludes(String(error.detail?.expected), "CD001");
  assertStringIncludes(error.message, "no CDFS or UDFS volume");
});

pureTest("openIso() says of a sector 16 of zeros that the file is incomplete", () => {
  const error = refusal(new Uint8Array(20 * SECTOR));
  assertStringIncludes(error.message, "not written or downloaded completely");
});

/** Files of other formats; `size` where it matters. */
const foreign: [string, string, number, number, string][] = [
  ["a VHDX image", "vhdxfile", 0, 4 * 1024 * 1024, 'type: "vhdx"'],
  ["a fixed VHD image", "conectix", -512, 1024 * 1024 + 512, 'type: "vhd"'],
  ["a dynamic VHD image", "conectix", 0, 40 * SECTOR, 'type: "vhd"'],
  [
    "a raw CD image",
    `\x00${"\xff".repeat(10)}\x00`,
    0,
    2352 * 2048,
    "image of 2048-byte sectors",
  ],
  [
    "a raw CD image of odd length",
    `\x00${"\xff".repeat(10)}\x00`,
    0,
    2352 * 300,
    "sectors of 2352",
  ],
  ["a Nero image, version 1", "NERO", -8, 40 * SECTOR, "Nero image (NRG)"],
  ["a Nero image, version 2", "NER5", -12, 40 * SECTOR + 12, "Nero image (NRG)"],
  ["an MDS description", "MEDIA DESCRIPTOR", 0, 500, "(MDS) of an MDF image"],
  ["a compressed image", "CISO", 0, 40 * SECTOR, "compressed image (CSO)"],
  ["a CUE sheet", 'FILE "disc.bin" BINARY\n', 0, 120, "CUE sheet"],
  ["a CUE sheet with a byte order mark", '\xef\xbb\xbfREM GENRE "x"\n', 0, 120, "CUE sheet"],
  ["a gzip file", "\x1f\x8b\x08", 0, 5000, "gzip"],
];
pureTest("openIso() recognises other images that were renamed", async (t) => {
  for (const [name, signature, offset, size, expected] of foreign) {
    await t.step(`${name}`, () => {
      const bytes = new Uint8Array(size);
      const at = offset < 0 ? size + offset : offset;
      for (let i = 0; i < signature.length; i++) bytes[at + i] = signature.charCodeAt(i);
      const error = refusal(bytes);
      assertEquals(error.code, 1392);
      assertStringIncludes(error.message, "not an ISO image but");
      assertStringIncludes(error.message, expected);
      assert(error.detail !== undefined);
    });
  }
});

pureTest("openIso() passes an I/O failure on as it is", () => {
  const failing = {
    path: "/images/disc.iso",
    size: 17 * SECTOR,
    readAt(): number {
      throw new ImageError("ERROR_IO_DEVICE", { path: this.path });
    },
  };
  assertEquals(assertThrows(() => openIso(failing), ImageError).symbol, "ERROR_IO_DEVICE");
  assertEquals(assertThrows(() => isIso(failing), ImageError).symbol, "ERROR_IO_DEVICE");
});

pureTest("isIso() is false for a file that has shrunk since it was opened", () => {
  const shrunk = { path: "/images/disc.iso", size: 17 * SECTOR, readAt: () => 0 };
  assertEquals(isIso(shrunk), false);
});
