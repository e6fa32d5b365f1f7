import { assertEquals, assertRejects } from "@std/assert";
import { Device } from "../../src/native/device.ts";
import { VirtualDiskError } from "../../src/errors.ts";
import { type NativeVirtualDisk, openNative } from "../../src/native/native_disk.ts";
import { openRequest } from "../../src/open_request.ts";
import { CD, DISK, Machine, type MachineVolume } from "./machine.ts";
import { type DoubleContext, IMAGE, testWithDouble } from "./with_double.ts";

const NUMBER = 7;
const DRIVE = { path: `\\\\.\\PhysicalDrive${NUMBER}`, type: DISK, number: NUMBER };
const GIB = 1024 ** 3;

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
    const here = { ...libraries, kernel32: machine.over(libraries.kernel32) };
    const openHere = (path = IMAGE) => openNative(openRequest(path, {}), here);
    await fn({ ...context, machine, openHere });
    assertEquals(machine.openHandles, 0, "devices left open");
  });
}

testOnMachine("an attachment has the volumes of its disk, and no others", async (context) => {
  const { machine, openHere } = context;
  machine.volumes = [
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
  assertEquals(attachment.volumes, [
    { guidPath: "\\\\?\\Volume{own}\\", mountPoints: ["E:\\", "C:\\mnt\\a\\"] },
    { guidPath: "\\\\?\\Volume{spanning}\\", mountPoints: [] },
    { guidPath: "\\\\?\\Volume{by number}\\", mountPoints: [] },
  ]);
});

testOnMachine("an ISO image's volume is that of the CD of its number", async (context) => {
  const { machine, openHere } = context;
  machine.disks = [{ path: `\\\\.\\CDRom${NUMBER}`, type: CD, number: NUMBER }];
  machine.volumes = [
    volume("disk"),
    volume("cd", { device: { type: CD, number: NUMBER }, mountPoints: ["F:\\"] }),
  ];
  using disk = openHere("C:\\images\\setup.iso");
  await using attachment = await disk.attach();
  assertEquals(attachment.physicalPath, `\\\\.\\CDRom${NUMBER}`);
  assertEquals(attachment.volumes, [{ guidPath: "\\\\?\\Volume{cd}\\", mountPoints: ["F:\\"] }]);
});

testOnMachine("volumes are awaited until nothing changes any more", async (context) => {
  const { machine, openHere } = context;
  machine.disks = [];
  let looks = 0;
  const steps = [
    () => machine.volumes.push(volume("first")),
    () => machine.volumes.push(volume("second")),
    () => machine.volumes[1]!.mountPoints.push("E:\\"),
  ];
  machine.onSearch = () => steps[looks++]?.();
  using disk = openHere();
  const work = disk.attach();
  await new Promise((resolve) => setTimeout(resolve, 20));
  machine.disks = [{ ...DRIVE, partitions: [GIB, GIB] }];
  await using attachment = await work;
  assertEquals(attachment.volumes.map(({ mountPoints }) => mountPoints), [[], ["E:\\"]]);
});

testOnMachine("a disk without partitions is not waited for", async ({ machine, openHere }) => {
  machine.disks = [{ ...DRIVE, partitions: [0, 0, 0, 0] }];
  using disk = openHere();
  await using attachment = await disk.attach({ volumeTimeout: 2 ** 50 });
  assertEquals([attachment.diskNumber, attachment.volumes], [NUMBER, []]);
});

testOnMachine("a disk outside of plug and play has no volumes to wait for", async (context) => {
  const { machine, openHere } = context;
  machine.disks = [{ ...DRIVE, partitions: [GIB] }];
  using disk = openHere();
  await using attachment = await disk.attach({ nonPnp: true, volumeTimeout: 2 ** 50 });
  assertEquals(attachment.diskNumber, NUMBER);
});

testOnMachine("a volume with many mount points tells them all", async ({ machine, openHere }) => {
  const mountPoints = Array.from({ length: 60 }, (_, i) => `C:\\${"folder".repeat(5)}\\${i}\\`);
  machine.volumes = [volume("own", { extents: [[NUMBER, GIB]], mountPoints })];
  using disk = openHere();
  await using attachment = await disk.attach({ volumeTimeout: 0 });
  assertEquals(attachment.volumes[0]!.mountPoints, mountPoints);
});

testOnMachine(
  "the largest volume is mounted in a folder as long as it is attached",
  async (context) => {
    const { double, machine, openHere } = context;
    machine.volumes = [
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
    await disk.attach({ mountPoint: `${mountPoint}\\` });
    disk.detach();
    assertEquals(machine.volumes[1]!.mountPoints, ["E:\\"]);
    assertEquals(double.answers.attachments, 0);
  },
);

testOnMachine("a folder in which nothing can be mounted undoes the attach", async (context) => {
  const { double, machine, openHere } = context;
  machine.volumes = [volume("own")];
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
  machine.volumes = [volume("own")];
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
    machine.disks = [{ path, type: DISK, number: 7, partitions: [0, 5, 6] }];
    for (const [isElevated, partitions] of [[true, 2], [false, undefined]] as const) {
      machine.isElevated = isElevated;
      using device = Device.openDisk(machine.over(libraries.kernel32), path)!;
      assertEquals([device.deviceNumber?.number, device.partitionCount], [7, partitions]);
    }
    assertEquals(
      Device.openDisk(machine.over(libraries.kernel32), "\\\\.\\PhysicalDrive8"),
      undefined,
    );
    return Promise.resolve();
  },
);
