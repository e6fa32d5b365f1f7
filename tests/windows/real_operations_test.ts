/** What Windows itself does: creating, attaching, raw access and the long operations. Elevated. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { createVirtualDisk, openVirtualDisk, VirtualDiskError } from "@virtdisk/virtdisk";
import { assertBytesEqual, pattern, TempDir, testWith } from "../support.ts";
import { loadOnce, systemHas } from "./system.ts";

loadOnce("windows", "double");

const MIB = 1024 * 1024;
const windows = systemHas("windows");
/** The double stands for Windows where no file is looked into. */
const windowsOrDouble = systemHas("windows", "double");
const native = { backend: "native" } as const;

testWith([windows], "Windows creates a disk, and its sectors are written and read", async () => {
  using dir = new TempDir();
  const path = dir.file("a.vhdx");
  using disk = await createVirtualDisk(path, { ...native, size: 64 * MIB });
  const sectors = pattern(MIB);
  {
    await using _attachment = await disk.attach({ noLocalHost: true });
    assertEquals(disk.writeSync(sectors, MIB), MIB);
    const buffer = new Uint8Array(MIB);
    assertEquals(disk.readSync(buffer, MIB), MIB);
    assertBytesEqual(buffer, sectors);
  }
  disk.close();
  using portable = await openVirtualDisk(path, { backend: "portable" });
  const buffer = new Uint8Array(MIB);
  portable.readSync(buffer, MIB);
  assertBytesEqual(buffer, sectors);
});

for (const readOnly of [true, false]) {
  testWith(
    [windowsOrDouble],
    `Windows attaches a disk with readOnly ${readOnly}, and detaches it`,
    async () => {
      using dir = new TempDir();
      const path = dir.file("a.vhdx");
      (await createVirtualDisk(path, { ...native, size: 64 * MIB })).close();
      using disk = await openVirtualDisk(path, { ...native, readOnly });
      {
        await using attachment = await disk.attach({ noDriveLetter: true, volumeTimeout: 5000 });
        assert(/^\\\\\.\\PhysicalDrive\d+$/.test(attachment.physicalPath!));
        assertEquals(attachment.volumes, []);
        assertEquals(disk.physicalPath(), attachment.physicalPath);
      }
      const error = await assertRejects(
        async () => await disk.physicalPath(),
        VirtualDiskError,
      );
      assertEquals(error.operation, "GetVirtualDiskPhysicalPath");
    },
  );
}

testWith([windows], "Windows resizes, compacts and merges", async () => {
  using dir = new TempDir();
  const parent = dir.file("parent.vhdx");
  const child = dir.file("child.vhdx");
  using disk = await createVirtualDisk(parent, { ...native, size: 64 * MIB });
  await disk.resize(128 * MIB);
  assertEquals(disk.getInformation("size").virtualSize, 128 * MIB);
  let last = 0;
  await disk.compact({ onProgress: ({ fraction }) => last = fraction });
  assertEquals(last, 1);
  disk.close();
  (await createVirtualDisk(child, { ...native, parent })).close();
  using open = await openVirtualDisk(child, { ...native, readOnly: false });
  await open.merge();
});

testWith([windows], "Windows refuses to create what is there, and leaves it alone", async () => {
  using dir = new TempDir();
  const path = dir.file("a.vhdx");
  Deno.writeTextFileSync(path, "not to be lost");
  await assertRejects(
    () => createVirtualDisk(path, { ...native, size: 64 * MIB }),
    VirtualDiskError,
  );
  assertEquals(Deno.readTextFileSync(path), "not to be lost");
});
