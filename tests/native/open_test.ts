import { assertEquals, assertMatch, assertNotEquals, assertThrows } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { NIL_GUID } from "../../src/bytes/guid.ts";
import {
  OPEN_VIRTUAL_DISK_FLAG,
  VIRTUAL_DISK_ACCESS,
  VIRTUAL_STORAGE_TYPE_DEVICE,
  VIRTUAL_STORAGE_TYPE_VENDOR_MICROSOFT,
  VIRTUAL_STORAGE_TYPE_VENDOR_UNKNOWN,
} from "../../src/constants.ts";
import { VirtualDiskError } from "../../src/errors/error.ts";
import { openNative } from "../../src/native/native_disk.ts";
import type { OpenOptions } from "../../src/disk/open_options.ts";
import type { OpenRequest } from "../../src/disk/open_request.ts";
import { IMAGE, testRowsWithDouble, testWithDouble } from "./with_double.ts";

const GUID_A = "00112233-4455-6677-8899-aabbccddeeff";
const GUID_B = "fedcba98-7654-3210-0123-456789abcdef";
const DEVICE = VIRTUAL_STORAGE_TYPE_DEVICE;
const MICROSOFT = VIRTUAL_STORAGE_TYPE_VENDOR_MICROSOFT;

/** A request that the double accepts. */
function request(changes: Partial<OpenRequest> = {}): OpenRequest {
  return {
    path: IMAGE,
    storageType: { deviceId: DEVICE.UNKNOWN, vendorId: VIRTUAL_STORAGE_TYPE_VENDOR_UNKNOWN },
    accessMask: 0,
    flags: 0,
    parameters: null,
    ...changes,
  };
}

const STORAGE_TYPES: readonly [string, number, OpenOptions][] = [
  ["iso", DEVICE.ISO, { type: "iso" }],
  ["vhd", DEVICE.VHD, { type: "vhd" }],
  ["vhdx", DEVICE.VHDX, { type: "vhdx" }],
  ["vhdset", DEVICE.VHDSET, { type: "vhdset" }],
];

testRowsWithDouble("openNative() opens a type as Microsoft's device", async (step) => {
  for (const [type, deviceId, options] of STORAGE_TYPES) {
    await step(`${type}: ${deviceId}`, ({ double, open }) => {
      using _disk = open(IMAGE, options);
      assertEquals(double.lastOpen.storageType, { deviceId, vendorId: MICROSOFT });
    });
  }
});

testWithDouble("without a type Windows finds the format out", ({ double, open }) => {
  using _disk = open();
  const { storageType } = double.lastOpen;
  assertEquals(storageType, { deviceId: DEVICE.UNKNOWN, vendorId: NIL_GUID });
});

testWithDouble("any device and vendor arrive as they are given", ({ double, libraries }) => {
  for (const deviceId of Object.values(DEVICE)) {
    for (const vendorId of [MICROSOFT, NIL_GUID]) {
      using _disk = openNative(request({ storageType: { deviceId, vendorId } }), libraries);
      assertEquals(double.lastOpen.storageType, { deviceId, vendorId });
    }
  }
});

testWithDouble("an absolute path arrives unchanged, and is the disk's", ({ double, open }) => {
  using disk = open("C:\\images\\a b.vhd");
  assertEquals(double.lastOpen.path, "C:\\images\\a b.vhd");
  assertEquals(disk.path, "C:\\images\\a b.vhd");
});

testWithDouble("a relative path is made absolute", ({ double, open }) => {
  using disk = open("images\\a.vhd");
  assertMatch(double.lastOpen.path!, /^[A-Z]:\\.*images\\a\.vhd$/);
  assertEquals(disk.path, double.lastOpen.path);
});

testWithDouble("a file URL is a path with its escapes resolved", ({ double, open }) => {
  const url = new URL("file:///C:/images/a%20%C3%BC%23.vhd");
  using _disk = open(url);
  const path = fromFileUrl(url);
  assertEquals(double.lastOpen.path, path);
  assertMatch(path, /C:.images.a ü#\.vhd$/);
});

testWithDouble("a path of any script arrives unit by unit", ({ double, open }) => {
  for (const name of ["Ünïcödé ß", "日本語", "💾 𝔘𝔫𝔦", "é", "half \ud83d pair"]) {
    using disk = open(`C:\\images\\${name}.vhdx`);
    assertEquals(double.lastOpen.path, `C:\\images\\${name}.vhdx`);
    assertEquals(disk.path, double.lastOpen.path);
  }
});

testWithDouble("a path with the long-path prefix is left as it is", ({ double, open }) => {
  const verbatim = [
    "\\\\?\\C:\\images\\.\\a. .vhd",
    "\\\\?\\UNC\\server\\share\\a.vhd",
    "\\\\.\\X:\\a.vhd",
  ];
  for (const path of verbatim) {
    using disk = open(path);
    assertEquals(double.lastOpen.path, path);
    assertEquals(disk.path, path);
  }
});

/** An absolute path of so many characters, in folders whose names are not too long. */
function pathOfLength(length: number, start: string): string {
  let path = start;
  while (length - path.length > 200) path += "d".repeat(99) + "\\";
  return path + "f".repeat(length - path.length - 4) + ".vhd";
}

testWithDouble(
  "a path of 259 characters needs no prefix, one of 260 gets it",
  ({ double, open }) => {
    for (
      const [length, prefix] of [[259, ""], [260, "\\\\?\\"], [261, "\\\\?\\"], [
        5000,
        "\\\\?\\",
      ]] as const
    ) {
      const path = pathOfLength(length, "C:\\");
      assertEquals(path.length, length);
      using disk = open(path);
      assertEquals(double.lastOpen.path, prefix + path);
      assertEquals(disk.path, prefix + path);
    }
  },
);

testWithDouble("a long path on a server gets the prefix for servers", ({ double, open }) => {
  const start = "\\\\server\\share\\";
  using short = open(pathOfLength(259, start));
  assertEquals(short.path, pathOfLength(259, start));
  using _long = open(pathOfLength(400, start));
  assertEquals(double.lastOpen.path, "\\\\?\\UNC\\" + pathOfLength(400, start).slice(2));
});

testWithDouble(
  "a path beyond what Windows knows is refused before the call",
  ({ double, open }) => {
    const error = assertThrows(() => open("C:\\" + "a\\".repeat(20000)), VirtualDiskError);
    assertEquals(error.operation, "OpenVirtualDisk");
    assertEquals(double.calls("OpenVirtualDisk"), 0);
  },
);

testWithDouble("a NUL in a path is refused before the call", ({ double, open, libraries }) => {
  for (const path of ["C:\\a.vhd\0", "C:\\a\0b.vhd", "\\\\?\\C:\\a\0.vhd", "\0"]) {
    assertThrows(() => open(path), TypeError, "NUL");
    assertThrows(() => openNative(request({ path }), libraries), TypeError, "NUL");
  }
  assertThrows(() => open(new URL("file:///C:/a%00.vhd")), TypeError, "NUL");
  assertEquals(double.calls("OpenVirtualDisk"), 0);
});

testWithDouble("every access right and flag arrives in its bit", ({ double, open }) => {
  for (const [name, bit] of Object.entries(VIRTUAL_DISK_ACCESS)) {
    using _disk = open(IMAGE, { access: bit });
    assertEquals(double.lastOpen.accessMask, bit, name);
  }
  for (const [name, bit] of Object.entries(OPEN_VIRTUAL_DISK_FLAG)) {
    using _disk = open(IMAGE, { flags: bit });
    assertEquals(double.lastOpen.flags, bit, name);
  }
  using _disk = open(IMAGE, { access: ["get-info", "detach"], flags: ["no-parents", "cached-io"] });
  assertEquals(double.lastOpen.accessMask, 0xc0000);
  assertEquals(double.lastOpen.flags, 9);
});

testWithDouble("an access mask without a depth passes NULL parameters", ({ double, open }) => {
  using _disk = open(IMAGE, { access: ["read"] });
  assertEquals(double.lastOpen.parameters, null);
});

testWithDouble("version 1 parameters arrive member by member", ({ double, open }) => {
  for (const rwDepth of [0, 1, 7, 0xffffffff]) {
    using _disk = open(IMAGE, { rwDepth });
    assertEquals(double.lastOpen.parameters, { version: 1, tailIsZero: true, rwDepth });
  }
});

testWithDouble("version 2 parameters arrive member by member", ({ double, open }) => {
  for (const [getInfoOnly, readOnly] of [[false, false], [true, false], [false, true]] as const) {
    using _disk = open(IMAGE, { getInfoOnly, readOnly, resiliencyGuid: GUID_A });
    assertEquals(double.lastOpen.parameters, {
      version: 2,
      tailIsZero: true,
      getInfoOnly: Number(getInfoOnly),
      readOnly: Number(readOnly),
      resiliencyGuid: GUID_A,
    });
  }
});

testWithDouble("version 3 parameters arrive member by member", ({ double, open }) => {
  using _disk = open(IMAGE, { readOnly: false, resiliencyGuid: GUID_A, snapshotId: GUID_B });
  assertEquals(double.lastOpen.parameters, {
    version: 3,
    tailIsZero: true,
    getInfoOnly: 0,
    readOnly: 0,
    resiliencyGuid: GUID_A,
    snapshotId: GUID_B,
  });
});

testWithDouble("without options a disk opens read-only by version 2", ({ double, open }) => {
  using _disk = open();
  const { parameters, accessMask, flags, handleGiven } = double.lastOpen;
  assertEquals({ accessMask, flags, handleGiven }, { accessMask: 0, flags: 0, handleGiven: true });
  assertEquals(parameters, {
    version: 2,
    tailIsZero: true,
    getInfoOnly: 0,
    readOnly: 1,
    resiliencyGuid: NIL_GUID,
  });
});

testWithDouble("an ISO image opens by version 1 for reading", ({ double, open }) => {
  using _disk = open("C:\\images\\cd.iso");
  const { storageType, accessMask, parameters } = double.lastOpen;
  assertEquals(storageType, { deviceId: DEVICE.ISO, vendorId: MICROSOFT });
  assertEquals([accessMask, parameters], [VIRTUAL_DISK_ACCESS.READ, null]);
});

testWithDouble("each open gives a disk with a handle of its own", ({ double, open }) => {
  using first = open();
  using second = open();
  assertEquals(first.backend, "native");
  assertEquals(double.liveHandles, 2);
  assertNotEquals(first.handle, second.handle);
});

/** Requests that break a documented rule of OpenVirtualDisk. */
const WRONG: readonly [string, Partial<OpenRequest>][] = [
  ["an access bit outside ALL", { accessMask: 0x400000 }],
  ["an access bit below ATTACH_RO", { accessMask: 1 }],
  ["an unknown flag", { flags: 0x1000 }],
  ["an access mask with version 2", {
    accessMask: VIRTUAL_DISK_ACCESS.GET_INFO,
    parameters: version2(),
  }],
  [
    "an access mask with version 3",
    {
      accessMask: VIRTUAL_DISK_ACCESS.GET_INFO,
      parameters: { ...version2(), version: 3, snapshotId: NIL_GUID },
    },
  ],
  [
    "version 2 for an ISO image",
    { storageType: { deviceId: DEVICE.ISO, vendorId: MICROSOFT }, parameters: version2() },
  ],
];

function version2() {
  return { version: 2, getInfoOnly: false, readOnly: true, resiliencyGuid: NIL_GUID } as const;
}

testRowsWithDouble(
  "openNative() passes what Windows refuses, and gives ERROR_INVALID_PARAMETER with its causes",
  async (step) => {
    for (const [name, changes] of WRONG) {
      await step(name, ({ libraries }) => {
        const error = assertThrows(() => openNative(request(changes), libraries), VirtualDiskError);
        assertEquals([error.code, error.symbol], [87, "ERROR_INVALID_PARAMETER"]);
        assertEquals([error.operation, error.path], ["OpenVirtualDisk", IMAGE]);
        assertEquals(error.causes.length > 0, true);
      });
    }
  },
);

/** Requests for formats that no provider knows. */
const UNKNOWN: readonly [string, OpenRequest["storageType"]][] = [
  ["an unknown device", { deviceId: 5, vendorId: MICROSOFT }],
  ["an unknown vendor", { deviceId: DEVICE.VHD, vendorId: GUID_A }],
];

testRowsWithDouble(
  "openNative() gives ERROR_VIRTDISK_PROVIDER_NOT_FOUND with its causes for a type that nobody has",
  async (step) => {
    for (const [name, storageType] of UNKNOWN) {
      await step(name, (context) => {
        const open = () => openNative(request({ storageType }), context.libraries);
        const error = assertThrows(open, VirtualDiskError);
        assertEquals(error.symbol, "ERROR_VIRTDISK_PROVIDER_NOT_FOUND");
        assertEquals(error.causes.length > 0, true);
      });
    }
  },
);

testWithDouble(
  "an access mask beside version 2 options reaches Windows, which refuses it",
  (context) => {
    const { double, open } = context;
    const options: OpenOptions = { access: ["get-info"], readOnly: true };
    const error = assertThrows(() => open(IMAGE, options), VirtualDiskError);
    assertEquals([error.code, double.lastOpen.result], [87, 87]);
  },
);
