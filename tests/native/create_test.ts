import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import type { CreateOptions } from "../../src/disk/create_options.ts";
import { VirtualDiskError } from "../../src/errors/error.ts";
import { nativeCreateRequest } from "../../src/native/create_request.ts";
import { NativeVirtualDisk } from "../../src/native/native_disk.ts";
import type { Progress } from "../../src/disk/progress.ts";
import { IMAGE, testRowsWithDouble, testWithDouble } from "./with_double.ts";

const CREATE = "CreateVirtualDisk";
const MIB = 1024 * 1024;
const NIL = "00000000-0000-0000-0000-000000000000";
const GUID = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";
const OTHER_GUID = "936da01f-9abd-4d9d-80c7-02af85c822a8";
const MICROSOFT = "ec984aec-a0f9-47e9-901f-71415a66345b";
const UNKNOWN = { deviceId: 0, vendorId: NIL };
const VHD = { deviceId: 2, vendorId: MICROSOFT };
const VHDX = { deviceId: 3, vendorId: MICROSOFT };

const COMMON = {
  uniqueId: NIL,
  maximumSize: 0,
  blockSizeInBytes: 0,
  sectorSizeInBytes: 0,
  parentPath: null,
  sourcePath: null,
};
const VERSION_2 = {
  ...COMMON,
  version: 2,
  tailIsZero: true,
  physicalSectorSizeInBytes: 0,
  openFlags: 0,
  parentVirtualStorageType: UNKNOWN,
  sourceVirtualStorageType: UNKNOWN,
  resiliencyGuid: NIL,
};
const VERSION_3 = {
  ...VERSION_2,
  version: 3,
  sourceLimitPath: null,
  backingStorageType: UNKNOWN,
};
const VERSION_4 = {
  ...VERSION_3,
  version: 4,
  pmemAddressAbstractionType: NIL,
  dataAlignment: 0,
};

/** Options, then what arrives: the flags and the parameters. */
const ROWS: [name: string, options: CreateOptions, flags: number, parameters: unknown][] = [
  ["a dynamic disk", { size: 64 * MIB }, 0, { ...VERSION_2, maximumSize: 64 * MIB }],
  ["a fixed disk", { size: 2 ** 45, subtype: "fixed" }, 1, {
    ...VERSION_2,
    maximumSize: 2 ** 45,
  }],
  // Windows allocates every fixed disk.
  ["a preallocated disk", { size: 8 * MIB, subtype: "fixed", preallocate: true }, 1, {
    ...VERSION_2,
    maximumSize: 8 * MIB,
  }],
  [
    "sizes and ids",
    {
      size: 8 * MIB,
      blockSize: MIB,
      sectorSize: 4096,
      physicalSectorSize: 4096,
      identifier: `{${GUID.toUpperCase()}}`,
      resiliencyGuid: OTHER_GUID,
      openFlags: ["cached-io", "no-write-hardening"],
    },
    0,
    {
      ...VERSION_2,
      maximumSize: 8 * MIB,
      blockSizeInBytes: MIB,
      sectorSizeInBytes: 4096,
      physicalSectorSizeInBytes: 4096,
      uniqueId: GUID,
      resiliencyGuid: OTHER_GUID,
      openFlags: 0x108,
    },
  ],
  ["a differencing disk", { parent: "C:\\images\\ü💾.vhd", parentType: "vhd" }, 0, {
    ...VERSION_2,
    parentPath: "C:\\images\\ü💾.vhd",
    parentVirtualStorageType: VHD,
  }],
  ["a copy", { source: "C:\\images\\old.vhd", sourceType: "vhd", subtype: "fixed" }, 1, {
    ...VERSION_2,
    sourcePath: "C:\\images\\old.vhd",
    sourceVirtualStorageType: VHD,
  }],
  [
    "a copy of a physical disk",
    {
      source: "\\\\.\\PhysicalDrive1",
      flags: ["prevent-writes-to-source-disk"],
    },
    2,
    { ...VERSION_2, sourcePath: "\\\\.\\PhysicalDrive1" },
  ],
  [
    "a copy up to a file of the chain",
    {
      source: "C:\\a.avhdx",
      sourceLimitPath: "C:\\base.vhdx",
    },
    0,
    { ...VERSION_3, sourcePath: "C:\\a.avhdx", sourceLimitPath: "C:\\base.vhdx" },
  ],
  [
    "a copy of changes",
    {
      source: "C:\\a.vhdx",
      sourceLimitPath: "rctX:id:7",
      flags: ["use-change-tracking-source-limit"],
    },
    0x10,
    { ...VERSION_3, sourcePath: "C:\\a.vhdx", sourceLimitPath: "rctX:id:7" },
  ],
  [
    "a VHD Set's backing",
    {
      size: MIB * 4,
      flags: ["create-backing-storage"],
      backingStorageType: "vhdx",
    },
    8,
    { ...VERSION_3, maximumSize: 4 * MIB, backingStorageType: VHDX },
  ],
  [
    "persistent memory",
    {
      size: MIB * 4,
      subtype: "fixed",
      flags: ["pmem-compatible"],
      pmemAddressAbstractionType: GUID,
      dataAlignment: 2 * MIB,
    },
    0x101,
    {
      ...VERSION_4,
      maximumSize: 4 * MIB,
      pmemAddressAbstractionType: GUID,
      dataAlignment: 2 * MIB,
    },
  ],
  ["flags as a number", { size: MIB * 4, flags: 0x680 }, 0x680, {
    ...VERSION_2,
    maximumSize: 4 * MIB,
  }],
];

testRowsWithDouble("createNative() passes each member", async (step) => {
  for (const [name, options, flags, parameters] of ROWS) {
    await step(name, async ({ double, create }) => {
      using disk = await create(IMAGE, options);
      assertInstanceOf(disk, NativeVirtualDisk);
      assertEquals(disk.path, IMAGE);
      const call = double.lastCall(CREATE);
      assertEquals(call.parameters as unknown, parameters);
      assertEquals([call.path, call.flags, call.accessMask], [IMAGE, flags, 0]);
      assertEquals([call.storageType, call.securityDescriptorGiven], [UNKNOWN, false]);
      assertEquals([call.overlappedGiven, call.providerSpecificFlags], [true, 0]);
    });
  }
});

testWithDouble("access rights make a version 1 create", async ({ double, create }) => {
  using _disk = await create(IMAGE, {
    type: "vhd",
    access: ["get-info", "detach"],
    size: 4 * MIB,
    blockSize: 512 * 1024,
    securityDescriptor: new Uint8Array(20),
  });
  const call = double.lastCall(CREATE);
  assertEquals(call.parameters as unknown, {
    ...COMMON,
    version: 1,
    tailIsZero: true,
    maximumSize: 4 * MIB,
    blockSizeInBytes: 512 * 1024,
  });
  assertEquals([call.accessMask, call.storageType], [0xc0000, VHD]);
  assertEquals(call.securityDescriptorGiven, true);
});

testWithDouble("relative names are made absolute", async ({ double, create }) => {
  using disk = await create("new.vhdx", { parent: "base.vhdx" });
  const { path, parameters } = double.lastCall(CREATE);
  assertEquals(path, disk.path);
  assert(/^[A-Z]:\\.*\\base\.vhdx$/.test(parameters!.parentPath!));
});

const REFUSED: [name: string, options: CreateOptions, code: number][] = [
  ["a parent and a source", { parent: "a.vhd", source: "b.vhd" }, 87],
  ["a parent and a size", { parent: "a.vhd", size: 4 * MIB }, 87],
  ["a fixed child", { parent: "a.vhd", subtype: "fixed" }, 87],
  ["a dynamic disk that is preallocated", { size: MIB, preallocate: true }, 87],
  ["a differencing disk without a parent", { size: MIB, subtype: "differencing" }, 87],
  ["rights beside options of version 2", { size: MIB, access: 0, openFlags: 0 }, 87],
  ["a raw disk", { size: MIB, type: "raw" }, 50],
  ["a raw source", { source: "a.img", sourceType: "raw" }, 50],
  ["a stream", { source: new ReadableStream() }, 50],
];

Deno.test("nativeCreateRequest() refuses wrong options before the call", async (t) => {
  for (const [name, options, code] of REFUSED) {
    await t.step(name, () => {
      const error = assertThrows(() => nativeCreateRequest(IMAGE, options), VirtualDiskError);
      assertEquals([error.code, error.operation, error.path], [code, CREATE, IMAGE]);
    });
  }
});

Deno.test("wrong arguments of a create are TypeErrors and RangeErrors", () => {
  assertThrows(() => nativeCreateRequest(IMAGE, {}), TypeError, "size");
  assertThrows(() => nativeCreateRequest(IMAGE, { size: -1 }), RangeError, "size");
  assertThrows(() => nativeCreateRequest(IMAGE, { size: MIB, blockSize: 2 ** 32 }), RangeError);
  assertThrows(() => nativeCreateRequest(IMAGE, { size: MIB, identifier: "x" }), TypeError);
  assertThrows(() => nativeCreateRequest("", { size: MIB }), VirtualDiskError);
});

testWithDouble("a create tells its progress", async ({ double, create }) => {
  double.operations.tellProgress(CREATE, [[1, 4], [3, 4]]);
  const seen: Progress[] = [];
  using _disk = await create(IMAGE, { size: MIB * 4, onProgress: (each) => seen.push(each) });
  assertEquals(seen.map(({ fraction }) => fraction), [0.25, 0.75, 1]);
});

testWithDouble("a create that does not start leaves no handle", async ({ double, create }) => {
  double.nextResult(CREATE, 80);
  const error = await assertRejects(() => create(IMAGE, { size: 4 * MIB }), VirtualDiskError);
  assertEquals([error.symbol, error.operation], ["ERROR_FILE_EXISTS", CREATE]);
  assertEquals(double.liveHandles, 0);
});

testWithDouble("a create that fails later leaves no handle", async ({ double, create }) => {
  for (const steps of [0, 3]) {
    double.operations.tell(CREATE, { steps, code: 112 });
    const error = await assertRejects(() => create(IMAGE, { size: 4 * MIB }), VirtualDiskError);
    assertEquals([error.symbol, double.liveHandles], ["ERROR_DISK_FULL", 0]);
  }
});

testWithDouble("a create that is cancelled leaves no handle", async ({ double, create }) => {
  double.operations.tell(CREATE, { steps: Infinity });
  const controller = new AbortController();
  const work = create(IMAGE, { size: 4 * MIB, signal: controller.signal });
  await new Promise((resolve) => setTimeout(resolve));
  assertEquals([double.operations.pending, double.liveHandles], [1, 1]);
  controller.abort("enough");
  assertEquals(await work.catch((error) => error), "enough");
  assertEquals([double.operations.pending, double.liveHandles], [0, 0]);
});
