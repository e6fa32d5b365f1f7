/** The functions of the double that are over when they return. */
import { assertEquals } from "@std/assert";
import { CallMemory } from "../../src/native/call/memory.ts";
import {
  CREATE_VIRTUAL_DISK_PARAMETERS,
  type CreateVersion2,
  RAW_SCSI_VIRTUAL_DISK_PARAMETERS,
} from "../../src/native/ffi/structs.ts";
import { wideString } from "../../src/native/ffi/text.ts";
import { TempDir } from "../support.ts";
import { IMAGE, testWithDouble } from "../native/with_double.ts";
import { multiString } from "./double.ts";

const NO_LOCAL_HOST = 8;
const PERMANENT_LIFETIME = 4;
const READ_WRITE = { readOnly: false } as const;
const MIB = 1024 * 1024;
const NIL = "00000000-0000-0000-0000-000000000000";
const DYNAMIC: CreateVersion2 = {
  UniqueId: NIL,
  MaximumSize: 64n * BigInt(MIB),
  BlockSizeInBytes: 0,
  SectorSizeInBytes: 0,
  PhysicalSectorSizeInBytes: 0,
  ParentPath: 0n,
  SourcePath: 0n,
  OpenFlags: 0,
  ParentVirtualStorageType: { DeviceId: 0, VendorId: NIL },
  SourceVirtualStorageType: { DeviceId: 0, VendorId: NIL },
  ResiliencyGuid: NIL,
};

/** What a function puts into a buffer of the size that it asks for, as text. */
function text(fill: (size: Uint8Array<ArrayBuffer>, buffer: Uint8Array<ArrayBuffer>) => number) {
  const size = new Uint32Array([512]);
  const bytes = new Uint8Array(512);
  assertEquals(fill(new Uint8Array(size.buffer), bytes), 0);
  return String.fromCharCode(...new Uint16Array(bytes.buffer, 0, size[0]! / 2));
}

testWithDouble("an attachment is the handle's, and ends with it", (context) => {
  const { double, libraries: { virtdisk }, open } = context;
  double.answers.setDiskNumber(3);
  const paths = () =>
    text((size, out) => virtdisk.GetAllAttachedVirtualDiskPhysicalPaths(size, out));
  {
    using first = open(IMAGE, READ_WRITE);
    using second = open("C:\\b.vhdx", READ_WRITE);
    assertEquals(virtdisk.DetachVirtualDisk(first.handle, 0, 0), 1168);
    const none = new Uint8Array(4);
    assertEquals(virtdisk.GetVirtualDiskPhysicalPath(first.handle, none, null), 55);
    for (const disk of [first, second]) {
      assertEquals(virtdisk.AttachVirtualDisk(disk.handle, null, 0, 0, null, null), 0);
    }
    assertEquals(virtdisk.AttachVirtualDisk(first.handle, null, 0, 0, null, null), 22);
    const one = "\\\\.\\PhysicalDrive3";
    assertEquals(virtdisk.GetVirtualDiskPhysicalPath(first.handle, none, null), 122);
    assertEquals(new Uint32Array(none.buffer)[0], 2 * (one.length + 1));
    assertEquals(
      text((size, out) => virtdisk.GetVirtualDiskPhysicalPath(first.handle, size, out)),
      `${one}\0`,
    );
    assertEquals(paths(), multiString(IMAGE, "C:\\b.vhdx"));
    assertEquals(virtdisk.DetachVirtualDisk(first.handle, 0, 0), 0);
    assertEquals(paths(), multiString("C:\\b.vhdx"));
  }
  assertEquals([double.answers.attachments, paths()], [0, ""]);
});

testWithDouble("a permanent attachment outlives its handle, until any detaches it", (context) => {
  const { double, libraries: { virtdisk }, open } = context;
  {
    using disk = open(IMAGE, READ_WRITE);
    const flags = PERMANENT_LIFETIME | NO_LOCAL_HOST;
    assertEquals(virtdisk.AttachVirtualDisk(disk.handle, null, flags, 0, null, null), 0);
    assertEquals(virtdisk.GetVirtualDiskPhysicalPath(disk.handle, new Uint8Array(4), null), 55);
  }
  assertEquals(double.answers.attachments, 1);
  using again = open(IMAGE.toUpperCase());
  assertEquals(virtdisk.DetachVirtualDisk(again.handle, 1, 0), 87);
  assertEquals(virtdisk.DetachVirtualDisk(again.handle, 0, 0), 0);
  assertEquals(double.answers.attachments, 0);
});

testWithDouble("attaching for writing needs a handle for it, and known flags", (context) => {
  const { libraries: { virtdisk }, open } = context;
  using disk = open();
  const attach = (flags: number, parameters: number[] | null = null) => {
    const bytes = parameters && new Uint8Array(new Uint32Array(parameters).buffer);
    return virtdisk.AttachVirtualDisk(disk.handle, null, flags, 0, bytes, null);
  };
  assertEquals([attach(0), attach(0x801), attach(0x81)], [5, 87, 87]);
  assertEquals(attach(1, [1, 0, 1, 0, 0, 0]), 87);
  assertEquals(attach(1, [2, 0, 512, 0, 0, 0]), 87);
  assertEquals(attach(0x81, [2, 0, 512, 0, 512, 0]), 0);
  assertEquals(virtdisk.AttachVirtualDisk(0x7ffcn, null, 1, 0, null, null), 6);
});

testWithDouble("creating checks sizes, versions and paths, and gives a handle", (context) => {
  const { double, libraries: { virtdisk, kernel32 } } = context;
  using memory = new CallMemory(kernel32);
  const create = (
    members: Partial<CreateVersion2>,
    { path = "C:\\new.vhdx", mask = 0, flags = 0 } = {},
  ) => {
    const type = new Uint8Array(20);
    const handle = new BigUint64Array(1);
    const values = { ...DYNAMIC, ...members };
    const bytes = CREATE_VIRTUAL_DISK_PARAMETERS.pack({ Version: 2, Version2: values });
    const result = virtdisk.CreateVirtualDisk(
      type,
      wideString(path),
      mask,
      null,
      flags,
      0,
      bytes,
      null,
      new Uint8Array(handle.buffer),
    );
    if (result === 0) kernel32.CloseHandle(handle[0]!);
    return result;
  };
  const parent = memory.addressOfString("C:\\p.vhdx");
  assertEquals(create({ BlockSizeInBytes: MIB, SectorSizeInBytes: 4096 }), 0);
  const { path, parameters } = double.lastCall("CreateVirtualDisk");
  assertEquals([path, parameters?.maximumSize, parameters?.tailIsZero], [
    "C:\\new.vhdx",
    64 * MIB,
    true,
  ]);
  assertEquals(create({ MaximumSize: 0n, ParentPath: parent }), 0);
  assertEquals(double.lastCall("CreateVirtualDisk").parameters?.parentPath, "C:\\p.vhdx");
  assertEquals(create({ ParentPath: parent }), 87);
  assertEquals(create({ MaximumSize: 0n, ParentPath: parent, SourcePath: parent }), 87);
  assertEquals(create({ MaximumSize: 0n, ParentPath: memory.addressOfString("p.vhdx") }), 87);
  assertEquals(create({ MaximumSize: 1000n }), 87);
  assertEquals(create({ MaximumSize: 2n * BigInt(MIB) }), 87);
  assertEquals(create({ MaximumSize: 1n << 47n }), 0xc03a0012);
  assertEquals(create({ BlockSizeInBytes: 3 * MIB }), 87);
  assertEquals(create({ BlockSizeInBytes: MIB }, { path: "C:\\a.vhd" }), 87);
  assertEquals(create({ SectorSizeInBytes: 4096 }, { path: "C:\\a.vhd" }), 87);
  assertEquals(create({}, { mask: 0x10000 }), 87);
  assertEquals(create({}, { flags: 0x800 }), 87);
  assertEquals(create({}, { path: "C:\\a.txt" }), 0xc03a0014);
  assertEquals(create({}, { path: "" }), 123);
  double.operations.tell("CreateVirtualDisk", { code: 112 });
  assertEquals([create({}), double.liveHandles], [112, 0]);
});

testWithDouble("metadata items are counted, kept, cut and deleted", (context) => {
  const { double, libraries: { virtdisk }, open } = context;
  using disk = open(IMAGE, READ_WRITE);
  using reader = open();
  using vhd = open("C:\\a.vhd");
  const id = Uint8Array.from({ length: 16 }, (_, i) => i);
  const { handle } = disk;
  const count = new Uint32Array(1);
  const word = new Uint8Array(count.buffer);
  const data = Uint8Array.of(1, 2, 3);
  assertEquals(virtdisk.SetVirtualDiskMetadata(reader.handle, id, 3, data), 5);
  assertEquals(virtdisk.SetVirtualDiskMetadata(handle, new Uint8Array(16), 3, data), 87);
  assertEquals(virtdisk.EnumerateVirtualDiskMetadata(vhd.handle, word, null), 50);
  assertEquals(virtdisk.EnumerateVirtualDiskMetadata(handle, word, null), 0);
  assertEquals(virtdisk.SetVirtualDiskMetadata(handle, id, 3, data), 0);
  assertEquals(virtdisk.EnumerateVirtualDiskMetadata(handle, word, null), 122);
  assertEquals(count[0], 1);
  const part = new Uint8Array(2);
  for (const code of [122, 234] as const) {
    double.answers.setTooSmallCode(code);
    count[0] = 2;
    assertEquals(virtdisk.GetVirtualDiskMetadata(handle, id, word, part), code);
    assertEquals([count[0], ...part], [3, 1, 2]);
  }
  assertEquals(virtdisk.DeleteVirtualDiskMetadata(handle, id), 0);
  assertEquals(virtdisk.DeleteVirtualDiskMetadata(handle, id), 1168);
});

testWithDouble("dependencies carry their strings, and want room for them", (context) => {
  const { double, libraries: { virtdisk }, open } = context;
  using disk = open();
  const info = new Uint8Array(512);
  const used = new Uint32Array(1);
  const query = (size: number) =>
    virtdisk.GetStorageDependencyInformation(
      disk.handle,
      2,
      size,
      info,
      new Uint8Array(used.buffer),
    );
  assertEquals(query(512), 87);
  info[0] = 2;
  assertEquals(query(512), 0xc03a0015);
  double.answers.addDependency({
    dependencyDeviceName: "\\\\.\\PhysicalDrive3",
    hostVolumeName: "v\\",
    dependentVolumeName: "",
    dependentVolumeRelativePath: "a.vhdx",
  });
  assertEquals([query(8), used[0]], [122, 8 + 64 + 2 * (19 + 3 + 1 + 7)]);
  assertEquals([query(used[0]!), info[4]], [0, 1]);
  const strings = String.fromCharCode(...new Uint16Array(info.buffer, 72, 30));
  assertEquals(strings, "\\\\.\\PhysicalDrive3\0v\\\0\0a.vhdx\0");
  info[0] = 1;
  assertEquals([query(512), used[0]], [0, 8 + 28]);
});

testWithDouble("changes come page by page, within the range that is asked for", (context) => {
  const { double, libraries: { virtdisk }, open } = context;
  using disk = open();
  for (const offset of [0, 4096, 8192]) double.answers.addChange(offset, 512);
  const ranges = new BigUint64Array(6);
  const count = new Uint32Array(1);
  const processed = new BigUint64Array(1);
  const query = (offset: bigint, length: bigint) => {
    count[0] = 2;
    const result = virtdisk.QueryChangesVirtualDisk!(
      disk.handle,
      wideString("id"),
      offset,
      length,
      0,
      new Uint8Array(ranges.buffer),
      new Uint8Array(count.buffer),
      new Uint8Array(processed.buffer),
    );
    return [result, count[0], Number(processed[0])];
  };
  assertEquals(query(256n, 20000n), [0, 2, 8192 - 256]);
  assertEquals([...ranges.subarray(0, 5)], [256n, 256n, 0n, 4096n, 512n]);
  assertEquals(query(8192n, 11000n), [0, 1, 11000]);
  double.answers.limitChanges(1);
  assertEquals(query(0n, 20000n), [0, 1, 4096]);
  assertEquals(query(0n, 0n)[0], 87);
});

testWithDouble("a SCSI command arrives and is answered", (context) => {
  const { double, libraries: { virtdisk, kernel32 }, open } = context;
  using disk = open();
  using memory = new CallMemory(kernel32);
  const [data, sense] = [new Uint8Array(4), new Uint8Array(2)];
  double.answers.answerScsi({
    scsiStatus: 4,
    sense: Uint8Array.of(7, 8, 9),
    data: Uint8Array.of(1, 2, 3),
  });
  const parameters = RAW_SCSI_VIRTUAL_DISK_PARAMETERS.pack({
    Version: 1,
    Version1: {
      RSVDHandle: false,
      SrbFlags: 0,
      DataIn: 1,
      CdbLength: 6,
      SenseInfoLength: 2,
      DataTransferLength: 4,
      DataBuffer: memory.addressOf(data),
      SenseInfo: memory.addressOf(sense),
      Cdb: memory.addressOf(Uint8Array.of(0x12, 0, 0, 0, 4, 0)),
    },
  });
  const response = new Uint8Array(12);
  assertEquals(virtdisk.RawSCSIVirtualDisk!(disk.handle, parameters, 0, response), 0);
  assertEquals(double.lastCall("RawSCSIVirtualDisk").parameters?.cdb, "120000000400");
  assertEquals([...data, ...sense], [1, 2, 3, 0, 7, 8]);
  assertEquals([...response], [1, 0, 0, 0, 4, 2, 0, 0, 3, 0, 0, 0]);
  assertEquals(virtdisk.RawSCSIVirtualDisk!(disk.handle, parameters, 1, response), 87);
});

testWithDouble("a disk that a file backs is read and written through its handle", (context) => {
  const { double, libraries: { kernel32 }, open } = context;
  using dir = new TempDir();
  const file = dir.file("raw.bin");
  Deno.writeFileSync(file, Uint8Array.from({ length: 1024 }, (_, i) => i >> 9));
  double.answers.backWithFile(file);
  using disk = open(IMAGE, READ_WRITE);
  const event = kernel32.CreateEventW(null, 1, 0, null);
  const overlapped = new Uint8Array(32);
  const view = new DataView(overlapped.buffer);
  view.setUint32(16, 512, true);
  view.setBigUint64(24, event, true);
  const buffer = new Uint8Array(512);
  kernel32.ReadFile(disk.handle, buffer, 512, null, overlapped);
  assertEquals(kernel32.WaitForSingleObject(event, 60_000), 0);
  assertEquals([buffer[0], buffer[511], view.getUint32(8, true)], [1, 1, 512]);
  buffer.fill(9);
  kernel32.WriteFile(disk.handle, buffer, 512, null, overlapped);
  assertEquals(kernel32.WaitForSingleObject(event, 60_000), 0);
  kernel32.CloseHandle(event);
  assertEquals([Deno.readFileSync(file)[511], Deno.readFileSync(file)[512]], [0, 9]);
});
