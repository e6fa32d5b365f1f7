import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { VirtualDiskError } from "../../src/errors/error.ts";
import { type Libraries, loadLibraries } from "../../src/native/ffi/library.ts";
import { type NativeVirtualDisk, openNative } from "../../src/native/native_disk.ts";
import { openRequest } from "../../src/disk/open_request.ts";
import { buildDouble, oldDoubleNeed } from "../double/double.ts";
import { testWith } from "../support.ts";
import { IMAGE } from "./with_double.ts";

const GUID = "00112233-4455-6677-8899-aabbccddeeff";

// Loaded before any test begins, for the libraries stay loaded, which a test may not do.
const windows8: Libraries | undefined = oldDoubleNeed() === undefined
  ? loadLibraries(buildDouble({ old: true }))
  : undefined;

const CALLS: [operation: string, call: (disk: NativeVirtualDisk) => unknown][] = [
  ["QueryChangesVirtualDisk", (disk) => [...disk.queryChanges("id", { length: 1 })]],
  ["TakeSnapshotVhdSet", (disk) => disk.takeSnapshot()],
  ["DeleteSnapshotVhdSet", (disk) => disk.deleteSnapshot(GUID)],
  ["ApplySnapshotVhdSet", (disk) => disk.applySnapshot(GUID)],
  ["ModifyVhdSet", (disk) => disk.modifyVhdSet({ kind: "remove-snapshot", snapshotId: GUID })],
  ["RawSCSIVirtualDisk", (disk) => disk.rawScsi({ cdb: Uint8Array.of(0) })],
];

testWith(
  [oldDoubleNeed],
  "ERROR_CALL_NOT_IMPLEMENTED on Windows 8 says which Windows has the function",
  async (t) => {
    for (const [operation, call] of CALLS) {
      await t.step(operation, () => {
        using disk = openNative(openRequest(IMAGE, { readOnly: false }), windows8!);
        const error = assertThrows(() => call(disk), VirtualDiskError);
        assertEquals([error.symbol, error.operation], ["ERROR_CALL_NOT_IMPLEMENTED", operation]);
        assertMatch(error.causes[0]!, /Windows 10 or Windows Server 2016/);
      });
    }
  },
);
