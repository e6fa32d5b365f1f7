/** Images in a Blob, whose bytes come later than they are asked for. */
import { createHash } from "node:crypto";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  checkVirtualDisk,
  compareVirtualDisks,
  convertVirtualDisk,
  type Extent,
  openVirtualDisk as openEither,
  virtualDiskChanges,
  VirtualDiskError,
} from "@virtdisk/virtdisk";
import { openVirtualDisk, openVirtualDiskSync } from "@virtdisk/virtdisk/portable";
import { serveVirtualDisk } from "@virtdisk/virtdisk/serve";
import { createImage } from "../create_image.ts";
import { contentsHash, createChain, hashOf, openImage, streamHash } from "../images.ts";
import { sampledRows } from "../sampling.ts";
import { pattern, run, TempDir, testWith, tool } from "../support.ts";

const MIB = 2 ** 20;
const SIZE = 40 * MIB;

function blobOf(path: string): Blob {
  return new Blob([Deno.readFileSync(path)]);
}

const QEMU_IMAGES: Record<string, readonly string[]> = {
  "dynamic.vhd": ["-O", "vpc", "-o", "subformat=dynamic,force_size=on"],
  "fixed.vhd": ["-O", "vpc", "-o", "subformat=fixed,force_size=on"],
  "qemu.vhdx": ["-O", "vhdx", "-o", "block_size=1M"],
};

/** Images of one disk, as qemu-img and this library make them; of the sample one. */
async function images(dir: TempDir): Promise<string[]> {
  const disk = new Uint8Array(SIZE);
  disk.set(pattern(3 * MIB, 1), 512);
  for (let i = 0; i < 10; i++) disk.set(pattern(5000, i), (4 + 3 * i) * MIB + 777);
  disk.set(pattern(1000, 3), SIZE - 1000);
  Deno.writeFileSync(dir.file("disk.img"), disk);
  const paths: string[] = [];
  for (const name of sampledRows([...Object.keys(QEMU_IMAGES), "own.vhdx"], 4, 3)) {
    const path = dir.file(name);
    const options = QEMU_IMAGES[name];
    if (options === undefined) {
      const own = { sourceType: "raw", blockSize: "1MiB" } as const;
      await convertVirtualDisk(dir.file("disk.img"), path, own);
    } else run("qemu-img", "convert", "-f", "raw", ...options, dir.file("disk.img"), path);
    paths.push(path);
  }
  return paths;
}

testWith(
  [tool("qemu-img")],
  "openVirtualDisk: a Blob gives what its file does, in every way",
  async (t) => {
    using dir = new TempDir();
    for (const path of await images(dir)) {
      const name = path.slice(dir.path.length + 1);
      await t.step(name, async () => {
        using local = await openImage(path, true);
        using disk = await openVirtualDisk(blobOf(path));
        assertEquals(disk.path, "(Blob)");
        assertEquals([disk.size, disk.format], [local.size, local.format]);
        const hash = contentsHash(local);
        assertEquals(await streamHash(disk), hash);
        const buffer = new Uint8Array(local.size);
        assertEquals(await disk.read(buffer, 0), local.size);
        assertEquals(createHash("sha256").update(buffer).digest("hex"), hash);
        const extents = await Array.fromAsync<Extent>(disk.extents());
        const expected = [...local.extents()].map((extent) =>
          extent.kind === "zero" ? extent : { ...extent, path: "(Blob)" }
        );
        assertEquals(extents, expected);
        assertEquals(await disk.fetched((disk) => [...disk.extents()]), expected);
        assertEquals(await disk.fetched((disk) => disk.information()), local.information());
        const details = await disk.fetched((disk) => disk.details());
        assertEquals(details.images[0].creator, local.details().images[0].creator);
        assertEquals(await Array.fromAsync(await disk.freeSpace()), []);
        const report = await checkVirtualDisk(blobOf(path));
        const localReport = await checkVirtualDisk(path);
        assertEquals([report.sound, report.format], [localReport.sound, localReport.format]);
        assertEquals(report.findings.length, localReport.findings.length);
        const differences = compareVirtualDisks(blobOf(path), path);
        assertEquals(await Array.fromAsync(differences), []);
        const target = dir.file(`copy-of-${name}.vhdx`);
        await convertVirtualDisk(blobOf(path), target, { backend: "portable" });
        using copy = await openImage(target, true);
        assertEquals(contentsHash(copy), hash);
        const { readable, byteLength } = await disk.imageStream({ type: "vhd" });
        let bytes = 0;
        for await (const chunk of readable) bytes += chunk.length;
        assertEquals(bytes, byteLength);
      });
    }
  },
);

Deno.test("openVirtualDisk: what a Blob does not give at once is refused always, and says how to wait", async (t) => {
  using dir = new TempDir();
  (await createImage(dir.file("disk.vhdx"), { size: SIZE })).close();
  const blob = blobOf(dir.file("disk.vhdx"));
  using disk = await openVirtualDisk(blob);
  // Everything is there now, which changes nothing.
  await streamHash(disk);
  await disk.fetched((disk) => disk.information());
  const rows: [title: string, run: () => unknown, says: string][] = [
    ["readSync", () => disk.readSync(new Uint8Array(1), 0), "await disk.read(buffer, offset)"],
    ["extents", () => [...disk.extents()], "for await (const extent of disk.extents())"],
    ["information", () => disk.information(), "disk.fetched((disk) => disk.information())"],
    ["details", () => disk.details(), "disk.fetched((disk) => disk.details())"],
    ["isoVolume", () => disk.isoVolume, "disk.fetched((disk) => disk.isoVolume)"],
    ["metadata", () => disk.metadata.keys(), "disk.fetched((disk) => disk.metadata"],
    ["is4kAligned", () => disk.getInformation("is4kAligned"), 'disk.getInformation("is4kAligned")'],
    [
      "smallestSafeVirtualSize",
      () => disk.getInformation("smallestSafeVirtualSize"),
      "disk.fetched(",
    ],
    ["openVirtualDiskSync", () => openVirtualDiskSync(blob), "await openVirtualDisk()"],
  ];
  for (const [title, run, says] of rows) {
    await t.step(title, () => {
      const error = assertThrows(run, VirtualDiskError);
      assertEquals(error.symbol, "ERROR_NOT_SUPPORTED");
      assert(error.message.includes(says), error.message);
    });
  }
  await t.step("what the headers say is there", () => {
    for (
      const kind of [
        "size",
        "identifier",
        "storageType",
        "providerSubtype",
        "virtualDiskId",
        "vhdPhysicalSectorSize",
      ] as const
    ) {
      assert(disk.getInformation(kind) !== undefined);
    }
  });
  await t.step("fetched: what is no function, or gives a promise", async () => {
    await assertRejects(() => disk.fetched(undefined as never), TypeError);
    await assertRejects(
      () => disk.fetched((disk) => disk.read(new Uint8Array(1), 0)),
      TypeError,
      "promise",
    );
  });
  await t.step("fetched: an error is told as outside", async () => {
    const error = await assertRejects(
      () => disk.fetched((disk) => disk.getInformation("parentLocation")),
      VirtualDiskError,
    );
    assertEquals(error.symbol, "ERROR_VHD_INVALID_TYPE");
  });
  await t.step("writing", async () => {
    const error = await assertRejects(
      () => openVirtualDisk(blob, { readOnly: false }),
      VirtualDiskError,
    );
    assertEquals(error.symbol, "ERROR_WRITE_PROTECT");
    const compaction = await assertRejects(() => disk.compact(), VirtualDiskError);
    assertEquals(compaction.symbol, "ERROR_ACCESS_DENIED");
    const repair = await assertRejects(
      () => checkVirtualDisk(blob, { repair: true }),
      VirtualDiskError,
    );
    assertEquals(repair.symbol, "ERROR_WRITE_PROTECT");
  });
  await t.step("serveVirtualDisk", async () => {
    const error = await assertRejects(
      async () => await serveVirtualDisk(disk as never, { port: 0 }),
      VirtualDiskError,
    );
    assertEquals(error.symbol, "ERROR_NOT_SUPPORTED");
  });
  await t.step("the native backend", async () => {
    const error = await assertRejects(
      () => openEither(blob, { backend: "native" }),
      VirtualDiskError,
    );
    assertEquals(error.symbol, "ERROR_INVALID_PARAMETER");
  });
});

Deno.test("openVirtualDisk: a child and its parents in Blobs", async (t) => {
  using dir = new TempDir();
  const paths = ["base.vhdx", "leaf.vhdx"].map((name) => dir.file(name));
  await createChain(paths, { size: SIZE, blockSize: MIB }, (disk, depth) => {
    disk.writeSync(pattern(5000, depth), depth * MIB + 100);
    disk.writeSync(pattern(5000, depth), 7 * MIB + 100 * depth);
  });
  const [base, leaf] = paths.map(blobOf);
  const expected = await hashOf(paths[1]!);
  using disk = await openVirtualDisk(leaf!, { parents: [base!] });
  assertEquals(await streamHash(disk), expected);
  {
    using mixed = await openVirtualDisk(paths[1]!, { parents: [base!] });
    assertEquals(await streamHash(mixed), expected);
  }
  await t.step("a child that is written does not wait for its parent", async () => {
    const error = await assertRejects(
      () => openVirtualDisk(paths[1]!, { parents: [base!], readOnly: false }),
      VirtualDiskError,
    );
    assertEquals(error.symbol, "ERROR_NOT_SUPPORTED");
    (await openImage(paths[1]!)).close();
  });
  await t.step("virtualDiskChanges: the parent is not looked for", async () => {
    const error = await assertRejects(
      () => Array.fromAsync(virtualDiskChanges(leaf!)),
      VirtualDiskError,
    );
    assertEquals(error.symbol, "ERROR_VHD_PARENT_VHD_NOT_FOUND");
  });
  await t.step("checkVirtualDisk: the parent is not looked for, and that is told", async () => {
    const { sound, findings } = await checkVirtualDisk(leaf!);
    assert(sound);
    assert(findings.some(({ expected }) => String(expected).includes("was not looked for")));
  });
});

Deno.test("openVirtualDisk: a File's name says what it is called", async () => {
  using dir = new TempDir();
  (await createImage(dir.file("disk.vhd"), { size: SIZE })).close();
  using disk = await openVirtualDisk(
    new File([Deno.readFileSync(dir.file("disk.vhd"))], "mine.vhd"),
  );
  assertEquals(disk.path, "mine.vhd");
});

testWith(
  [tool("mkfs.ext4"), tool("mkfs.ntfs")],
  "freeSpace: what file systems in a Blob leave free is what they do in its file",
  async (t) => {
    const rows: Record<string, readonly string[]> = {
      "mkfs.ext4": ["-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0"],
      "mkfs.ntfs": ["-q", "-F", "-f"],
    };
    for (const [program, options] of sampledRows(Object.entries(rows), 2)) {
      await t.step(program, async () => {
        using dir = new TempDir();
        const raw = dir.file("disk.img");
        Deno.writeFileSync(raw, pattern(64 * MIB));
        run(program, ...options, raw);
        const path = dir.file("disk.vhdx");
        await convertVirtualDisk(raw, path, {
          sourceType: "raw",
          blockSize: MIB,
          backend: "portable",
        });
        const blob = blobOf(path);
        using local = await openImage(path, true);
        using disk = await openVirtualDisk(blob);
        const space = await local.freeSpace();
        assert(space.freeBytes > 50 * MIB, JSON.stringify(space));
        const found = await disk.freeSpace();
        assertEquals([found.freeBytes, found.partitions], [space.freeBytes, space.partitions]);
        assertEquals(await Array.fromAsync(found), await Array.fromAsync(space));
        const copies: string[] = [];
        for (const source of [blob, path]) {
          const target = dir.file(`copy${copies.length}.vhd`);
          await convertVirtualDisk(source, target, { freeSpace: true, backend: "portable" });
          copies.push(await hashOf(target));
        }
        assertEquals(copies[0], copies[1]);
      });
    }
  },
);
