import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { type VirtualDisk, VirtualDiskError } from "@virtdisk/virtdisk";
import { createImage } from "../create_image.ts";
import { TempDir } from "../support.ts";

const GUID = "00112233-4455-6677-8899-aabbccddeeff";

const CALLS: [operation: string, call: (disk: VirtualDisk) => unknown][] = [
  ["QueryChangesVirtualDisk", (disk) => disk.queryChanges("id")],
  ["RawSCSIVirtualDisk", (disk) => disk.rawScsi({ cdb: Uint8Array.of(0) })],
  ["GetStorageDependencyInformation", (disk) => disk.storageDependencies()],
  ["TakeSnapshotVhdSet", (disk) => disk.takeSnapshot()],
  ["DeleteSnapshotVhdSet", (disk) => disk.deleteSnapshot(GUID)],
  ["ApplySnapshotVhdSet", (disk) => disk.applySnapshot(GUID)],
  ["ModifyVhdSet", (disk) => disk.modifyVhdSet({ kind: "remove-snapshot", snapshotId: GUID })],
];

Deno.test("what needs Windows' driver says so, and which backend has it", async (t) => {
  using dir = new TempDir();
  const disk = await createImage(dir.file("a.vhdx"), { size: 8 << 20 });
  for (const [operation, call] of CALLS) {
    await t.step(operation, () => {
      const error = assertThrows(() => call(disk), VirtualDiskError);
      assertEquals([error.symbol, error.operation, error.path], [
        "ERROR_NOT_SUPPORTED",
        operation,
        disk.path,
      ]);
      assertMatch(
        error.message,
        /the portable backend cannot do it.*(?:The native backend can|Only Windows attaches)/,
      );
    });
  }
  disk.close();
  for (const [operation, call] of CALLS) {
    await t.step(`${operation} after close()`, () => {
      const error = assertThrows(() => call(disk), VirtualDiskError);
      assertEquals([error.symbol, error.operation], ["ERROR_INVALID_HANDLE", operation]);
    });
  }
});
