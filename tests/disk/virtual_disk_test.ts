import { assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { type VirtualDisk, VirtualDiskError } from "@virtdisk/virtdisk";
import { createImage } from "../create_image.ts";
import { TempDir } from "../support.ts";

const GUID = "00112233-4455-6677-8899-aabbccddeeff";
const ONLY_WINDOWS = /The native backend can|Only Windows attaches/;

/** What only Windows can do: at once, or as a promise that is rejected. */
const NATIVE_ONLY: [operation: string, run: (disk: VirtualDisk) => unknown, isLater?: true][] = [
  ["AttachVirtualDisk", (disk) => disk.attach(), true],
  ["DetachVirtualDisk", (disk) => disk.detach()],
  ["GetVirtualDiskPhysicalPath", (disk) => disk.physicalPath()],
  ["MirrorVirtualDisk", (disk) => disk.mirror("copy.vhdx"), true],
  ["BreakMirrorVirtualDisk", (disk) => disk.breakMirror(), true],
  ["ForkVirtualDisk", (disk) => disk.fork("copy.vhdx"), true],
  ["CompleteForkVirtualDisk", (disk) => disk.completeFork(), true],
  ["QueryChangesVirtualDisk", (disk) => disk.queryChanges("id")],
  ["RawSCSIVirtualDisk", (disk) => disk.rawScsi({ cdb: Uint8Array.of(0) })],
  ["GetStorageDependencyInformation", (disk) => disk.storageDependencies()],
  ["TakeSnapshotVhdSet", (disk) => disk.takeSnapshot()],
  ["DeleteSnapshotVhdSet", (disk) => disk.deleteSnapshot(GUID)],
  ["ApplySnapshotVhdSet", (disk) => disk.applySnapshot(GUID)],
  ["ModifyVhdSet", (disk) => disk.modifyVhdSet({ kind: "remove-snapshot", snapshotId: GUID })],
];

Deno.test("VirtualDisk: what only Windows can do says so, and which backend has it", async (t) => {
  using dir = new TempDir();
  const disk = await createImage(dir.file("a.vhdx"), { size: 8 << 20 });
  for (const [operation, run, isLater] of NATIVE_ONLY) {
    await t.step(operation, async () => {
      const error = await failureOf(() => run(disk), isLater);
      assertEquals([error.symbol, error.operation, error.path], [
        "ERROR_NOT_SUPPORTED",
        operation,
        disk.path,
      ]);
      assertMatch(error.message, /the portable backend cannot do it/);
      assertMatch(error.message, ONLY_WINDOWS);
      assertMatch(error.causes.join("\n"), ONLY_WINDOWS);
    });
  }
  disk.close();
  for (const [operation, run, isLater] of NATIVE_ONLY) {
    await t.step(`${operation} after close()`, async () => {
      const error = await failureOf(() => run(disk), isLater);
      assertEquals([error.symbol, error.operation, error.path], [
        "ERROR_INVALID_HANDLE",
        operation,
        disk.path,
      ]);
    });
  }
});

/** The error that is thrown, or, of what is done later, that the promise is rejected with. */
async function failureOf(run: () => unknown, isLater = false): Promise<VirtualDiskError> {
  if (!isLater) return assertThrows(run, VirtualDiskError);
  const promise = run();
  return await assertRejects(() => promise as Promise<unknown>, VirtualDiskError);
}
