/** What is said of attaching disks, and of what else only Windows does. */
import { attachedVirtualDisks, openVirtualDisk } from "@virtdisk/virtdisk";
import { create, MIB, open, testMessages } from "./message.ts";

testMessages([
  {
    name: "1. a disk is to be attached, which only Windows does",
    make: (dir) => create(dir, "disk.vhdx", { size: 4 * MIB }),
    api: async (dir) => {
      using disk = await open(dir, "disk.vhdx");
      await disk.attach();
    },
    cli: ["attach", "disk.vhdx"],
    apiSays: [
      /Only Windows attaches disks/,
      /readSync\(\), writeSync\(\), readable\(\)/,
      /serveVirtualDisk\(\)/,
    ],
    cliSays: [/only Windows attaches disks/, /virtdisk read/],
    never: [/backend: "native"/, /on Windows\.$/],
  },
  {
    name: "2. which device or drive letter it is",
    make: (dir) => create(dir, "disk.vhdx", { size: 4 * MIB }),
    api: async (dir) => {
      using disk = await open(dir, "disk.vhdx");
      disk.physicalPath();
    },
    apiSays: [/Only Windows attaches disks: here none has a device/],
  },
  {
    name: "2. which disks are attached",
    api: () => attachedVirtualDisks(),
    cli: ["attached"],
    says: [/only Windows attaches/],
  },
  {
    name: "20. the native backend off Windows",
    api: () => openVirtualDisk("disk.vhdx", { backend: "native" }),
    cli: ["info", "--backend", "native", "disk.vhdx"],
    says: [/the native backend needs Windows/],
    apiSays: [/\{ backend: "portable" \}/],
    cliSays: [/--backend portable/],
    never: [/trimmed|VirtDisk\.dll/],
  },
  {
    name: "21. what only a newer Windows does, off Windows",
    make: (dir) => create(dir, "disk.vhdx", { size: 4 * MIB }),
    api: async (dir) => {
      using disk = await open(dir, "disk.vhdx");
      disk.takeSnapshot();
    },
    apiSays: [/The native backend can, on Windows/],
    never: [/older/],
  },
  {
    name: "22. detaching, off Windows",
    make: (dir) => create(dir, "disk.vhdx", { size: 4 * MIB }),
    api: async (dir) => {
      using disk = await open(dir, "disk.vhdx");
      await disk.detach();
    },
    cli: ["detach", "disk.vhdx"],
    apiSays: [/Only Windows attaches disks/],
    cliSays: [/only Windows attaches disks/],
    never: [/handle\.exe/],
  },
]);
