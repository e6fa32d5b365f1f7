import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { attachedVirtualDisks, storageDependencies } from "@virtdisk/virtdisk";
import { VirtualDiskError } from "../../src/errors/error.ts";
import {
  diskDependencies,
  queryDependencies,
  queryDependencyKinds,
} from "../../src/native/dependencies.ts";
import { type Libraries, systemLibraries } from "../../src/native/ffi/library.ts";
import { wideString } from "../../src/native/ffi/text.ts";
import type { StorageObject } from "../../src/disk/storage_dependency.ts";
import type { ToldDependency } from "../double/double.ts";
import { type DoubleContext, IMAGE, testRowsWithDouble, testWithDouble } from "./with_double.ts";

const VENDOR = "ec984aec-a0f9-47e9-901f-71415a66345b";
const VOLUME = "\\\\?\\Volume{00112233-4455-6677-8899-aabbccddeeff}\\";
const DEVICE = "\\\\.\\PhysicalDrive7";

/** What was asked of CreateFileW: path, access, sharing, disposition, flags. */
type Opened = [path: string, access: number, share: number, disposition: number, flags: number];

/** A file that is there, here and on Windows. */
const THIS_FILE = wideString(fromFileUrl(import.meta.url));

/** The double's libraries, with a CreateFileW that opens a file with the rights that are asked for, whatever the name. */
function openingAll({ libraries }: DoubleContext, opened: Opened[] = []): Libraries {
  const CreateFileW: Libraries["kernel32"]["CreateFileW"] = (
    name,
    access,
    share,
    security,
    ...rest
  ) => {
    const [disposition, flags, template] = rest;
    assertEquals([security, template], [null, 0n]);
    const path = new TextDecoder("utf-16le").decode(name as Uint8Array).replace(/\0$/, "");
    opened.push([path, access, share, disposition, flags]);
    return libraries.kernel32.CreateFileW(THIS_FILE, access, share, security, ...rest);
  };
  return { ...libraries, kernel32: { ...libraries.kernel32, CreateFileW } };
}

function told(over: Partial<ToldDependency> = {}): ToldDependency {
  return {
    dependencyDeviceName: DEVICE,
    hostVolumeName: VOLUME,
    dependentVolumeName: "",
    dependentVolumeRelativePath: "\\images\\párent \u{1f4bf}.vhdx",
    ...over,
  };
}

testWithDouble("dependencies come with every member and name", (context) => {
  context.double.answers.addDependency(told({
    dependencyTypeFlags: 0x2 | 0x4 | 0x400,
    providerSpecificFlags: 5,
    ancestorLevel: 1,
    dependentVolumeName: VOLUME.replace("0011", "ffff"),
  }));
  context.double.answers.addDependency(told({ deviceId: 2, dependencyTypeFlags: 0x80003fff }));
  const [first, second, ...more] = queryDependencies(openingAll(context), "C:\\a", "hosts");
  assertEquals(more, []);
  assertEquals(first, {
    flags: ["fully-allocated", "read-only", "permanent-lifetime"],
    providerSpecificFlags: 5,
    storageType: { device: "vhdx", vendor: VENDOR },
    ancestorLevel: 1,
    deviceName: DEVICE,
    hostVolume: VOLUME,
    dependentVolume: VOLUME.replace("0011", "ffff"),
    relativePath: "\\images\\párent \u{1f4bf}.vhdx",
    imagePath: `${VOLUME}images\\párent \u{1f4bf}.vhdx`,
  });
  assertEquals([second?.storageType.device, second?.flags.length], ["vhd", 14]);
});

testWithDouble("version 1 gives the kinds alone", (context) => {
  context.double.answers.addDependency(told({ dependencyTypeFlags: 0x100 }));
  assertEquals(queryDependencyKinds(openingAll(context), "C:\\a", "hosts"), [{
    flags: ["parent"],
    providerSpecificFlags: 0,
    storageType: { device: "vhdx", vendor: VENDOR },
  }]);
  assertEquals(context.double.lastCall("GetStorageDependencyInformation").version, 1);
});

testWithDouble("volumes and disks are opened, and asked about with their flags", (context) => {
  context.double.answers.addDependency(told());
  const rows: [object: StorageObject, path: string, hosts: number, backup: boolean][] = [
    ["C:\\a\\b.txt", "C:\\a\\b.txt", 1, true],
    [{ volume: "C:" }, "C:\\", 1, true],
    [{ volume: "c" }, "c:\\", 1, true],
    [{ volume: "C:\\mounted" }, "C:\\mounted\\", 1, true],
    [{ volume: VOLUME }, VOLUME, 1, true],
    [{ disk: 3 }, "\\\\.\\PhysicalDrive3", 3, false],
    [{ disk: "\\\\.\\CDRom0" }, "\\\\.\\CDRom0", 3, false],
  ];
  for (const [object, path, flags, backup] of rows) {
    for (const [direction, less] of [["hosts", 0], ["dependents", 1]] as const) {
      const opened: Opened[] = [];
      queryDependencies(openingAll(context, opened), object, direction);
      // Windows asks a disk with a control code that wants the right to read, and a volume with none.
      const access = flags === 3 ? 0x80000000 : 0;
      assertEquals(opened, [[path, access, 7, 3, backup ? 0x02000000 : 0]]);
      const call = context.double.lastCall("GetStorageDependencyInformation");
      assertEquals([call.flags, call.version, call.usedGiven], [flags - less, 2, true]);
    }
  }
});

testRowsWithDouble(
  "queryDependencies() of a plain disk says that it is no virtual disk",
  async (step) => {
    for (
      const [code, symbol] of [[1, "ERROR_INVALID_FUNCTION"], [50, "ERROR_NOT_SUPPORTED"]] as const
    ) {
      await step(symbol, (context) => {
        context.double.nextResult("GetStorageDependencyInformation", code);
        const error = assertThrows(
          () => queryDependencies(openingAll(context), { disk: 3 }, "hosts"),
          VirtualDiskError,
          symbol,
        );
        assertEquals(error.symbol, "ERROR_VIRTDISK_NOT_VIRTUAL_DISK");
        assertEquals((error.cause as VirtualDiskError).code, code);
      });
    }
  },
);

testWithDouble("an answer that fits and comes with ERROR_MORE_DATA is an answer", (context) => {
  context.double.answers.addDependency(told());
  context.double.answers.dependenciesWithMoreData();
  assertEquals(queryDependencies(openingAll(context), { volume: "C:" }, "hosts").length, 1);
});

testWithDouble("a disk that may not be read says what is needed", (context) => {
  context.double.answers.addDependency(told());
  const libraries = openingAll(context);
  const { CreateFileW } = libraries.kernel32;
  const unreadable: Libraries = {
    ...libraries,
    kernel32: {
      ...libraries.kernel32,
      CreateFileW: (name, _access, ...rest) => CreateFileW(name, 0, ...rest),
    },
  };
  const error = assertThrows(
    () => queryDependencies(unreadable, { disk: 3 }, "hosts"),
    VirtualDiskError,
  );
  assertEquals(error.symbol, "ERROR_ACCESS_DENIED");
  assertEquals(queryDependencies(unreadable, { volume: "C:" }, "hosts").length, 1);
});

testWithDouble("a longer answer is asked for with the same flags", (context) => {
  const path = "\\" + "x".repeat(3000);
  context.double.answers.addDependency(told({ dependentVolumeRelativePath: path }));
  const libraries = openingAll(context);
  const query = () => queryDependencies(libraries, { disk: 1 }, "hosts");
  assertEquals(query()[0]?.relativePath, path);
  const call = context.double.lastCall("GetStorageDependencyInformation");
  assertEquals([call.calls, call.flags, call.version], [2, 3, 2]);
  context.double.answers.demandMoreDependencies(2);
  assertEquals(query().length, 1);
  context.double.answers.demandMoreDependencies();
  assertThrows(query, VirtualDiskError, "outgrew");
});

testWithDouble("the codes of the call and of CreateFileW are thrown", (context) => {
  const libraries = openingAll(context);
  const plain = assertThrows(
    () => queryDependencies(libraries, { volume: "C:" }, "hosts"),
    VirtualDiskError,
  );
  assertEquals([plain.symbol, plain.path], ["ERROR_VIRTDISK_NOT_VIRTUAL_DISK", "C:\\"]);
  const closed: Libraries = {
    ...libraries,
    kernel32: {
      ...libraries.kernel32,
      CreateFileW: () => 0xffff_ffff_ffff_ffffn,
      GetLastError: () => 5,
    },
  };
  const denied = assertThrows(
    () => queryDependencies(closed, { disk: 0 }, "hosts"),
    VirtualDiskError,
    "run elevated",
  );
  assertEquals([denied.code, denied.operation], [5, "GetStorageDependencyInformation"]);
});

/** Where the strings of an answer may be said to be, relative to its buffer. */
const OUTSIDE = [-1n, -2n, 4096n, 4097n, 1n << 40n];

testRowsWithDouble(
  "queryDependencies() does not read a name that lies outside of the answer",
  async (step) => {
    for (const distance of OUTSIDE) {
      await step(`${distance} bytes from it`, (context) => {
        context.double.answers.addDependency(told());
        const libraries = openingAll(context);
        const { GetStorageDependencyInformation } = libraries.virtdisk;
        const hostile: Libraries = {
          ...libraries,
          virtdisk: {
            ...libraries.virtdisk,
            GetStorageDependencyInformation: (handle, flags, size, info, used) => {
              const code = GetStorageDependencyInformation(handle, flags, size, info, used);
              const view = new DataView((info as Uint8Array<ArrayBuffer>).buffer);
              // The first name lies right behind the only entry: 8 and 64 bytes from the start.
              const start = view.getBigUint64(8 + 32, true) - 72n;
              view.setBigUint64(8 + 40, BigInt.asUintN(64, start + distance), true);
              return code;
            },
          },
        };
        const query = () => queryDependencies(hostile, "C:\\a", "hosts");
        const error = assertThrows(query, VirtualDiskError, "outside of the answer");
        assertEquals(error.symbol, "ERROR_INVALID_DATA");
      });
    }
  },
);

testWithDouble("counts and names that do not end are ERROR_INVALID_DATA", (context) => {
  const libraries = openingAll(context);
  const rows: [
    change: (bytes: Uint8Array<ArrayBuffer>, address: bigint) => void,
    message: RegExp,
  ][] = [
    [(bytes) => new DataView(bytes.buffer).setUint32(4, 0xffffffff, true), /room for/],
    [(bytes, address) => {
      new DataView(bytes.buffer).setUint32(4, 1, true);
      new DataView(bytes.buffer).setBigUint64(8 + 32, address + 100n, true);
      bytes.fill(0x41, 100);
    }, /does not end/],
  ];
  for (const [change, message] of rows) {
    const hostile: Libraries = {
      ...libraries,
      virtdisk: {
        ...libraries.virtdisk,
        GetStorageDependencyInformation: (_handle, _flags, _size, info) => {
          const bytes = info as Uint8Array<ArrayBuffer>;
          const kept = bytes.slice(0, 2);
          const address = libraries.kernel32.lstrcpynW(bytes, new Uint8Array(2), 1);
          bytes.set(kept);
          change(bytes, address);
          return 0;
        },
      },
    };
    const error = assertThrows(
      () => queryDependencies(hostile, "C:\\a", "hosts"),
      VirtualDiskError,
    );
    assertEquals(error.symbol, "ERROR_INVALID_DATA");
    assertMatch(error.message, message);
  }
});

testWithDouble("no object is a TypeError or RangeError before anything is opened", (context) => {
  const opened: Opened[] = [];
  const libraries = openingAll(context, opened);
  for (const disk of [-1, 0.5, NaN]) {
    assertThrows(() => queryDependencies(libraries, { disk }, "hosts"), RangeError);
  }
  assertThrows(() => queryDependencies(libraries, "a\0b", "hosts"), TypeError);
  assertThrows(() => queryDependencies(libraries, { volume: "a\0b" }, "hosts"), TypeError);
  assertEquals(opened, []);
});

testWithDouble("an attached disk's own images come nearest first", (context) => {
  const { answers } = context.double;
  const image = (name: string, level: number, device = DEVICE) =>
    answers.addDependency(told({
      dependentVolumeRelativePath: `\\${name}`,
      ancestorLevel: level,
      dependencyDeviceName: device,
    }));
  image("base.vhdx", 2);
  image("host-of-the-host.vhdx", 1, "\\\\.\\PhysicalDrive1");
  image("child.vhdx", 1);
  const libraries = openingAll(context);
  const own = diskDependencies(libraries, DEVICE.toLowerCase());
  assertEquals(own.map((each) => each.relativePath), ["\\child.vhdx", "\\base.vhdx"]);
  assertEquals(diskDependencies(libraries, "\\\\.\\CDRom0").length, 3);
});

testWithDouble("storageDependencies of a disk that is not attached says so", ({ double, open }) => {
  using disk = open();
  const error = assertThrows(() => disk.storageDependencies(), VirtualDiskError, "not attached");
  assertEquals([error.symbol, error.path], ["ERROR_DEV_NOT_EXIST", IMAGE]);
  assertEquals(double.lastCall("GetVirtualDiskPhysicalPath").handle, Number(disk.handle));
});

/** On Windows the libraries of the system are asked, elsewhere nobody. */
const NO_SUCH_FILE = Deno.build.os === "windows" ? "ERROR_FILE_NOT_FOUND" : "ERROR_NOT_SUPPORTED";

// The system's libraries stay loaded, which inside a test would be a leak.
if (Deno.build.os === "windows") systemLibraries();

Deno.test(`a file that is not there is ${NO_SUCH_FILE}`, () => {
  for (const names of [true, false] as const) {
    const run = () => storageDependencies("C:\\no such file", { names } as { names: true });
    const error = assertThrows(run, VirtualDiskError);
    assertEquals([error.symbol, error.operation], [
      NO_SUCH_FILE,
      "GetStorageDependencyInformation",
    ]);
  }
  assertThrows(() => storageDependencies("/", { direction: "up" as "hosts" }), TypeError, "up");
});

if (Deno.build.os === "windows") {
  testWithDouble("volumes, folders and files are really opened", ({ double, libraries }) => {
    double.answers.addDependency(told());
    const objects: StorageObject[] = [{ volume: "C:" }, "C:\\windows", "C:\\windows\\win.ini"];
    for (const object of objects) {
      assertEquals(queryDependencies(libraries, object, "hosts").length, 1);
    }
    assertEquals(attachedVirtualDisks(), []);
  });
} else {
  Deno.test("only Windows attaches virtual disks", () => {
    const error = assertThrows(() => attachedVirtualDisks(), VirtualDiskError, "only Windows");
    assertEquals(error.symbol, "ERROR_NOT_SUPPORTED");
  });
}
