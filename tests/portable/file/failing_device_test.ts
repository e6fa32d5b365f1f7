/** What a failing device does not give is nowhere taken for something that is not there. */
import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import {
  checkVirtualDisk,
  diagnose,
  openVirtualDisk,
  openVirtualDiskSync,
  VirtualDiskError,
} from "@virtdisk/virtdisk";
import { join } from "@std/path";
import { createImage } from "../../create_image.ts";
import { fileHash, TempDir } from "../../support.ts";
import { EmptyListings, FailingReads } from "./failing_reads.ts";

const MIB = 2 ** 20;
const PORTABLE = { backend: "portable" } as const;
const SECTOR = new Uint8Array(512).fill(7);

for (const format of ["vhd", "vhdx"]) {
  Deno.test(`${format}: a possible child that cannot be read stops a write`, async () => {
    using dir = new TempDir();
    const [base, child] = [dir.file(`base.${format}`), dir.file(`child.${format}`)];
    (await createImage(base, { size: 8 * MIB })).close();
    (await createImage(child, { parent: base })).close();
    const before = fileHash(base);
    {
      using disk = openVirtualDiskSync(base, { ...PORTABLE, readOnly: false });
      using _reads = new FailingReads(child);
      const error = assertThrows(() => disk.writeSync(SECTOR, 0), VirtualDiskError);
      assertEquals(error.symbol, "ERROR_VHD_INVALID_STATE");
      assertMatch(error.message, /cannot be found out: ".*child\..*" cannot be read/);
    }
    assertEquals(fileHash(base), before);
  });

  Deno.test(`${format}: a folder that is not listed to its end stops a write`, async () => {
    using dir = new TempDir();
    const base = dir.file(`base.${format}`);
    (await createImage(base, { size: 8 * MIB })).close();
    (await createImage(dir.file(`child.${format}`), { parent: base })).close();
    const before = fileHash(base);
    {
      using disk = openVirtualDiskSync(base, { ...PORTABLE, readOnly: false });
      using _listings = new EmptyListings();
      const error = assertThrows(() => disk.writeSync(SECTOR, 0), VirtualDiskError);
      assertMatch(error.message, /cannot be found out: the folder .* was not listed to its end/);
    }
    assertEquals(fileHash(base), before);
  });

  Deno.test(`${format}: a parent further up that cannot be read stops a new link`, async () => {
    using dir = new TempDir();
    const path = (name: string) => dir.file(`${name}.${format}`);
    (await createImage(path("base"), { size: 8 * MIB })).close();
    (await createImage(path("middle"), { parent: path("base") })).close();
    (await createImage(path("leaf"), { parent: path("middle") })).close();
    const before = fileHash(path("leaf"));
    {
      using leaf = openVirtualDiskSync(path("leaf"), {
        ...PORTABLE,
        readOnly: false,
        flags: ["no-parents"],
      });
      using _reads = new FailingReads(path("base"));
      const error = assertThrows(
        () => leaf.setInformation("parentPath", { path: path("middle") }),
        VirtualDiskError,
      );
      assertEquals(error.symbol, "ERROR_VHD_DIFFERENCING_CHAIN_ERROR_IN_PARENT");
    }
    assertEquals(fileHash(path("leaf")), before);
  });
}

Deno.test("a parent that cannot be read is not replaced by an older copy of it", async () => {
  using dir = new TempDir();
  for (const name of ["images", "children"]) Deno.mkdirSync(dir.file(name));
  const base = dir.file(join("images", "base.vhd"));
  const child = dir.file(join("children", "child.vhd"));
  (await createImage(base, { size: 8 * MIB })).close();
  // Beside the child, where the parent's name alone leads; a VHD keeps its identifier when it changes.
  Deno.copyFileSync(base, dir.file("children/base.vhd"));
  {
    using disk = await openVirtualDisk(base, { ...PORTABLE, readOnly: false });
    disk.writeSync(SECTOR, 0);
  }
  (await createImage(child, { parent: base })).close();
  using _reads = new FailingReads(base);
  const error = assertThrows(() => openVirtualDiskSync(child, PORTABLE), VirtualDiskError);
  assertEquals(error.symbol, "ERROR_VHD_DIFFERENCING_CHAIN_ERROR_IN_PARENT");
  assert(error.cause instanceof VirtualDiskError);
  assertEquals([error.cause.symbol, error.cause.path], ["ERROR_IO_DEVICE", base]);
});

Deno.test("a check of a file that cannot be read fails, and a diagnosis says why", async () => {
  using dir = new TempDir();
  for (const name of ["a.vhd", "a.vhdx"]) {
    const path = dir.file(name);
    (await createImage(path, { size: 8 * MIB })).close();
    using _reads = new FailingReads(path);
    for (const repair of [false, true]) {
      const error = await assertRejects(() => checkVirtualDisk(path, { repair }), VirtualDiskError);
      assertEquals(error.symbol, "ERROR_IO_DEVICE");
    }
    const { findings } = await diagnose(path, PORTABLE);
    const symbols = findings.filter(({ severity }) => severity === "error").map((each) =>
      each.symbol
    );
    assertEquals(symbols, ["ERROR_IO_DEVICE"]);
  }
});

Deno.test("information that a device does not give is an error, not a class that does not apply", async () => {
  using dir = new TempDir();
  const path = dir.file("a.vhdx");
  (await createImage(path, { size: 8 * MIB })).close();
  using reads = new FailingReads(path, false);
  using disk = await openVirtualDisk(path, PORTABLE);
  // The block table is read for the partitions, and not before.
  reads.begin();
  const error = assertThrows(() => disk.information({ strict: true }), VirtualDiskError);
  assertEquals(error.symbol, "ERROR_IO_DEVICE");
  assertEquals(assertThrows(() => disk.details(), VirtualDiskError).symbol, "ERROR_IO_DEVICE");
});
