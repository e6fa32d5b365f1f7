import { assertEquals, assertGreater, assertLessOrEqual } from "@std/assert";
import { openVirtualDisk } from "@virtdisk/virtdisk";
import { createImage } from "../../create_image.ts";
import { assertBytesEqual, onlyOn, pattern, ROOT, run, TempDir, testWith } from "../../support.ts";

const MIB = 1 << 20;
const TIB = 2 ** 40;
const CHILD = `${ROOT}/tests/portable/operations/children/compact_sparse.ts`;
const BOUND_MIB = 256;
const BLOCKS = 100;
const STEP = 9 * 2 ** 30;

for (const type of ["vhd", "vhdx"] as const) {
  testWith(
    [onlyOn("linux")],
    `compact(): a sparse ${type} of 1 TiB is compacted in little memory`,
    async () => {
      using dir = new TempDir();
      const path = dir.file(`disk.${type}`);
      const blockSize = type === "vhd" ? MIB / 2 : MIB;
      {
        using disk = await createImage(path, { size: TIB, blockSize });
        for (let i = 0; i < BLOCKS; i++) disk.writeSync(pattern(blockSize, i), i * STEP);
        for (let i = 0; i < BLOCKS; i += 2) disk.writeSync(new Uint8Array(blockSize), i * STEP);
      }
      const before = Deno.statSync(path).size;
      const [peak, releasedBlocks] = run(Deno.execPath(), "run", "-A", CHILD, path).split(" ");
      assertEquals(Number(releasedBlocks), BLOCKS / 2);
      assertGreater(before - Deno.statSync(path).size, (BLOCKS / 2 - 2) * blockSize);
      assertLessOrEqual(Number(peak) / 1024, BOUND_MIB);
      using disk = await openVirtualDisk(path, { backend: "portable" });
      const bytes = new Uint8Array(blockSize);
      for (let i = 0; i < BLOCKS; i++) {
        disk.readSync(bytes, i * STEP);
        assertBytesEqual(bytes, i % 2 === 0 ? new Uint8Array(blockSize) : pattern(blockSize, i));
      }
    },
  );
}
