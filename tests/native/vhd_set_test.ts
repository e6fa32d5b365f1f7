import { assertEquals, assertMatch, assertNotEquals, assertThrows } from "@std/assert";
import { VirtualDiskError } from "../../src/errors/error.ts";
import type { VhdSetChange } from "../../src/disk/driver_options.ts";
import { type DoubleContext, IMAGE, testWithDouble } from "./with_double.ts";

const A = "00112233-4455-6677-8899-aabbccddeeff";
const B = "fedcba98-7654-3210-0123-456789abcdef";
const NIL = "00000000-0000-0000-0000-000000000000";
const SET = "C:\\images\\shared.vhds";

function openSet({ open }: DoubleContext) {
  return open(SET, { type: "vhdset", readOnly: false });
}

testWithDouble("takeSnapshot passes the id, or makes one up", (context) => {
  using set = openSet(context);
  const last = () => context.double.lastCall("TakeSnapshotVhdSet");
  assertEquals(set.takeSnapshot({ snapshotId: `{${A.toUpperCase()}}` }), A);
  const { version, snapshotId, flags, handle } = last();
  assertEquals([version, snapshotId, flags, handle], [1, A, 0, Number(set.handle)]);
  const first = set.takeSnapshot({ writable: true });
  assertEquals([last().snapshotId, last().flags], [first, 1]);
  assertNotEquals(set.takeSnapshot(), first);
});

testWithDouble("deleteSnapshot passes the id and whether a reference point stays", (context) => {
  using set = openSet(context);
  const last = () => context.double.lastCall("DeleteSnapshotVhdSet");
  set.deleteSnapshot(A);
  assertEquals([last().version, last().snapshotId, last().flags], [1, A, 0]);
  set.deleteSnapshot(B, { persistReferencePoint: true });
  assertEquals([last().snapshotId, last().flags], [B, 1]);
});

testWithDouble("applySnapshot discards the present state, or keeps it as a snapshot", (context) => {
  using set = openSet(context);
  const last = () => context.double.lastCall("ApplySnapshotVhdSet");
  set.applySnapshot(A);
  assertEquals([last().version, last().snapshotId, last().leafSnapshotId, last().flags], [
    1,
    A,
    NIL,
    0,
  ]);
  set.applySnapshot(A, { leafSnapshotId: B, writable: true });
  assertEquals([last().snapshotId, last().leafSnapshotId, last().flags], [A, B, 1]);
});

testWithDouble("modifyVhdSet passes each kind of change", (context) => {
  using set = openSet(context);
  const path = "C:\\moved\\snapshot.avhdx";
  const rows: [change: VhdSetChange, received: Record<string, unknown>][] = [
    [{ kind: "snapshot-path", snapshotId: A, path }, {
      flags: 0,
      version: 1,
      snapshotId: A,
      snapshotFilePath: path,
    }],
    [{ kind: "snapshot-path", snapshotId: A, path, writable: true }, {
      flags: 1,
      version: 1,
      snapshotId: A,
      snapshotFilePath: path,
    }],
    [{ kind: "remove-snapshot", snapshotId: B }, { flags: 0, version: 2, snapshotId: B }],
    [{ kind: "default-path", path }, { flags: 0, version: 3, defaultFilePath: path }],
  ];
  for (const [change, members] of rows) {
    set.modifyVhdSet(change);
    const { order: _, calls: __, ...received } = context.double.lastCall("ModifyVhdSet");
    assertEquals(received as Record<string, unknown>, {
      handle: Number(set.handle),
      parametersGiven: true,
      result: 0,
      ...members,
    });
  }
  set.modifyVhdSet({ kind: "default-path", path: "leaf.avhdx" });
  const { defaultFilePath } = context.double.lastCall("ModifyVhdSet");
  assertMatch(defaultFilePath!, /^[A-Z]:\\.*leaf\.avhdx$/i);
});

testWithDouble("each call throws the code that it got", (context) => {
  using set = openSet(context);
  const rows = [
    ["TakeSnapshotVhdSet", () => set.takeSnapshot()],
    ["DeleteSnapshotVhdSet", () => set.deleteSnapshot(A)],
    ["ApplySnapshotVhdSet", () => set.applySnapshot(A)],
    ["ModifyVhdSet", () => set.modifyVhdSet({ kind: "remove-snapshot", snapshotId: A })],
  ] as const;
  for (const [operation, run] of rows) {
    context.double.nextResult(operation, 1168);
    const error = assertThrows(run, VirtualDiskError);
    assertEquals([error.code, error.operation, error.path], [1168, operation, SET]);
    assertMatch(error.causes[0]!, /no snapshot of that id/);
  }
});

testWithDouble("a disk that is no VHD Set has no snapshots", ({ open }) => {
  using disk = open(IMAGE, { type: "vhdx", readOnly: false });
  const error = assertThrows(() => disk.takeSnapshot(), VirtualDiskError);
  assertEquals(error.symbol, "ERROR_VHD_INVALID_TYPE");
  assertMatch(error.causes[0]!, /\.vhds/);
});

testWithDouble("wrong arguments are refused before the call", (context) => {
  const set = openSet(context);
  for (const id of [NIL, "no guid", 5 as unknown as string]) {
    assertThrows(() => set.takeSnapshot({ snapshotId: id }), TypeError);
    assertThrows(() => set.deleteSnapshot(id), TypeError);
    assertThrows(() => set.applySnapshot(id), TypeError);
    assertThrows(() => set.applySnapshot(A, { leafSnapshotId: id }), TypeError);
    assertThrows(() => set.modifyVhdSet({ kind: "remove-snapshot", snapshotId: id }), TypeError);
  }
  const unknown = { kind: "rename" } as unknown as VhdSetChange;
  assertThrows(() => set.modifyVhdSet(unknown), TypeError, "rename");
  set.close();
  assertThrows(() => set.takeSnapshot(), VirtualDiskError, "ERROR_INVALID_HANDLE");
  for (
    const name of [
      "TakeSnapshotVhdSet",
      "DeleteSnapshotVhdSet",
      "ApplySnapshotVhdSet",
      "ModifyVhdSet",
    ] as const
  ) assertEquals(context.double.calls(name), 0);
});
