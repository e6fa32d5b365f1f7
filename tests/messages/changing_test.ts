/** What is said of resizing, and of a disk that is busy or closed. */
import { assertEquals } from "@std/assert";
import { createVirtualDisk, rebaseVirtualDisk, virtualDiskChanges } from "@virtdisk/virtdisk";
import { createImage } from "../create_image.ts";
import { TempDir } from "../support.ts";
import { create, MIB, open, PORTABLE, testMessages } from "./message.ts";

/** An MBR with one partition from 1 MiB to 6 MiB. */
async function makePartitioned(dir: TempDir): Promise<void> {
  const sector = new Uint8Array(512);
  const view = new DataView(sector.buffer);
  sector[450] = 0x83;
  view.setUint32(454, MIB / 512, true);
  view.setUint32(458, 5 * MIB / 512, true);
  view.setUint16(510, 0xaa55, true);
  using disk = await createImage(dir.file("disk.vhdx"), { size: 8 * MIB });
  disk.writeSync(sector, 0);
}

testMessages([
  {
    name: "24. resizing below the last partition",
    make: makePartitioned,
    api: async (dir) => {
      using disk = await open(dir, "disk.vhdx", { readOnly: false });
      await disk.resize(4 * MIB);
    },
    cli: ["resize", "disk.vhdx", "4MiB"],
    says: [
      /size must be at least 6 MiB, where the last partition ends/,
      /Shrink or remove the last partition first/,
    ],
    apiSays: [/`allowUnsafe`/],
    cliSays: [/--allow-unsafe/],
  },
  {
    name: "24. resizing a disk without partitions",
    make: (dir) => create(dir, "disk.vhdx", { size: 8 * MIB }),
    api: async (dir) => {
      using disk = await open(dir, "disk.vhdx", { readOnly: false });
      await disk.resize(4 * MIB);
    },
    cli: ["resize", "disk.vhdx", "4MiB"],
    says: [/no partition table/],
    apiSays: [/\{ allowUnsafe: true \}/],
    cliSays: [/--allow-unsafe/],
  },
  {
    name: "24. shrinking a VHD",
    make: (dir) => create(dir, "disk.vhd", { size: 8 * MIB }),
    api: async (dir) => {
      using disk = await open(dir, "disk.vhd", { readOnly: false });
      await disk.resize(4 * MIB);
    },
    cli: ["resize", "disk.vhd", "4MiB"],
    says: [/a VHD can grow, but not shrink/, /convert the image/],
  },
  {
    name: "24. resizing to part of a sector",
    make: (dir) => create(dir, "disk.vhdx", { size: 8 * MIB }),
    api: async (dir) => {
      using disk = await open(dir, "disk.vhdx", { readOnly: false });
      await disk.expand(8 * MIB + 1);
    },
    cli: ["expand", "disk.vhdx", "+1"],
    says: [/must be a multiple of the sector size, 512, not 8388609/, /The next one is 8389120/],
    never: [/larger than/, /GiB/],
  },
  {
    name: "24. resizing to nothing",
    make: (dir) => create(dir, "disk.vhdx", { size: 8 * MIB }),
    api: async (dir) => {
      using disk = await open(dir, "disk.vhdx", { readOnly: false });
      await disk.resize(0);
    },
    cli: ["resize", "disk.vhdx", "0"],
    says: [/size must be more than 0/],
    never: [/smallest-safe/],
  },
  {
    name: "24. the changes of a disk without a parent",
    make: (dir) => create(dir, "disk.vhdx", { size: 8 * MIB }),
    api: async (dir) => {
      for await (const _ of virtualDiskChanges(dir.file("disk.vhdx"))) break;
    },
    cli: ["changes", "disk.vhdx"],
    says: [/the disk has no parent/, /says where it differs from another disk/],
    apiSays: [/compareVirtualDisks\(\)/],
    cliSays: [/`virtdisk compare`/],
  },
  {
    name: "24. another parent for a disk that has none",
    make: async (dir) => {
      await create(dir, "disk.vhdx", { size: 8 * MIB });
      await create(dir, "other.vhdx", { size: 8 * MIB });
    },
    api: (dir) =>
      rebaseVirtualDisk(dir.file("disk.vhdx"), { ...PORTABLE, parent: dir.file("other.vhdx") }),
    cli: ["rebase", "disk.vhdx", "other.vhdx"],
    says: [/a dynamic disk does not have a parent/, /Only a differencing disk has one/],
    apiSays: [/createVirtualDisk\(path, \{ parent \}\)/],
    cliSays: [/`virtdisk create --parent PARENT NEWFILE`/],
  },
  {
    name: "25. using a disk after its end",
    make: (dir) => create(dir, "disk.vhdx", { size: 4 * MIB }),
    api: async (dir) => {
      const disk = await open(dir, "disk.vhdx");
      disk.close();
      disk.readSync(new Uint8Array(1), 0);
    },
    apiSays: [/the disk is closed/, /inside the `using` scope/],
  },
  {
    name: "25. using a disk while an operation goes on",
    make: (dir) => create(dir, "disk.vhdx", { size: 4 * MIB }),
    api: async (dir) => {
      using disk = await open(dir, "disk.vhdx", { readOnly: false });
      const compacting = disk.compact();
      try {
        disk.readSync(new Uint8Array(1), 0);
      } finally {
        await compacting;
      }
    },
    apiSays: [/another operation is still running on this disk/, /Await it, or abort its signal/],
  },
]);

Deno.test("message 25. an operation that is cancelled ends with the reason of its signal", async () => {
  using dir = new TempDir();
  await create(dir, "disk.vhdx", { size: 64 * MIB });
  const controller = new AbortController();
  const reason = new Error("enough");
  const copying = createVirtualDisk(dir.file("copy.vhd"), {
    ...PORTABLE,
    source: dir.file("disk.vhdx"),
    signal: controller.signal,
    onProgress: () => controller.abort(reason),
  });
  assertEquals(await copying.catch((error) => error), reason);
  assertEquals([...Deno.readDirSync(dir.path)].map(({ name }) => name), ["disk.vhdx"]);
});
