import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import type { AttachOptions } from "../../src/disk/attachment.ts";
import { VirtualDiskError } from "../../src/errors/error.ts";
import { IMAGE, testRowsWithDouble, testWithDouble } from "./with_double.ts";

const ATTACH = "AttachVirtualDisk";
const DETACH = "DetachVirtualDisk";
const ISO = "C:\\images\\setup.iso";
/** Nobody waits for volumes, which the double does not have. */
const AT_ONCE = { volumeTimeout: 0 };

const FLAGS: [option: keyof AttachOptions, bit: number][] = [
  ["readOnly", 0x001],
  ["noDriveLetter", 0x002],
  ["permanent", 0x004],
  ["noLocalHost", 0x008],
  ["noSecurityDescriptor", 0x010],
  ["bypassDefaultEncryptionPolicy", 0x020],
  ["nonPnp", 0x040],
  ["singlePartition", 0x100],
  ["registerVolume", 0x200],
  ["atBoot", 0x400],
];

testRowsWithDouble("attach() sets the flag of each option", async (step) => {
  for (const [option, bit] of FLAGS) {
    await step(option, async ({ double, openWritable }) => {
      using disk = openWritable();
      const attachment = await disk.attach({ ...AT_ONCE, [option]: true });
      const call = double.lastCall(ATTACH);
      assertEquals([call.handle, call.flags], [Number(disk.handle), bit]);
      assertEquals(call.parameters, { version: 1, reserved: 0 });
      const hasDescriptor = option !== "noLocalHost" && option !== "noSecurityDescriptor";
      assertEquals([call.overlappedGiven, call.securityDescriptorGiven], [false, hasDescriptor]);
      assertEquals(call.providerSpecificFlags, 0);
      await attachment.detach();
    });
  }
});

testWithDouble("a range and a security descriptor arrive", async ({ double, openWritable }) => {
  using disk = openWritable();
  await using _attachment = await disk.attach({
    ...AT_ONCE,
    restrictedRange: { offset: 2 ** 40, length: 4096 },
    securityDescriptor: new Uint8Array(20),
  });
  const { flags, parameters, securityDescriptorGiven } = double.lastCall(ATTACH);
  assertEquals([flags, securityDescriptorGiven], [0x80, true]);
  assertEquals(parameters, { version: 2, restrictedOffset: 2 ** 40, restrictedLength: 4096 });
});

testWithDouble("the image file's own descriptor is what is asked for by name", async (context) => {
  const { double, openWritable } = context;
  using disk = openWritable();
  const attachment = await disk.attach({ ...AT_ONCE, securityDescriptor: "image-file" });
  assertEquals(double.lastCall(ATTACH).securityDescriptorGiven, false);
  await attachment.detach();
});

testWithDouble("a disk opened for reading is attached for reading", async ({ double, open }) => {
  const disks = [
    open(),
    open(IMAGE, { access: ["attach-ro", "get-info", "detach"] }),
    open(ISO),
  ];
  for (const disk of disks) {
    await using attachment = await disk.attach(AT_ONCE);
    assertEquals(double.lastCall(ATTACH).flags, 1);
    assertEquals(attachment.permanent, false);
  }
  for (const disk of disks) disk.close();
});

testWithDouble("an ISO image is not attached for writing", async ({ double, open }) => {
  using disk = open(ISO);
  const error = await assertRejects(() => disk.attach({ readOnly: false }), VirtualDiskError);
  assertEquals([error.symbol, error.operation], ["ERROR_ACCESS_DENIED", ATTACH]);
  assertEquals(double.calls(ATTACH), 0);
});

testWithDouble(
  "an attachment tells where the disk is, and ends with its scope",
  async (context) => {
    const { double, openWritable } = context;
    using disk = openWritable();
    double.answers.setDiskNumber(31);
    {
      await using attachment = await disk.attach(AT_ONCE);
      assertEquals(attachment.physicalPath, "\\\\.\\PhysicalDrive31");
      assertEquals(disk.physicalPath(), "\\\\.\\PhysicalDrive31");
      assertEquals(double.answers.attachments, 1);
    }
    assertEquals(double.answers.attachments, 0);
    const { handle, flags, providerSpecificFlags } = double.lastCall(DETACH);
    assertEquals([handle, flags, providerSpecificFlags], [Number(disk.handle), 0, 0]);
    assertThrows(() => disk.physicalPath(), VirtualDiskError, "ERROR_DEV_NOT_EXIST");
  },
);

testWithDouble("without a local host there is no device", async ({ double, openWritable }) => {
  using disk = openWritable();
  await using attachment = await disk.attach({ noLocalHost: true });
  const { physicalPath, diskNumber, volumes } = attachment;
  assertEquals({ physicalPath, diskNumber, volumes }, {
    physicalPath: undefined,
    diskNumber: undefined,
    volumes: [],
  });
  assertEquals(double.calls("GetVirtualDiskPhysicalPath"), 0);
});

testWithDouble("a permanent attachment outlives scope and handle", async (context) => {
  const { double, open, openWritable } = context;
  {
    using disk = openWritable();
    await using attachment = await disk.attach({ ...AT_ONCE, permanent: true });
    assertEquals(attachment.permanent, true);
  }
  assertEquals([double.answers.attachments, double.liveHandles], [1, 0]);
  using later = open();
  later.detach();
  assertEquals(double.answers.attachments, 0);
});

testWithDouble("a permanent attachment is detached when asked", async (context) => {
  const { double, openWritable } = context;
  const disk = openWritable();
  const attachment = await disk.attach({ ...AT_ONCE, permanent: true });
  await attachment.detach();
  await attachment.detach();
  assertEquals([double.answers.attachments, double.calls(DETACH)], [0, 1]);
  const another = await disk.attach({ ...AT_ONCE, permanent: true });
  disk.close();
  const error = await assertRejects(() => another.detach(), VirtualDiskError);
  assertEquals(error.symbol, "ERROR_INVALID_HANDLE");
});

testWithDouble("an attachment ends with its disk", async ({ double, openWritable }) => {
  const disk = openWritable();
  {
    await using _attachment = await disk.attach(AT_ONCE);
    disk.close();
    assertEquals(double.answers.attachments, 0);
  }
  assertEquals(double.calls(DETACH), 0);
});

testWithDouble("an attachment that was detached otherwise ends quietly", async (context) => {
  const { double, openWritable } = context;
  using disk = openWritable();
  using second = openWritable();
  {
    await using _attachment = await disk.attach(AT_ONCE);
    disk.detach();
  }
  assertEquals(double.calls(DETACH), 1);
  {
    await using _attachment = await disk.attach(AT_ONCE);
    second.detach();
  }
  assertEquals([double.calls(DETACH), double.answers.attachments], [3, 0]);
});

testWithDouble("an old attachment does not detach a new one", async ({ double, openWritable }) => {
  using disk = openWritable();
  const old = await disk.attach(AT_ONCE);
  disk.detach();
  await using _attachment = await disk.attach(AT_ONCE);
  await old.detach();
  assertEquals(double.answers.attachments, 1);
});

testWithDouble("detaching a disk in use throws, with whom to look for", async (context) => {
  const { double, openWritable } = context;
  using disk = openWritable();
  const attachment = await disk.attach(AT_ONCE);
  for (const code of [5, 32, 170]) {
    double.nextResult(DETACH, code);
    const error = await assertRejects(() => attachment.detach(), VirtualDiskError);
    assertEquals([error.code, error.operation, error.path], [code, DETACH, IMAGE]);
    assertEquals(error.causes[0]!.includes("handle.exe"), true);
  }
  double.nextResult(DETACH, 32);
  assertThrows(() => disk.detach(), VirtualDiskError, "handle.exe");
  assertEquals(double.answers.attachments, 1);
  await attachment.detach();
});

testWithDouble("a failed attach throws its code", async ({ double, openWritable }) => {
  using disk = openWritable();
  double.nextResult(ATTACH, 1314);
  const error = await assertRejects(() => disk.attach(), VirtualDiskError);
  assertEquals([error.symbol, error.operation], ["ERROR_PRIVILEGE_NOT_HELD", ATTACH]);
  double.operations.tell(ATTACH, { code: 0xc03a001a });
  await assertRejects(() => disk.attach(), VirtualDiskError, "ERROR_VIRTUAL_DISK_LIMITATION");
  assertEquals(double.answers.attachments, 0);
});

testWithDouble("an attach that is given up while Windows works is undone", async (context) => {
  const { double, openWritable } = context;
  using disk = openWritable();
  const controller = new AbortController();
  const work = disk.attach({ signal: controller.signal });
  controller.abort("enough");
  assertEquals(await work.catch((error) => error), "enough");
  assertEquals([double.calls(ATTACH), double.calls(DETACH)], [1, 1]);
  assertEquals(double.answers.attachments, 0);
  assertEquals(await disk.attach({ signal: controller.signal }).catch((error) => error), "enough");
  assertEquals(double.calls(ATTACH), 1);
});

testWithDouble(
  "an attach that is given up while volumes are awaited is undone",
  async (context) => {
    const { double, openWritable } = context;
    using disk = openWritable();
    const controller = new AbortController();
    const reason = new Error("enough");
    const work = disk.attach({ signal: controller.signal });
    while (double.calls("GetVirtualDiskPhysicalPath") === 0) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    assertEquals(double.answers.attachments, 1);
    assertThrows(() => disk.close(), VirtualDiskError, ATTACH);
    controller.abort(reason);
    assertStrictEquals(await work.catch((error) => error), reason);
    assertEquals(double.answers.attachments, 0);
  },
);

testWithDouble("an attach whose volumes do not come has what there is", async (context) => {
  const { double, openWritable } = context;
  using disk = openWritable();
  await using attachment = await disk.attach({ volumeTimeout: 120 });
  assertEquals(attachment.volumes, []);
  assertEquals(double.calls("GetVirtualDiskPhysicalPath") > 1, true);
});

testWithDouble("a mount point without a volume undoes the attach", async (context) => {
  const { double, openWritable } = context;
  using disk = openWritable();
  const attach = () => disk.attach({ ...AT_ONCE, mountPoint: "C:\\mnt" });
  const error = await assertRejects(attach, VirtualDiskError);
  assertEquals([error.symbol, error.operation, error.path], ["ERROR_TIMEOUT", ATTACH, IMAGE]);
  assertEquals(double.answers.attachments, 0);
});

testWithDouble("Windows' refusal to say where the disk is undoes the attach", async (context) => {
  const { double, open } = context;
  using disk = open(IMAGE, { access: ["attach-ro", "detach"] });
  const error = await assertRejects(() => disk.attach(), VirtualDiskError);
  assertEquals(
    [error.symbol, error.operation],
    ["ERROR_ACCESS_DENIED", "GetVirtualDiskPhysicalPath"],
  );
  assertEquals(double.answers.attachments, 0);
});

testWithDouble("wrong options of an attach are refused before the call", async (context) => {
  const { double, openWritable } = context;
  using disk = openWritable();
  await assertRejects(() => disk.attach({ volumeTimeout: -1 }), RangeError);
  await assertRejects(() => disk.attach({ volumeTimeout: NaN }), RangeError);
  const restrictedRange = { offset: 0.5, length: 1 };
  await assertRejects(() => disk.attach({ restrictedRange }), RangeError);
  await assertRejects(() => disk.attach({ mountPoint: "a\0b" }), TypeError);
  assertEquals(double.calls(ATTACH), 0);
});

testWithDouble("after close there is neither attaching nor detaching", async (context) => {
  const disk = context.openWritable();
  disk.close();
  for (const run of [() => disk.attach(), async () => await disk.detach()]) {
    const error = await assertRejects(run, VirtualDiskError);
    assertEquals(error.symbol, "ERROR_INVALID_HANDLE");
  }
});
