import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { type VirtualDisk, VirtualDiskError } from "@virtdisk/virtdisk";
import { createImage } from "../create_image.ts";
import { TempDir } from "../support.ts";

const ONLY_WINDOWS = /The native backend can|Only Windows attaches/;

/** What only Windows can do. */
const NATIVE_ONLY: [operation: string, run: (disk: VirtualDisk) => unknown][] = [
  ["AttachVirtualDisk", (disk) => disk.attach()],
  ["DetachVirtualDisk", (disk) => disk.detach()],
  ["GetVirtualDiskPhysicalPath", (disk) => disk.physicalPath()],
  ["MirrorVirtualDisk", (disk) => disk.mirror("copy.vhdx")],
  ["BreakMirrorVirtualDisk", (disk) => disk.breakMirror()],
  ["ForkVirtualDisk", (disk) => disk.fork("copy.vhdx")],
  ["CompleteForkVirtualDisk", (disk) => disk.completeFork()],
];

for (const [operation, run] of NATIVE_ONLY) {
  Deno.test(`${operation} is for the native backend, says the portable one`, async () => {
    using dir = new TempDir();
    const disk = await createImage(dir.file("a.vhdx"), { size: 3 << 20 });
    for (const symbol of ["ERROR_NOT_SUPPORTED", "ERROR_INVALID_HANDLE"]) {
      const error = await assertRejects(async () => await run(disk), VirtualDiskError);
      assertEquals([error.symbol, error.operation, error.path], [symbol, operation, disk.path]);
      if (symbol === "ERROR_NOT_SUPPORTED") {
        assertMatch(error.causes.join("\n"), ONLY_WINDOWS);
      }
      disk.close();
    }
  });
}
