import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { Device } from "../../src/native/device.ts";
import { VirtualDiskError } from "../../src/errors/error.ts";
import { type NativeVirtualDisk, openNative } from "../../src/native/native_disk.ts";
import { openRequest } from "../../src/disk/open_request.ts";
import { CD, DISK, Machine, type MachineDisk, type MachineVolume } from "./machine.ts";
import { sampledRows } from "../sampling.ts";
import { type DoubleContext, IMAGE, testWithDouble } from "./with_double.ts";

const NUMBER = 7;
const DRIVE: MachineDisk = {
  path: `\\\\.\\PhysicalDrive${NUMBER}`,
  type: DISK,
  number: NUMBER,
  partitions: [],
};
const GIB = 1024 ** 3;
const BASIC_DATA = "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7";
const EFI = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b";
const RESERVED = "e3c9e316-0b5c-4db8-817d-f92df00215ae";
/** For a disk that would never be complete: a test that waits so long fails. */
const FOR_EVER = 2 ** 50;

function volume(
  id: string,
  changes: Partial<MachineVolume> = { extents: [[NUMBER, GIB]] },
): MachineVolume {
  return { name: `\\\\?\\Volume{${id}}`, mountPoints: [], ...changes };
}

/** What a test on a machine works with. */
interface MachineContext extends DoubleContext {
  readonly machine: Machine;
  readonly openHere: (path?: string) => NativeVirtualDisk;
}

/** A test on a machine that has the disk on which the double attaches images. */
function testOnMachine(name: string, fn: (context: MachineContext) => Promise<void>): void {
  testWithDouble(name, async (context) => {
    const machine = new Machine();
    machine.disks = [DRIVE];
    const { libraries } = context;
    const here = machine.over(libraries);
    const openHere = (path = IMAGE) => openNative(openRequest(path, {}), here);
    await fn({ ...context, machine, openHere });
    assertEquals(machine.openHandles, 0, "devices left open");
  });
}

testOnMachine("an attachment has the volumes of its disk, and no others", async (context) => {
  const { machine, openHere } = context;
  machine.volumes = [volume("system", { extents: [[0, GIB]], mountPoints: ["D:\\"] })];
  machine.arriving = [
    volume("other", { extents: [[NUMBER + 1, GIB]], mountPoints: ["C:\\"] }),
    volume("own", { extents: [[NUMBER, GIB]], mountPoints: ["E:\\", "C:\\mnt\\a\\"] }),
    volume("spanning", { extents: [[NUMBER + 1, GIB], [NUMBER, GIB]] }),
    volume("by number", { device: { type: DISK, number: NUMBER } }),
    volume("CD of that number", { device: { type: CD, number: NUMBER } }),
    volume("silent", {}),
  ];
  using disk = openHere();
  await using attachment = await disk.attach();
  assertEquals([attachment.physicalPath, attachment.diskNumber], [DRIVE.path, NUMBER]);
  assertEquals(attachment.complete, true);
  assertEquals(attachment.volumes, [
    { guidPath: "\\\\?\\Volume{own}\\", mountPoints: ["E:\\", "C:\\mnt\\a\\"] },
    { guidPath: "\\\\?\\Volume{spanning}\\", mountPoints: [] },
    { guidPath: "\\\\?\\Volume{by number}\\", mountPoints: [] },
  ]);
});

testOnMachine("an ISO image's volume is that of the CD of its number", async (context) => {
  const { machine, openHere } = context;
  machine.disks = [{ path: `\\\\.\\CDROM${NUMBER}`, type: CD, number: NUMBER }];
  machine.arriving = [
    volume("disk"),
    volume("cd", { device: { type: CD, number: NUMBER }, mountPoints: ["F:\\"] }),
  ];
  using disk = openHere("C:\\images\\setup.iso");
  await using attachment = await disk.attach();
  assertEquals(attachment.physicalPath, `\\\\.\\CDROM${NUMBER}`);
  assertEquals(attachment.volumes, [{ guidPath: "\\\\?\\Volume{cd}\\", mountPoints: ["F:\\"] }]);
});

testOnMachine("volumes are awaited until nothing changes any more", async (context) => {
  const { machine, openHere } = context;
  machine.disks = [];
  let searches = 0;
  const steps = [
    () => machine.volumes.push(volume("first", { extents: [[NUMBER, 1, 512]] })),
    () => machine.volumes.push(volume("second", { extents: [[NUMBER, GIB, 1024]] })),
    () => machine.volumes[1]!.mountPoints.push("E:\\"),
  ];
  // The first one is made before the disk is attached.
  machine.onSearch = () => steps[searches++ - 1]?.();
  using disk = openHere();
  const work = disk.attach();
  await new Promise((resolve) => setTimeout(resolve, 20));
  machine.disks = [{
    ...DRIVE,
    partitions: [
      { start: 512, length: 1, type: EFI },
      { start: 1024, length: GIB, type: BASIC_DATA },
    ],
  }];
  await using attachment = await work;
  assertEquals(attachment.volumes.map(({ mountPoints }) => mountPoints), [[], ["E:\\"]]);
  assertEquals(attachment.complete, true);
});

testOnMachine("a first EFI volume is not taken for all", async ({ machine, openHere }) => {
  const efi = { start: 512, length: 1, type: EFI };
  const data = { start: 1024, length: GIB, type: BASIC_DATA };
  machine.disks = [{ ...DRIVE, partitions: [efi, data] }];
  machine.arriving = [volume("efi", { extents: [[NUMBER, 1, 512]] })];
  using disk = openHere();
  await using attachment = await disk.attach({ volumeTimeout: 600 });
  assertEquals([attachment.volumes.length, attachment.complete], [1, false]);
  await attachment.detach();
  machine.volumes = [];
  const mounting = disk.attach({ volumeTimeout: 0, mountPoint: "C:\\mnt" });
  const error = await assertRejects(() => mounting, VirtualDiskError);
  assertEquals(error.symbol, "ERROR_TIMEOUT");
});

const WITHOUT_VOLUMES: [name: string, disk: Partial<MachineDisk>][] = [
  ["a blank one", { partitions: [] }],
  ["one whose MBR is empty", { partitions: [{ start: 0, length: 0, type: 0 }] }],
  ["one of a reserved partition", { partitions: [{ start: 512, length: GIB, type: RESERVED }] }],
  ["one of an extended partition", { partitions: [{ start: 512, length: GIB, type: 0x0f }] }],
  ["one that is offline", {
    isOffline: true,
    partitions: [{ start: 512, length: GIB, type: BASIC_DATA }],
  }],
];

for (const [name, changes] of WITHOUT_VOLUMES) {
  testOnMachine(`of a disk without volumes none is awaited: ${name}`, async (context) => {
    const { machine, openHere } = context;
    machine.disks = [{ ...DRIVE, ...changes }];
    using disk = openHere();
    await using attachment = await disk.attach({ volumeTimeout: FOR_EVER });
    assertEquals([attachment.diskNumber, attachment.volumes], [NUMBER, []]);
    assertEquals(attachment.complete, true);
  });
}

testOnMachine("a disk outside of plug and play has no volumes to wait for", async (context) => {
  const { machine, openHere } = context;
  machine.disks = [{ ...DRIVE, partitions: [{ start: 0, length: GIB, type: BASIC_DATA }] }];
  using disk = openHere();
  await using attachment = await disk.attach({ nonPnp: true, volumeTimeout: FOR_EVER });
  assertEquals(attachment.diskNumber, NUMBER);
});

testOnMachine("volumes that were there before are not asked", async ({ machine, openHere }) => {
  const asked: string[] = [];
  const system = volume("system", { extents: [[0, GIB]] });
  machine.volumes = [{
    ...system,
    get extents() {
      asked.push(system.name);
      return system.extents!;
    },
  }];
  machine.arriving = [volume("own")];
  machine.disks = [{ ...DRIVE, partitions: [{ start: 0, length: GIB, type: 7 }] }];
  using disk = openHere();
  const attachment = await disk.attach();
  assertEquals([attachment.volumes.length, asked], [1, []]);
  await attachment.detach();
});

testOnMachine("a volume with many mount points tells them all", async ({ machine, openHere }) => {
  const mountPoints = Array.from({ length: 60 }, (_, i) => `C:\\${"folder".repeat(5)}\\${i}\\`);
  machine.arriving = [volume("own", { extents: [[NUMBER, GIB]], mountPoints })];
  using disk = openHere();
  await using attachment = await disk.attach({ volumeTimeout: 0 });
  assertEquals(attachment.volumes[0]!.mountPoints, mountPoints);
});

testOnMachine(
  "the largest volume is mounted in a folder as long as it is attached",
  async (context) => {
    const { double, machine, openHere } = context;
    machine.arriving = [
      volume("EFI", { extents: [[NUMBER, 1]] }),
      volume("data", { extents: [[NUMBER, GIB]], mountPoints: ["E:\\"] }),
      volume("recovery", { extents: [[NUMBER, 2]] }),
    ];
    using disk = openHere();
    const mountPoint = "C:\\mnt\\disk";
    {
      await using attachment = await disk.attach({ mountPoint });
      const expected = ["E:\\", `${mountPoint}\\`];
      assertEquals(attachment.volumes[1]!.mountPoints, expected);
      assertEquals(machine.volumes[1]!.mountPoints, expected);
    }
    assertEquals(machine.volumes[1]!.mountPoints, ["E:\\"]);
    double.answers.setDiskNumber(NUMBER);
    machine.volumes = [];
    await disk.attach({ mountPoint: `${mountPoint}\\` });
    assertEquals(double.lastCall("AttachVirtualDisk").flags, 0x003, "no drive letter");
    disk.detach();
    assertEquals(machine.volumes[1]!.mountPoints, ["E:\\"]);
    assertEquals(double.answers.attachments, 0);
  },
);

testOnMachine("a folder in which nothing can be mounted undoes the attach", async (context) => {
  const { double, machine, openHere } = context;
  machine.arriving = [volume("own")];
  machine.mountError = 267;
  using disk = openHere();
  const error = await assertRejects(() => disk.attach({ mountPoint: "C:\\no" }), VirtualDiskError);
  assertEquals(
    [error.symbol, error.operation, error.path],
    ["ERROR_DIRECTORY", "SetVolumeMountPointW", "C:\\no\\"],
  );
  assertEquals(double.answers.attachments, 0);
});

testOnMachine("a disk is detached though its folder cannot be freed", async (context) => {
  const { double, machine, openHere } = context;
  machine.arriving = [volume("own")];
  using disk = openHere();
  const attachment = await disk.attach({ mountPoint: "C:\\mnt" });
  machine.mountError = 5;
  const error = await assertRejects(() => attachment.detach(), VirtualDiskError);
  assertEquals([error.code, error.operation], [5, "DeleteVolumeMountPointW"]);
  assertEquals(double.answers.attachments, 0);
});

testOnMachine(
  "a disk is opened for reading, and by others for its number alone",
  ({ machine, libraries }) => {
    const path = "\\\\.\\PhysicalDrive7";
    const partitions = [0, 5, 6].map((length, i) => ({ start: 512 * i, length, type: 7 }));
    machine.disks = [{ path, type: DISK, number: 7, partitions }];
    const { kernel32 } = machine.over(libraries);
    for (const [isElevated, lengths] of [[true, "5,6"], [false, undefined]] as const) {
      machine.isElevated = isElevated;
      using device = Device.openDisk(kernel32, path)!;
      assertEquals(device.deviceNumber?.number, 7);
      assertEquals(device.volumePartitions?.map(({ length }) => length).join(), lengths);
    }
    assertEquals(Device.openDisk(kernel32, "\\\\.\\PhysicalDrive8"), undefined);
    return Promise.resolve();
  },
);

testOnMachine("a disk is detached when its volumes are flushed and locked", async (context) => {
  const { double, machine, openHere } = context;
  const [other, own] = [volume("other", { extents: [[0, GIB]] }), volume("own")];
  machine.volumes = [other];
  machine.arriving = [own];
  using disk = openHere();
  {
    await using _attachment = await disk.attach({ volumeTimeout: 0 });
    assertEquals(machine.log, []);
  }
  const { name } = own;
  assertEquals(machine.log, [`open ${name}`, `flush ${name}`, `lock ${name}`, `dismount ${name}`]);
  assertEquals(double.answers.attachments, 0);
});

testOnMachine("detach() flushes the volumes too before it locks them", async (context) => {
  const { double, machine, openHere } = context;
  machine.arriving = [volume("own")];
  using disk = openHere();
  await disk.attach({ volumeTimeout: 0 });
  disk.detach();
  const { name } = machine.volumes[0]!;
  assertEquals(machine.log, [`open ${name}`, `flush ${name}`, `lock ${name}`, `dismount ${name}`]);
  assertEquals(double.answers.attachments, 0);
});

testOnMachine("a volume that is only in use for a moment is waited for", async (context) => {
  const { double, machine, openHere } = context;
  machine.arriving = [volume("own", { extents: [[NUMBER, GIB]], timesInUse: 3 })];
  using disk = openHere();
  const attachment = await disk.attach({ volumeTimeout: 0 });
  await attachment.detach();
  assertEquals(double.answers.attachments, 0);
});

testOnMachine("a volume in use keeps its disk attached, and is named", async (context) => {
  const { double, machine, openHere } = context;
  machine.arriving = [
    volume("own", { extents: [[NUMBER, GIB]], mountPoints: ["E:\\"], timesInUse: Infinity }),
  ];
  using disk = openHere();
  const attachment = await disk.attach({ volumeTimeout: 0 });
  const ways = [
    () => attachment.detach(),
    async () => await attachment[Symbol.asyncDispose](),
    async () => await disk.detach(),
  ];
  // Each waits for a volume that might only be in use for a moment.
  for (const way of sampledRows(ways, 3)) {
    const error = await assertRejects(way, VirtualDiskError);
    assertEquals([error.symbol, error.operation], ["ERROR_SHARING_VIOLATION", "DetachVirtualDisk"]);
    assertMatch(error.message, /its volume E:\\ is in use, and the disk stays attached/);
    assertMatch(error.causes.join("\n"), /force: true/);
  }
  assertEquals([double.calls("DetachVirtualDisk"), double.answers.attachments], [0, 1]);
  assertEquals(machine.volumes[0]!.isDismounted, undefined);
  await attachment.detach({ force: true });
  assertEquals([machine.volumes[0]!.isDismounted, double.answers.attachments], [true, 0]);
});

testOnMachine("a disk is detached by force on the script's thread too", async (context) => {
  const { double, machine, openHere } = context;
  machine.arriving = [volume("own", { extents: [[NUMBER, GIB]], timesInUse: Infinity })];
  using disk = openHere();
  await disk.attach({ volumeTimeout: 0 });
  disk.detach({ force: true });
  assertEquals([machine.volumes[0]!.isDismounted, double.answers.attachments], [true, 0]);
});

testOnMachine("a volume that can only be read is locked all the same", async (context) => {
  const { double, machine, openHere } = context;
  machine.arriving = [volume("own", { extents: [[NUMBER, GIB]], openable: "read" })];
  using disk = openHere();
  const attachment = await disk.attach({ volumeTimeout: 0 });
  await attachment.detach();
  const { name } = machine.volumes[0]!;
  assertEquals(machine.log, [`open ${name}`, `lock ${name}`, `dismount ${name}`]);
  assertEquals(double.answers.attachments, 0);
});

testOnMachine("a volume that cannot be locked keeps its disk attached", async (context) => {
  const { double, machine, openHere } = context;
  machine.arriving = [volume("own", { extents: [[NUMBER, GIB]], openable: "no" })];
  using disk = openHere();
  const attachment = await disk.attach({ volumeTimeout: 0 });
  const error = await assertRejects(() => attachment.detach(), VirtualDiskError);
  assertEquals(error.symbol, "ERROR_ACCESS_DENIED");
  assertMatch(error.message, /its volume .*own.* cannot be opened to be locked/);
  assertEquals(double.answers.attachments, 1);
  await attachment.detach({ force: true });
  assertEquals(double.answers.attachments, 0);
});
