/**
 * Children with blocks in the parent, in the child and in part in either, read by libvhdi and here.
 * (Of blocks in the states ZERO and UNMAPPED libvhdi asks the parent, against the specification.)
 */
import { ImageFile } from "../../src/portable/file/image_file.ts";
import { openVhdx } from "../../src/portable/vhdx/image.ts";
import { assertBytesEqual, pattern, TempDir, testWith } from "../support.ts";
import { readImage } from "../portable/image/read_image.ts";
import { MIB, PARENT_ID, VhdxBuilder } from "../portable/vhdx/vhdx_builder.ts";
import { LIBVHDI, libvhdiRead } from "./vhd_oracles.ts";

/** Block 3 whole, 4, 5 and 7 in part, the others absent. */
function writeBlocks(child: VhdxBuilder, chunkRatio: number, sectorsPerBlock: number): void {
  const bitmap = child.append(MIB);
  const payload = child.append(pattern(4 * MIB, 100)) / MIB;
  child.bat(3, 6, payload);
  child.bat(chunkRatio, 6, bitmap / MIB);
  for (const [i, block] of [4, 5, 7].entries()) {
    child.bat(block, 7, payload + 1 + i);
    const first = bitmap + block * sectorsPerBlock / 8;
    // Runs of many lengths, and bytes that read otherwise from the other end.
    for (let byte = 0; byte < sectorsPerBlock / 8; byte++) {
      child.bytes[first + byte] = [0x01, 0x00, 0xff, 0xf0, 0x2c][(byte + i) % 5]!;
    }
  }
}

for (const sectorSize of [512, 4096]) {
  testWith(
    LIBVHDI,
    `readSync(): libvhdi reads a child with sectors of ${sectorSize} as it is read here`,
    () => {
      using dir = new TempDir();
      const paths = ["child.vhdx", "base.vhdx"].map((name) => dir.file(name));
      const child = new VhdxBuilder({ subtype: "differencing", logicalSectorSize: sectorSize });
      writeBlocks(child, 8 * sectorSize, MIB / sectorSize);
      const parent = new VhdxBuilder({ logicalSectorSize: sectorSize, virtualSize: 8 * MIB });
      parent.headers((header) => parent.guid(header + 32, PARENT_ID));
      const blocks = parent.append(pattern(8 * MIB)) / MIB;
      for (let block = 0; block < 8; block++) parent.bat(block, 6, blocks + block);
      for (const [i, { bytes }] of [child, parent].entries()) Deno.writeFileSync(paths[i]!, bytes);
      const whole = [{ offset: 0, length: 8 * MIB }];
      const seen = libvhdiRead(paths, whole, dir.file("seen"));
      using childFile = ImageFile.open(paths[0]!);
      using parentFile = ImageFile.open(paths[1]!);
      assertBytesEqual(readImage([openVhdx(childFile), openVhdx(parentFile)], 0, 8 * MIB), seen);
    },
  );
}
