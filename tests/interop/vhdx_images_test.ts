/** Images that Windows 10 made (see ../shared/images). */
import { assertEquals } from "@std/assert";
import { ImageFile } from "../../src/portable/file/image_file.ts";
import { openVhdx } from "../../src/portable/vhdx/image.ts";
import { sampledRows } from "../sampling.ts";
import { fileHash, sharedImageNeed, TempDir, testWith, unpackSharedImage } from "../support.ts";
import { diskHash } from "./disk_hash.ts";

const GIB = 2 ** 30;

/** What QEMU and libvhdi say of the images; the last one after QEMU replayed the log of a copy. */
const IMAGES = [
  {
    name: "btrfs.vhdx.gz",
    virtualSize: GIB,
    identifier: "f8f17a4f-f9cc-4303-86e8-50f9cf42c339",
    hash: "0b959f9cb4e18348ad8b646f152178282542c8304f02fddf765e3fd1a1de6864",
  },
  {
    name: "swap.vhdx.gz",
    virtualSize: 10 * GIB,
    identifier: "e07e1087-f0ff-4f0c-a72d-3feb69c6d4e6",
    hash: "60dd30b4c74361427d1089510cabb36e2eeda0cc4747f467ea43173acd358c49",
  },
  {
    name: "vhdx-log-replay.vhdx.gz",
    virtualSize: GIB,
    hash: "3ba3b309425b7ff5e8e0199edceed95226250f880c53b24e8eae93865f3fad5e",
  },
];

// The hash of the largest takes as long as a hundred other tests.
for (const { name, virtualSize, identifier, hash } of sampledRows(IMAGES, 3)) {
  testWith(
    [sharedImageNeed(name)],
    `${name} of Windows 10 reads right and stays as it is`,
    async () => {
      using dir = new TempDir();
      const path = await unpackSharedImage(name, dir);
      const before = fileHash(path);
      {
        using file = ImageFile.open(path);
        const image = openVhdx(file);
        assertEquals(
          [image.subtype, image.virtualSize, image.blockSize, image.physicalSectorSize],
          ["dynamic", virtualSize, 32 * 2 ** 20, 4096],
        );
        if (identifier !== undefined) assertEquals(image.identifier, identifier);
        assertEquals(diskHash(image), hash);
      }
      assertEquals(fileHash(path), before);
    },
  );
}
