import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { VIRTUAL_STORAGE_TYPE_VENDOR_MICROSOFT } from "../../src/constants.ts";
import { VirtualDiskError } from "../../src/errors/error.ts";
import { INFORMATION_KINDS } from "../../src/disk/information.ts";
import type { Double } from "../double/double.ts";
import { IMAGE, testRowsWithDouble, testWithDouble } from "./with_double.ts";

const GUID_A = "00112233-4455-6677-8899-aabbccddeeff";
const GUID_B = "fedcba98-7654-3210-0123-456789abcdef";
const GUID_C = "01020304-0506-0708-090a-0b0c0d0e0f10";
const TIB = 2 ** 40;

testWithDouble(
  "size gives virtual, physical, block and sector size in bytes",
  ({ double, open }) => {
    using disk = open();
    const largest = {
      virtualSize: 64 * TIB,
      physicalSize: 2 ** 53 - 1,
      blockSize: 2 ** 28,
      sectorSize: 4096,
    };
    const smallest = { virtualSize: 0, physicalSize: 0, blockSize: 0, sectorSize: 0 };
    for (const size of [largest, smallest]) {
      double.setSize(size);
      assertEquals(disk.getInformation("size"), size);
    }
  },
);

testWithDouble("a size that no number holds is ERROR_INVALID_DATA", ({ double, open }) => {
  using disk = open();
  const size = { virtualSize: 2n ** 53n, physicalSize: 1, blockSize: 1, sectorSize: 512 };
  double.setSize(size);
  double.setNumber("smallestSafeVirtualSize", 2n ** 64n - 1n);
  for (const kind of ["size", "smallestSafeVirtualSize"] as const) {
    const error = assertThrows(() => disk.getInformation(kind), VirtualDiskError);
    assertEquals([error.symbol, error.path], ["ERROR_INVALID_DATA", IMAGE]);
  }
});

testRowsWithDouble("getInformation() gives GUIDs in lower case", async (step) => {
  for (
    const [kind, guid] of [["identifier", GUID_A], ["parentIdentifier", GUID_B], [
      "virtualDiskId",
      GUID_C,
    ]] as const
  ) {
    await step(kind, ({ double, open }) => {
      using disk = open();
      double.setGuid(kind, guid);
      assertEquals(disk.getInformation(kind), guid);
    });
  }
});

testWithDouble("parentTimestamp gives what Windows says, whatever the disk", ({ double, open }) => {
  using disk = open();
  for (const seconds of [0, 1, 0x7fffffff, 0xffffffff]) {
    double.setNumber("parentTimestamp", seconds);
    assertEquals(disk.getInformation("parentTimestamp"), seconds);
  }
});

testWithDouble("storageType gives device and vendor", ({ double, open }) => {
  using disk = open();
  const vendor = VIRTUAL_STORAGE_TYPE_VENDOR_MICROSOFT;
  for (
    const [id, device] of [[0, "unknown"], [1, "iso"], [2, "vhd"], [3, "vhdx"], [
      4,
      "vhdset",
    ]] as const
  ) {
    double.setStorageType(id, vendor);
    assertEquals(disk.getInformation("storageType"), { device, vendor });
  }
  double.setStorageType(5, GUID_A);
  assertEquals(disk.getInformation("storageType"), { device: "unknown", vendor: GUID_A });
});

testWithDouble("providerSubtype gives fixed, dynamic or differencing", ({ double, open }) => {
  using disk = open();
  for (
    const [number, subtype] of [[2, "fixed"], [3, "dynamic"], [4, "differencing"], [0, "unknown"], [
      99,
      "unknown",
    ]] as const
  ) {
    double.setNumber("providerSubtype", number);
    assertEquals(disk.getInformation("providerSubtype"), subtype);
  }
});

testRowsWithDouble("getInformation() takes every BOOL but 0 for true", async (step) => {
  for (const kind of ["is4kAligned", "isLoaded"] as const) {
    await step(kind, ({ double, open }) => {
      using disk = open();
      for (
        const [number, value] of [[0, false], [1, true], [2, true], [0xffffffff, true]] as const
      ) {
        double.setNumber(kind, number);
        assertEquals(disk.getInformation(kind), value);
      }
    });
  }
});

testWithDouble(
  "physicalDisk gives sector sizes in bytes and whether it is remote",
  ({ double, open }) => {
    using disk = open();
    for (const [number, isRemote] of [[0, false], [1, true], [-1, true]] as const) {
      double.setPhysicalDisk(512, 4096, number);
      assertEquals(disk.getInformation("physicalDisk"), {
        logicalSectorSize: 512,
        physicalSectorSize: 4096,
        isRemote,
      });
    }
  },
);

testWithDouble(
  "vhdPhysicalSectorSize and fragmentationPercentage give a number",
  ({ double, open }) => {
    using disk = open();
    double.setNumber("vhdPhysicalSectorSize", 4096);
    double.setNumber("fragmentationPercentage", 37);
    assertEquals(disk.getInformation("vhdPhysicalSectorSize"), 4096);
    assertEquals(disk.getInformation("fragmentationPercentage"), 37);
  },
);

testWithDouble("smallestSafeVirtualSize gives bytes, beyond 32 bits too", ({ double, open }) => {
  using disk = open();
  for (const size of [0, 2 ** 32 + 512, 64 * TIB]) {
    double.setNumber("smallestSafeVirtualSize", size);
    assertEquals(disk.getInformation("smallestSafeVirtualSize"), size);
  }
});

function tellEverything(double: Double): void {
  double.setSize({ virtualSize: 1024, physicalSize: 2048, blockSize: 512, sectorSize: 512 });
  double.setGuid("identifier", GUID_A);
  double.setParentLocation(1, "C:\\p.vhdx\0");
  double.setGuid("parentIdentifier", GUID_B);
  double.setNumber("parentTimestamp", 5);
  double.setStorageType(3, VIRTUAL_STORAGE_TYPE_VENDOR_MICROSOFT);
  double.setNumber("providerSubtype", 4);
  double.setNumber("is4kAligned", 1);
  double.setPhysicalDisk(512, 4096, 0);
  double.setNumber("vhdPhysicalSectorSize", 4096);
  double.setNumber("smallestSafeVirtualSize", 1024);
  double.setNumber("fragmentationPercentage", 3);
  double.setNumber("isLoaded", 0);
  double.setGuid("virtualDiskId", GUID_C);
  double.setChangeTracking(1, 0, "id\0");
}

testWithDouble("information gives every class that Windows answers", ({ double, open }) => {
  using disk = open();
  tellEverything(double);
  const information = disk.information();
  assertEquals(Object.keys(information), [...INFORMATION_KINDS]);
  for (const kind of INFORMATION_KINDS) {
    assertEquals(information[kind], disk.getInformation(kind), kind);
  }
});

testWithDouble("information leaves out the classes that do not apply", ({ double, open }) => {
  using disk = open();
  tellEverything(double);
  for (const infoClass of [3, 4, 5]) double.setClassResult(infoClass, 0xc03a001b);
  double.setClassResult(11, 0xc03a0026);
  double.setClassResult(15, 87);
  assertEquals(
    INFORMATION_KINDS.filter((kind) => !(kind in disk.information())),
    [
      "parentLocation",
      "parentIdentifier",
      "parentTimestamp",
      "smallestSafeVirtualSize",
      "changeTrackingState",
    ],
  );
});

testWithDouble(
  "information leaves out a class that fails, whatever the code",
  ({ double, open }) => {
    using disk = open();
    for (const code of [5, 31, 1117, 0xc03a0010]) {
      tellEverything(double);
      double.setClassResult(1, 0xc03a001b);
      double.setClassResult(9, code);
      const information = disk.information();
      assertEquals(INFORMATION_KINDS.filter((kind) => !(kind in information)), [
        "size",
        "physicalDisk",
      ]);
      const error = assertThrows(() => disk.information({ strict: true }), VirtualDiskError);
      assertEquals(error.code, code);
    }
    double.setClassResult(9, 6);
    assertEquals(assertThrows(() => disk.information(), VirtualDiskError).code, 6);
  },
);

testWithDouble("information throws if nothing at all can be told", ({ double, open }) => {
  tellEverything(double);
  using disk = open(IMAGE, { access: ["detach"] });
  assertEquals(assertThrows(() => disk.information(), VirtualDiskError).code, 5);
  assertThrows(() => disk.information({ strikt: true } as object), TypeError, "strikt");
});

testWithDouble(
  "a class that fails throws the code, and the disk stays usable",
  ({ double, open }) => {
    using disk = open();
    tellEverything(double);
    for (const [i, kind] of INFORMATION_KINDS.entries()) {
      double.setClassResult(i + 1, 0xc03a001b);
      const error = assertThrows(() => disk.getInformation(kind), VirtualDiskError);
      assertEquals([error.code, error.symbol], [0xc03a001b, "ERROR_VHD_INVALID_TYPE"]);
      assertEquals([error.operation, error.path], ["GetVirtualDiskInformation", IMAGE]);
      double.setClassResult(i + 1, 0);
      disk.getInformation(kind);
    }
  },
);

testWithDouble(
  "a handle without the right to ask is ERROR_ACCESS_DENIED, and says so",
  (context) => {
    const { double, open } = context;
    tellEverything(double);
    using disk = open(IMAGE, { access: ["detach"] });
    const error = assertThrows(() => disk.getInformation("size"), VirtualDiskError);
    assertEquals(error.code, 5);
    assertStringIncludes(error.causes[0]!, "get-info");
  },
);

testWithDouble("an unknown class is a TypeError before the call", ({ double, open }) => {
  using disk = open();
  assertThrows(() => disk.getInformation("sizes" as "size"), TypeError, "sizes");
  assertThrows(() => disk.getInformation("toString" as "size"), TypeError, "toString");
  assertEquals(double.informationCalls, 0);
});

testWithDouble("size and format are what Windows says", ({ double, open }) => {
  const disk = open();
  double.setSize({ virtualSize: 3 * TIB, physicalSize: 1, blockSize: 1, sectorSize: 512 });
  assertEquals(disk.size, 3 * TIB);
  for (const [device, format] of [[1, "iso"], [2, "vhd"], [3, "vhdx"], [4, "vhdset"]] as const) {
    double.setStorageType(device, VIRTUAL_STORAGE_TYPE_VENDOR_MICROSOFT);
    assertEquals(disk.format, format);
  }
  disk.close();
  for (const use of [() => disk.size, () => disk.format]) {
    assertEquals(assertThrows(use, VirtualDiskError).symbol, "ERROR_INVALID_HANDLE");
  }
});
