import { assertEquals, assertGreater, assertLessOrEqual } from "@std/assert";
import { createVirtualDisk } from "@virtdisk/virtdisk";
import { sampledRows } from "../../sampling.ts";
import { onlyOn, pattern, ROOT, run, TempDir, testWith } from "../../support.ts";

const MIB = 1 << 20;
const TIB = 2 ** 40;
const CHILD = `${ROOT}/tests/portable/operations/children/convert_sparse.ts`;
const BOUND_MIB = 256;

// The sample has the most blocks, a file without a table, and a stream, which is a VHD.
const WAYS = ["vhdx with blocks of 1 MiB", "vhd", "fixed vhdx", "vhdx", "stream"];

testWith(
  [onlyOn("linux")],
  "createVirtualDisk(): a sparse disk of 1 TiB is converted in little memory",
  async (t) => {
    using dir = new TempDir();
    const source = dir.file("source.vhdx");
    {
      using disk = await createVirtualDisk(source, {
        size: TIB,
        blockSize: MIB,
        backend: "portable",
      });
      // Some data, of which a part is the last of the disk.
      for (let i = 0; i < 100; i++) disk.writeSync(pattern(MIB, i), i * 9 * 2 ** 30);
      disk.writeSync(pattern(MIB), TIB - MIB);
    }
    for (const way of sampledRows(WAYS, 2)) {
      await t.step(way, () => {
        const target = dir.file("target");
        const output = run(Deno.execPath(), "run", "-A", CHILD, way, source, target);
        const peak = Number(output) / 1024;
        console.log(`${way}: ${peak.toFixed(0)} MiB`);
        assertGreater(peak, 0);
        assertLessOrEqual(peak, BOUND_MIB);
        assertEquals(Deno.statSync(target).isFile, true);
        Deno.removeSync(target);
      });
    }
  },
);
