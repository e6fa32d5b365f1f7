import { assertEquals, assertThrows } from "@std/assert";
import { VirtualDiskError } from "../../src/errors/error.ts";
import type { SettableInformation, SettableKind } from "../../src/disk/information.ts";
import type { ReceivedSetInformation } from "../double/double.ts";
import { IMAGE, testRowsWithDouble, testWithDouble } from "./with_double.ts";

const GUID = "00112233-4455-6677-8899-aabbccddeeff";
const PARENT = "C:\\images\\párent \u{1f4bf}.vhdx";

/** A class, a value, and the members that must arrive. */
type Row = {
  [K in SettableKind]: [
    kind: K,
    value: SettableInformation[K],
    members: Partial<ReceivedSetInformation>,
  ];
}[SettableKind];

const ROWS: Row[] = [
  ["parentPath", PARENT, { version: 1, parentFilePath: PARENT }],
  ["identifier", `{${GUID.toUpperCase()}}`, { version: 2, uniqueIdentifier: GUID }],
  ["parentPathWithDepth", { childDepth: 2, path: PARENT }, {
    version: 3,
    childDepth: 2,
    parentFilePath: PARENT,
  }],
  ["vhdPhysicalSectorSize", 4096, { version: 4, vhdPhysicalSectorSize: 4096 }],
  ["virtualDiskId", GUID, { version: 5, virtualDiskId: GUID }],
  ["changeTrackingEnabled", true, { version: 6, changeTrackingEnabled: 1 }],
  ["changeTrackingEnabled", false, { version: 6, changeTrackingEnabled: 0 }],
  ["parentLocator", { linkageId: GUID, path: PARENT }, {
    version: 7,
    linkageId: GUID,
    parentFilePath: PARENT,
  }],
];

testRowsWithDouble("setInformation() passes each kind", async (step) => {
  for (const [kind, value, members] of ROWS) {
    await step(`${kind} ${JSON.stringify(value)}`, ({ double, open }) => {
      using disk = open(IMAGE, { readOnly: false });
      disk.setInformation(kind, value);
      const { calls, order: _, ...received } = double.lastCall("SetVirtualDiskInformation");
      assertEquals(calls, 1);
      assertEquals(
        received,
        {
          handle: Number(disk.handle),
          result: 0,
          infoGiven: true,
          ...members,
        } as typeof received,
      );
    });
  }
});

testWithDouble("a parent's path is made absolute, and may be a URL", ({ double, open }) => {
  using disk = open(IMAGE, { readOnly: false });
  const received = () => double.lastCall("SetVirtualDiskInformation").parentFilePath!;
  disk.setInformation("parentPath", "sub\\base.vhdx");
  assertEquals(/^[A-Z]:\\(.*\\)?sub\\base\.vhdx$/i.test(received()), true, received());
  disk.setInformation("parentLocator", { linkageId: GUID, path: "base.vhdx" });
  assertEquals(/^[A-Z]:\\(.*\\)?base\.vhdx$/i.test(received()), true, received());
});

testWithDouble("the code of the call is thrown with its causes", ({ double, open }) => {
  using disk = open(IMAGE, { readOnly: false });
  double.nextResult("SetVirtualDiskInformation", 0xc03a001b);
  const error = assertThrows(() => disk.setInformation("identifier", GUID), VirtualDiskError);
  assertEquals([error.symbol, error.operation, error.path], [
    "ERROR_VHD_INVALID_TYPE",
    "SetVirtualDiskInformation",
    IMAGE,
  ]);
  assertEquals(error.causes.length, 1);
});

testWithDouble("a disk opened for reading takes no new values", ({ open }) => {
  using disk = open();
  const error = assertThrows(
    () => disk.setInformation("vhdPhysicalSectorSize", 512),
    VirtualDiskError,
    "readOnly: false",
  );
  assertEquals(error.symbol, "ERROR_ACCESS_DENIED");
});

testWithDouble("wrong values are refused before the call", ({ double, open }) => {
  using disk = open(IMAGE, { readOnly: false });
  const set = disk.setInformation.bind(disk) as (kind: string, value: unknown) => void;
  const rows: [kind: string, value: unknown, error: new (...args: never[]) => Error][] = [
    ["size", 1, TypeError],
    ["toString", 1, TypeError],
    ["parentPath", "", TypeError],
    ["parentPath", 5, TypeError],
    ["parentPath", "a\0b", TypeError],
    ["identifier", "no guid", TypeError],
    ["virtualDiskId", 5, TypeError],
    ["parentPathWithDepth", { childDepth: 0, path: "a" }, RangeError],
    ["parentPathWithDepth", { childDepth: 1.5, path: "a" }, RangeError],
    ["parentPathWithDepth", null, TypeError],
    ["parentPath", { path: "a", dryRun: 1 }, TypeError],
    ["parentPath", { path: "a", dryRun: true }, VirtualDiskError],
    ["parentPathWithDepth", { childDepth: 1, path: "a", dryRun: true }, VirtualDiskError],
    ["parentPathWithDepth", { childDepth: 1, path: "" }, TypeError],
    ["vhdPhysicalSectorSize", -1, RangeError],
    ["vhdPhysicalSectorSize", 2 ** 32, RangeError],
    ["vhdPhysicalSectorSize", NaN, RangeError],
    ["changeTrackingEnabled", 1, TypeError],
    ["parentLocator", { linkageId: "x", path: "a" }, TypeError],
    ["parentLocator", "a", TypeError],
  ];
  for (const [kind, value, error] of rows) {
    assertThrows(() => set(kind, value), error);
  }
  assertEquals(double.calls("SetVirtualDiskInformation"), 0);
});

testWithDouble("a closed disk is ERROR_INVALID_HANDLE", ({ double, open }) => {
  const disk = open(IMAGE, { readOnly: false });
  disk.close();
  const error = assertThrows(() => disk.setInformation("identifier", GUID), VirtualDiskError);
  assertEquals(error.symbol, "ERROR_INVALID_HANDLE");
  assertEquals(double.calls("SetVirtualDiskInformation"), 0);
});
