import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import {
  constants,
  GET_VIRTUAL_DISK_INFO,
  type Libraries,
  newerFunction,
  type NewerFunctionName,
  OPEN_VIRTUAL_DISK_PARAMETERS,
  VIRTDISK_FUNCTIONS,
  VIRTUAL_STORAGE_TYPE,
  wideString,
} from "../../../ffi.ts";
import { VirtualDiskError } from "../../../src/errors/error.ts";
import { loadLibraries } from "../../../src/native/ffi/library.ts";
import { buildDouble, oldDoubleNeed } from "../../double/double.ts";
import { testWith } from "../../support.ts";
import { IMAGE, testRowsWithDouble, testWithDouble } from "../with_double.ts";

type OpenArguments = Parameters<Libraries["virtdisk"]["OpenVirtualDisk"]>;

/** Arguments that open an image, with some of them replaced. */
function openArguments(changes: Partial<Record<number, unknown>> = {}): OpenArguments {
  const usual = [
    VIRTUAL_STORAGE_TYPE.pack({
      DeviceId: constants.VIRTUAL_STORAGE_TYPE_DEVICE.VHDX,
      VendorId: constants.VIRTUAL_STORAGE_TYPE_VENDOR_MICROSOFT,
    }),
    wideString(IMAGE),
    constants.VIRTUAL_DISK_ACCESS.NONE,
    constants.OPEN_VIRTUAL_DISK_FLAG.NONE,
    parametersOf(2),
    new BigUint64Array(1),
  ];
  return usual.map((value, i) => i in changes ? changes[i] : value) as OpenArguments;
}

/** Parameters with any version, for the codec packs the known ones alone. */
function parametersOf(version: number): Uint8Array<ArrayBuffer> {
  const parameters = OPEN_VIRTUAL_DISK_PARAMETERS.pack({ Version: 1, Version1: { RWDepth: 0 } });
  new DataView(parameters.buffer).setUint32(0, version, true);
  return parameters;
}

const TYPE = 0;
const PATH = 1;
const MASK = 2;
const FLAGS = 3;
const PARAMETERS = 4;
const HANDLE = 5;

/** What the pages of OpenVirtualDisk and its structures say gives 87. */
const WRONG: readonly [string, Partial<Record<number, unknown>>][] = [
  ["no storage type", { [TYPE]: null }],
  ["no path", { [PATH]: null }],
  ["no place for the handle", { [HANDLE]: null }],
  ["access mask bits outside ALL", { [MASK]: 0xffffff, [PARAMETERS]: null }],
  ["an unknown flag", { [FLAGS]: 0x80000000 }],
  ["version 0", { [PARAMETERS]: parametersOf(0) }],
  ["version 4", { [PARAMETERS]: parametersOf(4) }],
  ["an access mask with version 2", { [MASK]: 0x80000 }],
  ["an access mask with version 3", { [MASK]: 0x80000, [PARAMETERS]: parametersOf(3) }],
];

testRowsWithDouble(
  "OpenVirtualDisk returns ERROR_INVALID_PARAMETER for wrong arguments",
  async (step) => {
    for (const [name, changes] of WRONG) {
      await step(name, (context) => {
        const { double, libraries: { virtdisk } } = context;
        assertEquals(virtdisk.OpenVirtualDisk(...openArguments(changes)), 87);
        assertEquals(double.liveHandles, 0);
      });
    }
  },
);

testWithDouble("an open, a query and a close go through the raw layer", ({ double, libraries }) => {
  const { virtdisk, kernel32 } = libraries;
  double.setSize({ virtualSize: 1n << 40n, physicalSize: 5, blockSize: 6, sectorSize: 512 });
  const handle = new BigUint64Array(1);
  assertEquals(virtdisk.OpenVirtualDisk(...openArguments({ [HANDLE]: handle })), 0);
  const info = new Uint8Array(GET_VIRTUAL_DISK_INFO.size);
  info[0] = constants.GET_VIRTUAL_DISK_INFO.SIZE;
  const size = new Uint32Array([info.length]);
  const used = new Uint32Array(1);
  assertEquals(virtdisk.GetVirtualDiskInformation(handle[0]!, size, info, used), 0);
  assertEquals(GET_VIRTUAL_DISK_INFO.unpack(info), {
    Version: 1,
    Size: { VirtualSize: 1n << 40n, PhysicalSize: 5n, BlockSize: 6, SectorSize: 512 },
  });
  assertEquals(used[0], 32);
  assertEquals(kernel32.CloseHandle(handle[0]!), 1);
});

testWithDouble("the handle of an open disk serves the raw layer", ({ libraries, open }) => {
  using disk = open();
  const info = new Uint8Array(GET_VIRTUAL_DISK_INFO.size);
  info[0] = constants.GET_VIRTUAL_DISK_INFO.PARENT_TIMESTAMP;
  const size = new Uint32Array([info.length]);
  const { virtdisk } = libraries;
  assertEquals(virtdisk.GetVirtualDiskInformation(disk.handle, size, info, null), 0xc03a001b);
});

/** Functions that Windows 8 does not have. */
const NEWER = Object.entries(VIRTDISK_FUNCTIONS)
  .filter(([, declaration]) => "optional" in declaration && !("name" in declaration))
  .map(([name]) => name as NewerFunctionName);

// Loaded before any test begins, for it stays loaded, which a test may not do.
const windows8 = oldDoubleNeed() === undefined
  ? loadLibraries(buildDouble({ old: true })).virtdisk
  : undefined;

testWith(
  [oldDoubleNeed],
  "a function that Windows lacks is ERROR_CALL_NOT_IMPLEMENTED, and since when",
  () => {
    assertEquals(NEWER.length, 8);
    for (const name of NEWER) {
      assertEquals(windows8![name], null);
      const error = assertThrows(() => newerFunction(windows8!, name), VirtualDiskError);
      assertEquals([error.code, error.operation], [120, name]);
      assertMatch(error.causes[0]!, name.endsWith("ForkVirtualDisk") ? /1809/ : /Windows 10 or/);
    }
  },
);

testWithDouble("a newer function that Windows has is called", ({ libraries }) => {
  const virtdisk = { ...libraries.virtdisk, CompleteForkVirtualDisk: () => 55 };
  assertEquals(newerFunction(virtdisk, "CompleteForkVirtualDisk")(4n), 55);
});
