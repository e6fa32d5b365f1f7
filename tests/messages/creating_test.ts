/** What is said of new files, their sizes and names. */
import { createVirtualDisk, openVirtualDisk } from "@virtdisk/virtdisk";
import { create, MIB, open, PORTABLE, testMessages } from "./message.ts";

testMessages([
  {
    name: "15. the file exists",
    make: (dir) => create(dir, "disk.vhdx", { size: 4 * MIB }),
    api: (dir) => createVirtualDisk(dir.file("disk.vhdx"), { ...PORTABLE, size: 4 * MIB }),
    cli: ["create", "--size", "4MiB", "disk.vhdx"],
    says: [/the file exists already/],
    apiSays: [/\{ overwrite: true \}/],
    cliSays: [/--overwrite/],
  },
  {
    name: "15. the folder does not exist",
    api: (dir) => createVirtualDisk(dir.file("none/disk.vhdx"), { ...PORTABLE, size: 4 * MIB }),
    cli: ["create", "--size", "4MiB", "none/disk.vhdx"],
    says: [/The folder for the new file does not exist: make it first/],
    never: [/drive/],
  },
  {
    name: "15. the folder of the parent does not exist",
    api: (dir) =>
      createVirtualDisk(dir.file("disk.vhdx"), { ...PORTABLE, parent: dir.file("none/base.vhdx") }),
    cli: ["create", "--parent", "none/base.vhdx", "disk.vhdx"],
    says: [/none\/base\.vhdx": a folder of the path does not exist/, /check it/],
    never: [/new file/],
  },
  {
    name: "15. the file does not exist",
    api: (dir) => open(dir, "none.vhdx"),
    cli: ["map", "none.vhdx"],
    says: [/No file has that name: check the path and the current directory/],
  },
  {
    name: "17. a block size that no VHDX has",
    api: (dir) =>
      createVirtualDisk(dir.file("disk.vhdx"), { ...PORTABLE, size: 4 * MIB, blockSize: 1000 }),
    cli: ["create", "--size", "4MiB", "--block-size", "1000", "disk.vhdx"],
    says: [/must be a power of two from 1 MiB to 256 MiB, not 1000/],
    apiSays: [/blockSize must be/],
    cliSays: [/--block-size must be/],
    never: [/at least 3 MiB/, /older/],
  },
  {
    name: "17. a disk that is too small",
    api: (dir) => createVirtualDisk(dir.file("disk.vhdx"), { ...PORTABLE, size: MIB }),
    cli: ["create", "--size", "1MiB", "disk.vhdx"],
    says: [/size must be at least 3 MiB, not 1 MiB/],
    never: [/Block sizes/, /older/],
  },
  {
    name: "17. a size that was meant to be of GiB",
    api: (dir) => createVirtualDisk(dir.file("disk.vhdx"), { ...PORTABLE, size: 10 }),
    cli: ["create", "disk.vhdx", "10"],
    says: [/A number without a unit is of bytes: "10GiB" is a size too/],
    never: [/at least 3 MiB/, /next one/],
  },
  {
    name: "17. a size of part of a sector",
    api: (dir) => createVirtualDisk(dir.file("disk.vhdx"), { ...PORTABLE, size: 3 * MIB + 1 }),
    cli: ["create", "disk.vhdx", "3145729"],
    says: [/must be a multiple of 512, not 3145729/, /The next one is 3146240/],
    never: [/GiB/],
  },
  {
    name: "17. a disk that is too large",
    api: (dir) => createVirtualDisk(dir.file("disk.vhd"), { ...PORTABLE, size: "3TiB" }),
    cli: ["create", "--size", "3TiB", "disk.vhd"],
    says: [/size must be at most 2040 GiB in this format, not 3 TiB/, /a VHDX at most 64 TiB/],
  },
  {
    name: "18. a name that is too long",
    api: (dir) => open(dir, `${"n".repeat(300)}.vhdx`),
    cli: ["map", `${"n".repeat(300)}.vhdx`],
    says: [/at most 255 bytes/],
    never: [/\\\\\?\\/],
  },
  {
    name: "18. a path with a NUL",
    api: (dir) => openVirtualDisk(`${dir.path}\0.vhdx`, PORTABLE),
    apiSays: [/path must not hold a NUL character/],
  },
]);
