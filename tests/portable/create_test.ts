import { assertEquals, assertInstanceOf, assertNotEquals, assertRejects } from "@std/assert";
import { toFileUrl } from "@std/path";
import { type CreateOptions, openVirtualDiskSync, VirtualDiskError } from "@virtdisk/virtdisk";
import { TempDir } from "../support.ts";
import { createImage } from "../create_image.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;
const TIB = 1024 * GIB;

async function refusal(path: string, options: CreateOptions): Promise<VirtualDiskError> {
  const error = await assertRejects(() => createImage(path, options), VirtualDiskError);
  assertEquals(error.operation, "CreateVirtualDisk");
  return error;
}

/** Defaults of CreateVirtualDisk: format, options, then block, logical and physical sector size. */
const DEFAULTS: [type: "vhd" | "vhdx", options: CreateOptions, sizes: number[]][] = [
  ["vhd", { size: 8 * MIB }, [2 * MIB, 512, 512]],
  ["vhd", { size: 8 * MIB, subtype: "fixed" }, [0, 512, 512]],
  ["vhd", { size: 8 * MIB, blockSize: 512 * KIB }, [512 * KIB, 512, 512]],
  ["vhdx", { size: 8 * MIB }, [32 * MIB, 512, 4096]],
  ["vhdx", { size: 8 * MIB, sectorSize: 4096 }, [32 * MIB, 4096, 4096]],
  ["vhdx", { size: 8 * MIB, physicalSectorSize: 512 }, [32 * MIB, 512, 512]],
  ["vhdx", { size: 8 * MIB, blockSize: MIB }, [MIB, 512, 4096]],
  ["vhdx", { size: 8 * MIB, blockSize: 256 * MIB }, [256 * MIB, 512, 4096]],
  ["vhdx", { size: 8 * MIB, subtype: "fixed" }, [8 * MIB, 512, 4096]],
  ["vhdx", { size: 5 * MIB, subtype: "fixed" }, [MIB, 512, 4096]],
  // No smaller block than a VHDX may have.
  ["vhdx", { size: 5 * MIB + 512, subtype: "fixed" }, [MIB, 512, 4096]],
];

Deno.test("createVirtualDisk() chooses the sizes that are not given", async (t) => {
  for (const [type, options, expected] of DEFAULTS) {
    await t.step(`${type} ${JSON.stringify(options)}`, async () => {
      using dir = new TempDir();
      using disk = await createImage(dir.file(`disk.${type}`), options);
      const { virtualSize, blockSize, sectorSize } = disk.getInformation("size");
      assertEquals(virtualSize, options.size);
      assertEquals([blockSize, sectorSize, disk.getInformation("vhdPhysicalSectorSize")], expected);
      assertEquals(disk.getInformation("providerSubtype"), options.subtype ?? "dynamic");
      assertEquals(disk.getInformation("storageType").device, type);
    });
  }
});

Deno.test("createVirtualDisk() of a child takes everything from the parent", async (t) => {
  using dir = new TempDir();
  const rows: [name: string, parent: CreateOptions, blockSize: number][] = [
    ["a.vhd", { size: 8 * MIB, blockSize: 512 * KIB }, 512 * KIB],
    ["b.vhd", { size: 8 * MIB, subtype: "fixed" }, 2 * MIB],
    ["c.vhdx", { size: 8 * MIB, sectorSize: 4096 }, 2 * MIB],
    ["d.vhdx", { size: 8 * MIB, subtype: "fixed", physicalSectorSize: 512 }, 2 * MIB],
  ];
  for (const [name, options, blockSize] of rows) {
    await t.step(name, async () => {
      using parent = await createImage(dir.file(name), options);
      const information = parent.information();
      parent.close();
      using child = await createImage(dir.file(`child-${name}`), { parent: dir.file(name) });
      assertEquals(child.getInformation("size"), {
        ...information.size!,
        physicalSize: Deno.statSync(child.path).size,
        blockSize,
      });
      assertEquals(
        child.getInformation("vhdPhysicalSectorSize"),
        information.vhdPhysicalSectorSize,
      );
      assertEquals(child.getInformation("parentIdentifier"), information.identifier);
      assertEquals(child.getInformation("providerSubtype"), "differencing");
      const sameDisk = child.getInformation("virtualDiskId") === information.virtualDiskId;
      assertEquals(sameDisk, name.endsWith("vhdx"), "a VHDX passes its disk id on, a VHD does not");
    });
  }
});

Deno.test("createVirtualDisk() gives each disk another identifier, or the wanted one", async () => {
  using dir = new TempDir();
  const size = 3 * MIB;
  const identifier = "3F2504E0-4F89-41D3-9A0C-0305E82C3301";
  using a = await createImage(dir.file("a.vhdx"), { size });
  using b = await createImage(dir.file("b.vhdx"), { size });
  using c = await createImage(dir.file("c.vhdx"), { size, identifier });
  using d = await createImage(dir.file("d.vhd"), { size, identifier });
  assertNotEquals(a.getInformation("virtualDiskId"), b.getInformation("virtualDiskId"));
  assertNotEquals(a.getInformation("identifier"), b.getInformation("identifier"));
  assertEquals(c.getInformation("virtualDiskId"), identifier.toLowerCase());
  assertEquals(d.getInformation("identifier"), identifier.toLowerCase());
  await assertRejects(
    () => createImage(dir.file("e.vhd"), { size, identifier: "3F2504E0" }),
    TypeError,
  );
});

/** What CreateVirtualDisk documents as ERROR_INVALID_PARAMETER. */
const INVALID: [name: string, options: CreateOptions][] = [
  ["a.vhd", { size: 3 * MIB - 512 }],
  ["a.vhdx", { size: 0 }],
  ["a.vhd", { size: 3 * MIB + 1 }],
  ["a.vhdx", { size: 3 * MIB + 512, sectorSize: 4096 }],
  ["a.vhd", { size: 8 * MIB, blockSize: MIB }],
  ["a.vhd", { size: 8 * MIB, subtype: "fixed", blockSize: 2 * MIB }],
  ["a.vhdx", { size: 8 * MIB, blockSize: 512 * KIB }],
  ["a.vhdx", { size: 8 * MIB, blockSize: 512 * MIB }],
  ["a.vhdx", { size: 8 * MIB, blockSize: 3 * MIB }],
  ["a.vhd", { size: 8 * MIB, sectorSize: 4096 }],
  ["a.vhd", { size: 8 * MIB, physicalSectorSize: 4096 }],
  ["a.vhdx", { size: 8 * MIB, sectorSize: 1024 }],
  ["a.vhdx", { size: 8 * MIB, physicalSectorSize: 0 }],
  ["a.bin", { size: 8 * MIB }],
  ["a.iso", { size: 8 * MIB }],
  ["a.vhd", { size: 8 * MIB, subtype: "differencing" }],
  ["", { size: 8 * MIB, type: "vhd" }],
];

Deno.test("createVirtualDisk() refuses wrong options and names (87), and leaves nothing", async (t) => {
  for (const [name, options] of INVALID) {
    await t.step(`${JSON.stringify(name)} ${JSON.stringify(options)}`, async () => {
      using dir = new TempDir();
      const error = await refusal(name === "" ? "" : dir.file(name), options);
      assertEquals([error.code, error.symbol], [87, "ERROR_INVALID_PARAMETER"]);
      assertEquals([...Deno.readDirSync(dir.path)], []);
    });
  }
});

Deno.test("createVirtualDisk() refuses what does not fit the parent (87)", async (t) => {
  using dir = new TempDir();
  (await createImage(dir.file("base.vhdx"), { size: 8 * MIB })).close();
  const parent = dir.file("base.vhdx");
  const rows: [name: string, options: CreateOptions][] = [
    ["a.vhdx", { parent, size: 8 * MIB }],
    ["a.vhdx", { parent, sectorSize: 4096 }],
    ["a.vhdx", { parent, physicalSectorSize: 512 }],
    ["a.vhdx", { parent, subtype: "dynamic" }],
    ["a.vhdx", { parent, subtype: "fixed" }],
    ["a.vhd", { parent }],
  ];
  for (const [name, options] of rows) {
    await t.step(`${name} ${JSON.stringify({ ...options, parent: undefined })}`, async () => {
      assertEquals((await refusal(dir.file(name), options)).code, 87);
    });
  }
});

Deno.test("createVirtualDisk() makes the largest disks, and refuses larger ones", async (t) => {
  using dir = new TempDir();
  const rows: [name: string, options: CreateOptions, tooLarge: number][] = [
    ["a.vhd", { size: 2040 * GIB }, 2040 * GIB + 512],
    ["b.vhd", { size: 2040 * GIB, blockSize: 512 * KIB }, 4096 * GIB],
    ["c.vhdx", { size: 64 * TIB }, 64 * TIB + 512],
    ["d.vhdx", { size: 64 * TIB, blockSize: MIB }, 64 * TIB + MIB],
    ["e.vhdx", { size: 64 * TIB, sectorSize: 4096, blockSize: 256 * MIB }, 2 ** 52],
  ];
  for (const [name, options, tooLarge] of rows) {
    await t.step(`${name} ${JSON.stringify(options)}`, async () => {
      using disk = await createImage(dir.file(name), options);
      assertEquals(disk.getInformation("size").virtualSize, options.size);
      assertEquals(
        [...disk.extents({ offset: Number(options.size) - MIB })].map(({ kind }) => kind),
        [
          "zero",
        ],
      );
      const error = await refusal(dir.file(`x${name}`), { ...options, size: tooLarge });
      assertEquals(error.symbol, "ERROR_VHD_INVALID_SIZE");
    });
  }
});

Deno.test("createVirtualDisk() takes no space for a fixed disk where the file system can", async () => {
  using dir = new TempDir();
  for (const name of ["a.vhd", "a.vhdx"]) {
    using disk = await createImage(dir.file(name), { size: 10 * GIB, subtype: "fixed" });
    const { size, blocks } = Deno.statSync(disk.path);
    assertEquals(size > 10 * GIB, true);
    // Where the system counts no blocks, or the file system knows no holes, there is nothing to see.
    if (blocks !== null && blocks * 512 < size) assertEquals(blocks * 512 < 16 * MIB, true);
  }
});

Deno.test("createVirtualDisk() does not touch an existing file, unless asked", async () => {
  using dir = new TempDir();
  const path = dir.file("disk.vhdx");
  Deno.writeTextFileSync(path, "precious");
  const error = await refusal(path, { size: 8 * MIB });
  assertEquals([error.code, error.symbol], [80, "ERROR_FILE_EXISTS"]);
  assertEquals(Deno.readTextFileSync(path), "precious");
  using disk = await createImage(path, { size: 8 * MIB, overwrite: true });
  assertEquals(disk.getInformation("size").virtualSize, 8 * MIB);
  assertEquals([...Deno.readDirSync(dir.path)].map(({ name }) => name), ["disk.vhdx"]);
});

Deno.test("createVirtualDisk() that fails leaves nothing behind", async () => {
  using dir = new TempDir();
  const missing = await refusal(dir.file("missing/disk.vhd"), { size: 8 * MIB });
  assertEquals([missing.code, missing.symbol], [3, "ERROR_PATH_NOT_FOUND"]);
  Deno.mkdirSync(dir.file("folder.vhd"));
  const folder = await refusal(dir.file("folder.vhd"), { size: 8 * MIB, overwrite: true });
  assertEquals(folder.symbol, "ERROR_ACCESS_DENIED");
  const parent = dir.file("missing.vhd");
  assertEquals((await refusal(dir.file("child.vhd"), { parent })).symbol, "ERROR_FILE_NOT_FOUND");
  assertEquals([...Deno.readDirSync(dir.path)].map(({ name }) => name), ["folder.vhd"]);
});

Deno.test("createVirtualDisk() that runs out of space leaves nothing behind", async () => {
  using dir = new TempDir();
  const original = Deno.FsFile.prototype.writeSync;
  let writes = 0;
  try {
    for (let failing = 1;; failing++) {
      writes = 0;
      Deno.FsFile.prototype.writeSync = function (bytes) {
        writes++;
        if (writes < failing) return original.call(this, bytes);
        throw Object.assign(new Error("No space left on device (os error 28)"), { code: "ENOSPC" });
      };
      try {
        (await createImage(dir.file("a.vhdx"), { size: 8 * MIB })).close();
        break;
      } catch (error) {
        assertInstanceOf(error, VirtualDiskError);
        assertEquals(error.symbol, "ERROR_DISK_FULL");
        assertEquals([...Deno.readDirSync(dir.path)], [], `after write ${failing}`);
      }
    }
  } finally {
    Deno.FsFile.prototype.writeSync = original;
  }
  assertEquals(writes > 3, true);
});

Deno.test("createVirtualDisk() gives the disk to its maker alone until it is closed", async () => {
  using dir = new TempDir();
  const path = dir.file("disk.vhdx");
  {
    using _disk = await createImage(path, { size: 8 * MIB });
    const error = await refusal(dir.file("child.vhdx"), { parent: path });
    assertEquals(error.symbol, "ERROR_SHARING_VIOLATION");
  }
  openVirtualDiskSync(path, { backend: "portable" }).close();
});

Deno.test("createVirtualDisk() takes file URLs, and paths of any script", async () => {
  using dir = new TempDir();
  const base = toFileUrl(dir.file("grund lage-日本-😀.vhdx"));
  (await createImage(base, { size: 8 * MIB })).close();
  using child = await createImage(toFileUrl(dir.file("kind.vhdx")), { parent: base });
  assertEquals(child.parents, [dir.file("grund lage-日本-😀.vhdx")]);
});

Deno.test("createVirtualDisk() gives up on an aborted signal, and refuses wrong arguments", async () => {
  using dir = new TempDir();
  const signal = AbortSignal.abort(new RangeError("enough"));
  const path = dir.file("a.vhd");
  await assertRejects(
    () => createImage(path, { size: 8 * MIB, signal }),
    RangeError,
    "enough",
  );
  for (const size of [-1, 1.5, Number.NaN, 2 ** 53]) {
    await assertRejects(() => createImage(path, { size }), RangeError);
  }
  await assertRejects(() => createImage(path, {}), TypeError, "size");
  const wrong = { size: 8 * MIB, type: "iso" as "vhd" };
  await assertRejects(() => createImage(path, wrong), TypeError, "iso");
  assertEquals([...Deno.readDirSync(dir.path)], []);
});
