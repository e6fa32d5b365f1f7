import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { openVirtualDisk, type ResizeOptions, VirtualDiskError } from "@virtdisk/virtdisk";
import { createImage } from "../../create_image.ts";
import { sampledRows } from "../../sampling.ts";
import { assertBytesEqual, pattern, TempDir } from "../../support.ts";
import { MIB, partition, symbolOf, writer } from "./resizing.ts";

const GIB = 2 ** 30;
const PARAMETER = "ERROR_INVALID_PARAMETER";
const TYPE = "ERROR_VHD_INVALID_TYPE";
const SIZE = "ERROR_VHD_INVALID_SIZE";
const UNKNOWN = "ERROR_VHD_COULD_NOT_COMPUTE_MINIMUM_VIRTUAL_SIZE";
const UNSAFE = { allowUnsafe: true };

/** What a disk of 8 MiB without partitions says: a VHDX, a VHD, and a differencing VHD. */
const REFUSALS: readonly [
  method: "expand" | "resize",
  size: number | "smallest-safe",
  options: ResizeOptions,
  vhdx: string | undefined,
  vhd: string | undefined,
  differencingVhd: string,
][] = [
  ["expand", 9 * MIB, {}, undefined, undefined, TYPE],
  ["expand", 8 * MIB, {}, PARAMETER, PARAMETER, TYPE],
  ["expand", 4 * MIB, {}, PARAMETER, PARAMETER, TYPE],
  ["expand", 0, {}, PARAMETER, PARAMETER, TYPE],
  ["expand", 9 * MIB + 1, {}, PARAMETER, PARAMETER, TYPE],
  ["expand", 2040 * GIB + 512, {}, undefined, SIZE, TYPE],
  ["expand", 64 * 1024 * GIB + 512, {}, SIZE, SIZE, TYPE],
  ["resize", 9 * MIB, {}, undefined, undefined, TYPE],
  ["resize", 8 * MIB, {}, undefined, undefined, TYPE],
  ["resize", 4 * MIB, {}, UNKNOWN, TYPE, TYPE],
  ["resize", 4 * MIB, UNSAFE, undefined, TYPE, TYPE],
  ["resize", 4 * MIB + 1, UNSAFE, PARAMETER, PARAMETER, TYPE],
  ["resize", 0, UNSAFE, PARAMETER, PARAMETER, TYPE],
  ["resize", "smallest-safe", {}, UNKNOWN, TYPE, TYPE],
  ["resize", "smallest-safe", UNSAFE, PARAMETER, PARAMETER, TYPE],
  ["resize", 2040 * GIB + 512, {}, undefined, SIZE, TYPE],
  ["resize", 64 * 1024 * GIB + 512, {}, SIZE, SIZE, TYPE],
];

for (const [i, format] of (["vhdx", "vhd"] as const).entries()) {
  for (const [j, subtype] of (["fixed", "dynamic", "differencing"] as const).entries()) {
    Deno.test(`what a ${subtype} ${format} cannot become is refused, and nothing is written`, async (t) => {
      using dir = new TempDir();
      const path = dir.file(`disk.${format}`);
      const parent = dir.file(`parent.${format}`);
      const isChild = subtype === "differencing";
      if (isChild) (await createImage(parent, { size: 8 * MIB })).close();
      (await createImage(path, isChild ? { parent } : { size: 8 * MIB, subtype })).close();
      const before = Deno.readFileSync(path);
      // What one kind leaves out of the sample, the next one has.
      const rows = sampledRows(REFUSALS, 2, i + j);
      for (const [method, size, options, vhdx, vhd, differencingVhd] of rows) {
        const expected = format === "vhdx" ? vhdx : isChild ? differencingVhd : vhd;
        await t.step(`${method} ${size} ${JSON.stringify(options)}: ${expected}`, async () => {
          const operation = method === "expand" ? "ExpandVirtualDisk" : "ResizeVirtualDisk";
          for (const dryRun of [true, false]) {
            if (expected === undefined && !dryRun) continue;
            using disk = await writer(path);
            const resize = () => {
              return size === "smallest-safe" || method === "resize"
                ? disk.resize(size, { ...options, dryRun })
                : disk.expand(size, { dryRun });
            };
            if (expected === undefined) assertEquals((await resize()).virtualSize, size);
            else assertEquals(await symbolOf(resize), [expected, operation]);
          }
          assertBytesEqual(Deno.readFileSync(path), before);
        });
      }
    });
  }
}

Deno.test("resize(): a disk whose partitions tell it shrinks down to their end", async () => {
  using dir = new TempDir();
  using disk = await createImage(dir.file("a.vhdx"), { size: 8 * MIB });
  partition(disk);
  const smallest = 4 * MIB + 33 * 512;
  const cut = await symbolOf(() => disk.resize(smallest - 512));
  assertEquals(cut[0], "ERROR_VHD_RESIZE_WOULD_TRUNCATE_DATA");
  await disk.resize(smallest);
  const again = await symbolOf(() => disk.resize("smallest-safe"));
  assertEquals(again[0], "ERROR_VHD_ALREADY_AT_OR_BELOW_MINIMUM_VIRTUAL_SIZE");
});

Deno.test("resize(): what is no number of bytes is refused before all", async () => {
  using dir = new TempDir();
  const [path, child] = [dir.file("a.vhd"), dir.file("b.vhd")];
  (await createImage(path, { size: 8 * MIB })).close();
  (await createImage(child, { parent: path })).close();
  for (const options of [{}, { readOnly: true }]) {
    using disk = await writer(child, options);
    await assertRejects(() => disk.resize(Number.NaN), RangeError);
    await assertRejects(() => disk.expand(-1), RangeError);
  }
});

Deno.test("resize(): a disk opened for reading, and a closed one, keep their size", async () => {
  using dir = new TempDir();
  const path = dir.file("a.vhdx");
  (await createImage(path, { size: 8 * MIB })).close();
  using disk = await openVirtualDisk(path, { backend: "portable" });
  assertEquals((await symbolOf(() => disk.resize(9 * MIB)))[0], "ERROR_ACCESS_DENIED");
  disk.close();
  assertEquals((await symbolOf(() => disk.resize(9 * MIB)))[0], "ERROR_INVALID_HANDLE");
});

for (const format of ["vhd", "vhdx"] as const) {
  Deno.test(`resize(): a ${format} with children keeps its size, unless they may be lost`, async () => {
    using dir = new TempDir();
    const base = dir.file(`base.${format}`);
    const child = dir.file(`child.${format}`);
    (await createImage(base, { size: 8 * MIB })).close();
    (await createImage(child, { parent: base })).close();
    Deno.writeTextFileSync(dir.file(`damaged.${format}`), "no image");
    {
      using disk = await writer(base);
      const error = await assertRejects(() => disk.resize(9 * MIB), VirtualDiskError);
      assertEquals(error.symbol, "ERROR_VHD_INVALID_STATE");
      assertStringIncludes(error.message, JSON.stringify(child));
      await disk.resize(8 * MIB);
    }
    (await openVirtualDisk(child, { backend: "portable" })).close();
    {
      using disk = await writer(base);
      await disk.expand(9 * MIB, { ignoreChildren: true });
    }
    const failure = await assertRejects(
      () => openVirtualDisk(child, { backend: "portable" }),
      VirtualDiskError,
    );
    assertStringIncludes(failure.symbol, "ERROR_VHD_CHILD_PARENT");
  });
}

Deno.test("resize(): a GPT that is to be put right is left alone where children need the disk as it is", async () => {
  for (const format of ["vhd", "vhdx"] as const) {
    using dir = new TempDir();
    const [base, child] = [dir.file(`base.${format}`), dir.file(`child.${format}`)];
    {
      using disk = await createImage(base, { size: 8 * MIB });
      partition(disk);
      // The backup is gone.
      disk.writeSync(new Uint8Array(33 * 512), 8 * MIB - 33 * 512);
    }
    (await createImage(child, { parent: base })).close();
    const before = Deno.readFileSync(base);
    {
      using disk = await writer(base);
      const error = await assertRejects(() => disk.resize(8 * MIB), VirtualDiskError);
      assertEquals(error.symbol, "ERROR_VHD_INVALID_STATE");
      assertStringIncludes(error.message, JSON.stringify(child));
    }
    assertBytesEqual(Deno.readFileSync(base), before);
    (await openVirtualDisk(child, { backend: "portable" })).close();
    using disk = await writer(base);
    await disk.resize(8 * MIB, { ignoreChildren: true });
    const backup = new Uint8Array(8);
    disk.readSync(backup, 8 * MIB - 512);
    assertEquals(new TextDecoder().decode(backup), "EFI PART");
  }
});

Deno.test("resize(): a disk of a machine whose state is saved keeps its size", async () => {
  using dir = new TempDir();
  const path = dir.file("a.vhd");
  {
    using disk = await createImage(path, { size: 8 * MIB, subtype: "fixed" });
    partition(disk);
    // A damaged table, which nobody is to restore.
    disk.writeSync(new Uint8Array(512), 512);
  }
  const bytes = Deno.readFileSync(path);
  const footer = new DataView(bytes.buffer, 8 * MIB);
  footer.setUint8(84, 1);
  footer.setUint32(64, footer.getUint32(64, false) - 1, false);
  Deno.writeFileSync(path, bytes);
  using disk = await writer(path);
  for (const size of [9 * MIB, 8 * MIB]) {
    assertEquals((await symbolOf(() => disk.resize(size)))[0], "ERROR_VHD_INVALID_STATE");
  }
  assertBytesEqual(Deno.readFileSync(path), bytes);
  // The disk can still be used.
  disk.writeSync(pattern(512), 0);
});

Deno.test("resize() of a disk without partitions asks for what its caller has left out", async () => {
  using dir = new TempDir();
  using disk = await createImage(dir.file("a.vhdx"), { size: 8 * MIB });
  const causesOf = async (size: number | "smallest-safe") =>
    (await assertRejects(() => disk.resize(size), VirtualDiskError)).causes.join();
  assertStringIncludes(await causesOf(4 * MIB), "{ allowUnsafe: true }");
  assertEquals((await causesOf(4 * MIB)).includes("a size"), false);
  assertStringIncludes(await causesOf("smallest-safe"), "a size");
});

Deno.test("resize(): what an ISO image cannot become, no right to write makes possible", async () => {
  using dir = new TempDir();
  const path = dir.file("disc.iso");
  const bytes = new Uint8Array(34816);
  bytes.set(new TextEncoder().encode("\x01CD001\x01"), 32768);
  Deno.writeFileSync(path, bytes);
  using disk = await openVirtualDisk(path, { backend: "portable" });
  for (const dryRun of [true, false]) {
    await assertRejects(() => disk.resize(NaN, { dryRun }), RangeError);
    const runs = [
      () => disk.resize(65536, { dryRun }),
      () => disk.expand(65536, { dryRun }),
      () => disk.compact({ dryRun }),
      () => disk.merge({ dryRun }),
    ];
    for (const run of runs) {
      const { symbol, causes } = await assertRejects(run, VirtualDiskError);
      assertEquals(symbol, TYPE);
      assertEquals(causes.join(" ").includes("readOnly"), false);
    }
  }
});
