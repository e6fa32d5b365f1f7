import { assertEquals } from "@std/assert";
import { listAttachedDisks } from "../../src/native/dependencies.ts";
import type { Libraries } from "../../src/native/ffi/library.ts";
import { CD, DISK, Machine } from "./machine.ts";
import { type DoubleContext, testWithDouble } from "./with_double.ts";

const CHILD = "D:\\vm\\child.vhdx";
const BASE = "D:\\vm\\base.vhdx";
const PLAIN = "D:\\vm\\plain.vhd";
const ISO = "D:\\iso\\setup.iso";
const GIB = 1024 ** 3;

/** The libraries on a machine with three disks, of which the first two have volumes. */
function onMachine({ libraries }: DoubleContext): Libraries {
  const machine = new Machine();
  machine.isElevated = false;
  machine.disks = [
    { path: "\\\\.\\PhysicalDrive7", type: DISK, number: 7 },
    { path: "\\\\.\\PhysicalDrive8", type: DISK, number: 8 },
    { path: "\\\\.\\CDRom1", type: CD, number: 1 },
  ];
  machine.volumes = [
    { name: "\\\\?\\Volume{1}", mountPoints: ["V:\\", "C:\\mnt\\"], extents: [[7, GIB]] },
    { name: "\\\\?\\Volume{2}", mountPoints: ["W:\\"], device: { type: CD, number: 1 } },
  ];
  return machine.over(libraries);
}

testWithDouble("attached disks are told by image, device, parents and mount points", (context) => {
  const { double, libraries: { virtdisk }, open } = context;
  const here = onMachine(context);
  assertEquals(listAttachedDisks(here), []);
  double.addParent(CHILD, BASE);
  using child = open(CHILD);
  using plain = open(PLAIN);
  using iso = open(ISO);
  for (const disk of [child, plain]) {
    assertEquals(virtdisk.AttachVirtualDisk(disk.handle, null, 1, 0, null, null), 0);
  }
  double.answers.nextDevicePath("\\\\.\\CDROM1");
  assertEquals(virtdisk.AttachVirtualDisk(iso.handle, null, 1, 0, null, null), 0);
  assertEquals(listAttachedDisks(here), [
    {
      imagePath: CHILD,
      physicalPath: "\\\\.\\PhysicalDrive7",
      parents: [BASE],
      mountPoints: ["V:\\", "C:\\mnt\\"],
    },
    { imagePath: PLAIN, physicalPath: "\\\\.\\PhysicalDrive8", parents: [], mountPoints: [] },
    { imagePath: ISO, physicalPath: "\\\\.\\CDROM1", parents: [], mountPoints: ["W:\\"] },
  ]);
});

testWithDouble("an attached disk that cannot be asked hides no other", (context) => {
  const { double, libraries: { virtdisk }, open } = context;
  using first = open(CHILD);
  using second = open(PLAIN);
  for (const disk of [first, second]) {
    assertEquals(virtdisk.AttachVirtualDisk(disk.handle, null, 1, 0, null, null), 0);
  }
  const here = onMachine(context);
  for (
    const [name, code] of [
      ["OpenVirtualDisk", 32],
      ["OpenVirtualDisk", 5],
      ["GetVirtualDiskPhysicalPath", 55],
    ] as const
  ) {
    double.nextResult(name, code);
    const [one, two, ...more] = listAttachedDisks(here);
    assertEquals([one?.imagePath, one?.physicalPath, one?.error?.code, one?.error?.operation], [
      CHILD,
      undefined,
      code,
      name,
    ]);
    assertEquals([two?.imagePath, two?.physicalPath, two?.error, more], [
      PLAIN,
      "\\\\.\\PhysicalDrive8",
      undefined,
      [],
    ]);
  }
});

testWithDouble(
  "parents that lead back, or cannot be opened, end the list of parents",
  (context) => {
    const { double, libraries: { virtdisk }, open } = context;
    double.addParent(CHILD, BASE);
    double.addParent(BASE, CHILD.toUpperCase());
    using child = open(CHILD);
    assertEquals(virtdisk.AttachVirtualDisk(child.handle, null, 1, 0, null, null), 0);
    const here = onMachine(context);
    assertEquals(listAttachedDisks(here).map(({ parents }) => parents), [[BASE]]);
    const { OpenVirtualDisk } = here.virtdisk;
    let opens = 0;
    const missing: Libraries["virtdisk"] = {
      ...here.virtdisk,
      OpenVirtualDisk: (...args) => ++opens === 2 ? 2 : OpenVirtualDisk(...args),
    };
    const [disk] = listAttachedDisks({ ...here, virtdisk: missing });
    assertEquals([disk?.physicalPath, disk?.parents, disk?.error?.path, disk?.error?.code], [
      "\\\\.\\PhysicalDrive7",
      [],
      BASE,
      2,
    ]);
  },
);

testWithDouble("as many images as there are come in a list of any length", (context) => {
  const { libraries: { virtdisk }, open } = context;
  using stack = new DisposableStack();
  const images = Array.from({ length: 64 }, (_, i) => `D:\\${"long ".repeat(30)}\\${i}.vhdx`);
  for (const image of images) {
    const disk = stack.use(open(image));
    assertEquals(virtdisk.AttachVirtualDisk(disk.handle, null, 1, 0, null, null), 0);
  }
  const here = onMachine(context);
  assertEquals(listAttachedDisks(here).map(({ imagePath }) => imagePath), images);
});
