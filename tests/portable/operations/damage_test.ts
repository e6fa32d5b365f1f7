import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  convertVirtualDisk,
  type OpenOptions,
  openVirtualDisk,
  openVirtualDiskSync,
  VirtualDiskError,
} from "@virtdisk/virtdisk";
import { createImage } from "../../create_image.ts";
import { contentsOf, createChain, openImage } from "../../images.ts";
import { assertBytesEqual, fileHash, pattern, TempDir } from "../../support.ts";

const MIB = 2 ** 20;

function openDamaged(path: string, options: OpenOptions<"portable"> = {}) {
  return openVirtualDisk(path, { ...options, backend: "portable", damage: "tolerate" });
}

async function assertFails(symbol: string, run: () => Promise<unknown>, part = ""): Promise<void> {
  const error = await assertRejects(run, VirtualDiskError, part);
  assertEquals(error.symbol, symbol);
}

/** A disk of 8 MiB, the first 4 full; the file is cut off in the last of these. */
async function cutImage(dir: TempDir, name = "disk.vhdx"): Promise<string> {
  const path = dir.file(name);
  {
    using disk = await createImage(path, {
      size: "8MiB",
      blockSize: name.endsWith("x") ? "1MiB" : "2MiB",
    });
    disk.writeSync(pattern(4 * MIB), 0);
  }
  const { size } = Deno.statSync(path);
  Deno.truncateSync(path, size - 1000);
  return path;
}

Deno.test("PortableVirtualDisk.damage: says what is lost of a disk and why, and extents() tells it too", async () => {
  using dir = new TempDir();
  const path = await cutImage(dir);
  const before = fileHash(path);
  {
    using disk = await openDamaged(path);
    const { findings, ...damage } = await disk.damage();
    const range = { offset: 4 * MIB - 1000, length: 1000, reason: "cut-off" } as const;
    assertEquals(damage, {
      isWhole: false,
      lostBytes: 1000,
      lostBytesByReason: { "cut-off": 1000 },
      lostRanges: [range],
      leftOut: 0,
      partitions: [{ offset: 0, length: 8 * MIB, lostBytes: 1000 }],
    });
    assertEquals(findings, []);
    const lost = [...disk.extents()].filter(({ kind }) => kind === "lost");
    assertEquals(lost, [{ kind: "lost", ...range }]);
    const expected = pattern(4 * MIB);
    expected.fill(0, 4 * MIB - 1000);
    assertBytesEqual(contentsOf(disk).subarray(0, 4 * MIB), expected);
    assertEquals((await disk.damage({ length: MIB })).lostBytes, 0);
    assertEquals((await disk.damage({ offset: 4 * MIB - 10 })).lostBytes, 10);
    assertEquals(disk.readOnly, true);
    assertEquals(disk.getInformation("size").virtualSize, 8 * MIB);
    assertEquals(disk.information().size?.physicalSize, Deno.statSync(path).size);
  }
  assertEquals(fileHash(path), before);
});

Deno.test("PortableVirtualDisk.damage: nothing is lost of a sound disk of any format", async () => {
  using dir = new TempDir();
  for (const name of ["a.vhdx", "a.vhd", "a.img"]) {
    const path = dir.file(name);
    {
      using disk = await createImage(path, { size: "8MiB" });
      disk.writeSync(pattern(MIB), 3 * MIB);
    }
    using disk = await openDamaged(path, name.endsWith(".img") ? { type: "raw" } : {});
    assertEquals((await disk.damage()).isWhole, true, name);
    using sound = await openVirtualDisk(path, {
      backend: "portable",
      ...(name.endsWith(".img") ? { type: "raw" } : {}),
    });
    assertBytesEqual(contentsOf(disk), contentsOf(sound), name);
  }
});

Deno.test("PortableVirtualDisk.damage: a child without its parent gives what it holds, and the rest is lost", async () => {
  for (const extension of ["vhdx", "vhd"]) {
    using dir = new TempDir();
    const [base, child] = [dir.file(`base.${extension}`), dir.file(`child.${extension}`)];
    await createChain([base, child], { size: "8MiB" }, (disk, depth) => {
      disk.writeSync(pattern(MIB, depth), depth * MIB);
    });
    {
      using disk = await openDamaged(child);
      assertEquals((await disk.damage()).isWhole, true);
      assertEquals(disk.parents.length, 1);
    }
    Deno.renameSync(base, dir.file("elsewhere"));
    using disk = await openDamaged(child);
    const { lostBytes, lostBytesByReason, findings } = await disk.damage();
    assertEquals(lostBytesByReason, { parent: 7 * MIB });
    assertEquals(lostBytes, 7 * MIB);
    assertEquals(findings.map(({ structure }) => structure), ["parent"]);
    const bytes = new Uint8Array(MIB);
    disk.readSync(bytes, MIB);
    assertBytesEqual(bytes, pattern(MIB, 1));
    disk.readSync(bytes, 0);
    assertBytesEqual(bytes, new Uint8Array(MIB));
  }
});

Deno.test("PortableVirtualDisk.damage: what is lost of a parent is lost of its child, unless the child has it", async () => {
  using dir = new TempDir();
  const [base, child] = [dir.file("base.vhdx"), dir.file("child.vhdx")];
  await createChain([base, child], { size: "8MiB", blockSize: "1MiB" }, (disk, depth) => {
    if (depth === 0) disk.writeSync(pattern(8 * MIB), 0);
    else disk.writeSync(pattern(MIB, 9), 7 * MIB);
  });
  const { size } = Deno.statSync(base);
  Deno.truncateSync(base, size - 2 * MIB);
  {
    using disk = await openDamaged(child);
    const { lostRanges } = await disk.damage();
    assertEquals(lostRanges, [{ offset: 6 * MIB, length: MIB, reason: "cut-off" }]);
  }
  // Its header says which disk it is: without one, it may be another.
  const file = Deno.openSync(base, { write: true });
  for (const header of [0x10000, 0x20000]) {
    file.seekSync(header, Deno.SeekMode.Start);
    file.writeSync(new Uint8Array(4096));
  }
  file.close();
  {
    using disk = await openDamaged(child);
    assertEquals((await disk.damage()).lostBytesByReason, { parent: 7 * MIB });
  }
  using disk = await openDamaged(child, { ignoreMismatch: true });
  assertEquals((await disk.damage()).lostBytesByReason, { "cut-off": MIB });
});

Deno.test("PortableVirtualDisk.details: tells what a damaged image still says of itself", async () => {
  using dir = new TempDir();
  for (const name of ["disk.vhdx", "disk.vhd"]) {
    const path = await cutImage(dir, name);
    if (name === "disk.vhd") {
      // The copy of the footer: of the other, the end of the file was cut off.
      using file = Deno.openSync(path, { write: true });
      file.writeSync(new Uint8Array(512));
    }
    const bytes = Deno.readFileSync(path);
    for (const source of [path, bytes]) {
      using disk = await openVirtualDisk(source, {
        backend: "portable",
        damage: "tolerate",
        type: name === "disk.vhd" ? "vhd" : "vhdx",
      });
      const [image] = disk.details().images;
      assertEquals(image.fileSize, bytes.length);
      assertEquals(image.creator, name === "disk.vhd" ? undefined : "virtdisk 0.1");
    }
  }
});

Deno.test("openVirtualDisk: the parent of a damaged image without a path is not looked for", async () => {
  using dir = new TempDir();
  const [base, child] = [dir.file("base.vhdx"), dir.file("child.vhdx")];
  await createChain([base, child], { size: "8MiB", blockSize: "1MiB" }, (disk, depth) => {
    disk.writeSync(pattern(MIB, depth), depth * MIB);
  });
  using alone = await openVirtualDisk(Deno.readFileSync(child), {
    backend: "portable",
    damage: "tolerate",
  });
  assertEquals(alone.parents, []);
  const { lostBytesByReason, findings } = await alone.damage();
  assertEquals(lostBytesByReason, { parent: 7 * MIB });
  assertStringIncludes(findings[0]!.found, "is not looked for: the image has no path itself");
  using whole = await openVirtualDisk(Deno.readFileSync(child), {
    backend: "portable",
    damage: "tolerate",
    parents: [Deno.readFileSync(base)],
  });
  assertEquals((await whole.damage()).isWhole, true);
});

Deno.test("PortableVirtualDisk.damage: counts what is lost of each partition", async () => {
  using dir = new TempDir();
  const path = dir.file("disk.vhdx");
  {
    using disk = await createImage(path, { size: "8MiB", blockSize: "1MiB" });
    disk.writeSync(pattern(8 * MIB), 0);
    const table = new Uint8Array(66);
    const view = new DataView(table.buffer);
    for (const [i, [first, count]] of [[2048, 4096], [8192, 8192]].entries()) {
      view.setUint8(i * 16 + 4, 0x83);
      view.setUint32(i * 16 + 8, first!, true);
      view.setUint32(i * 16 + 12, count!, true);
    }
    table.set([0x55, 0xaa], 64);
    disk.writeSync(table, 446);
  }
  Deno.truncateSync(path, Deno.statSync(path).size - 3 * MIB - 512);
  using disk = await openDamaged(path);
  const { partitions } = await disk.damage();
  assertEquals(partitions, [
    { partition: 1, offset: MIB, length: 2 * MIB, lostBytes: 0 },
    { partition: 2, offset: 4 * MIB, length: 4 * MIB, lostBytes: 3 * MIB + 512 },
  ]);
});

Deno.test("openVirtualDisk: a damaged image is opened for reading alone, and only as it is asked for", async () => {
  using dir = new TempDir();
  const path = await cutImage(dir);
  await assertFails("ERROR_INVALID_PARAMETER", () => openDamaged(path, { readOnly: false }));
  await assertFails("ERROR_INVALID_PARAMETER", () => openDamaged(path, { access: ["all"] }));
  await assertFails(
    "ERROR_INVALID_PARAMETER",
    () => openDamaged(path, { flags: ["custom-diff-chain"] }),
  );
  await assertFails(
    "ERROR_INVALID_PARAMETER",
    () => openVirtualDisk(path, { backend: "portable", assume: { size: 1 } }),
  );
  const atOnce = assertThrows(
    () => openVirtualDiskSync(path, { backend: "portable", damage: "tolerate" }),
    VirtualDiskError,
    "has to be loaded first",
  );
  assertEquals(atOnce.symbol, "ERROR_NOT_SUPPORTED");
  assertStringIncludes(atOnce.causes.join(), 'await openVirtualDisk(path, { damage: "tolerate" })');
  await assertRejects(() => openDamaged(path, { assume: { size: "much" } }), RangeError);
  await assertRejects(() => openDamaged(path, { assume: { length: 1 } as object }), TypeError);
  {
    using disk = await openDamaged(path);
    await assertFails("ERROR_NOT_SUPPORTED", () => disk.freeSpace());
    await assertFails("ERROR_ACCESS_DENIED", () => disk.write(new Uint8Array(512), 0));
  }
  // The file is sound but for its end: reading elsewhere goes on.
  using disk = await openVirtualDisk(path, { backend: "portable" });
  await assertFails("ERROR_INVALID_PARAMETER", () => disk.damage());
});

Deno.test("openVirtualDisk: what a damaged image does not say any more can be said", async () => {
  using dir = new TempDir();
  const path = dir.file("disk.vhdx");
  {
    using disk = await createImage(path, { size: "8MiB", blockSize: "1MiB" });
    disk.writeSync(pattern(4 * MIB), 2 * MIB);
  }
  const bytes = Deno.readFileSync(path);
  Deno.writeFileSync(path, bytes.fill(0, 2 * MIB, 3 * MIB));
  await assertFails("ERROR_FILE_CORRUPT", () => openDamaged(path), "the size of the disk");
  using disk = await openDamaged(path, {
    assume: { size: "8MiB", blockSize: "1MiB", sectorSize: 512 },
  });
  const { lostBytes, isWhole } = await disk.damage();
  // Whether it had a parent, the metadata said.
  assertEquals({ lostBytes, isWhole }, { lostBytes: 0, isWhole: false });
  assertBytesEqual(contentsOf(disk).subarray(2 * MIB, 6 * MIB), pattern(4 * MIB));
});

Deno.test("convertVirtualDisk: copies what is left of a damaged image to every format", async () => {
  using dir = new TempDir();
  for (const from of ["disk.vhdx", "disk.vhd"]) {
    const source = await cutImage(dir, from);
    const before = fileHash(source);
    using damaged = await openDamaged(source);
    for (const to of ["new.vhdx", "new.vhd", "new.img"]) {
      const target = dir.file(to);
      const options = { backend: "portable", overwrite: true } as const;
      if (from.endsWith("x")) {
        await assertRejects(() => convertVirtualDisk(source, target, options), VirtualDiskError);
      }
      await convertVirtualDisk(source, target, { ...options, damage: "tolerate" });
      using disk = to.endsWith(".img")
        ? await openVirtualDisk(target, { backend: "portable", type: "raw" })
        : await openImage(target, true);
      assertBytesEqual(contentsOf(disk), contentsOf(damaged), `${from} to ${to}`);
    }
    assertEquals(fileHash(source), before);
  }
});

Deno.test("createVirtualDisk: takes damage for a file alone, and believes no free space then", async () => {
  using dir = new TempDir();
  const source = await cutImage(dir);
  const target = dir.file("new.vhdx");
  const options = { backend: "portable", damage: "tolerate" } as const;
  await assertFails(
    "ERROR_INVALID_PARAMETER",
    () => convertVirtualDisk(source, target, { ...options, freeSpace: true }),
  );
  await assertFails(
    "ERROR_INVALID_PARAMETER",
    () => convertVirtualDisk(new Blob([]).stream(), target, { ...options, size: MIB }),
  );
  await assertFails(
    "ERROR_INVALID_PARAMETER",
    () => convertVirtualDisk(source, target, { backend: "portable", assume: { size: MIB } }),
  );
  assert(![...Deno.readDirSync(dir.path)].some(({ name }) => name === "new.vhdx"));
});

Deno.test("openVirtualDisk: the native backend refuses to open what is left of an image", async () => {
  await assertFails(
    "ERROR_NOT_SUPPORTED",
    () => openVirtualDisk("disk.vhdx", { backend: "native", damage: "tolerate" }),
  );
});

Deno.test("openVirtualDisk: what is left of an image in memory opens as a file does, of one that is fetched not", async () => {
  using dir = new TempDir();
  const bytes = Deno.readFileSync(await cutImage(dir));
  const options = { backend: "portable", damage: "tolerate" } as const;
  {
    using disk = await openVirtualDisk(bytes, options);
    assertEquals((await disk.damage()).lostBytes, 1000);
  }
  await assertFails("ERROR_NOT_SUPPORTED", () => openVirtualDisk(new Blob([bytes]), options));
});
