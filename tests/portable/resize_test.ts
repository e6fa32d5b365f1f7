import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "@std/path";
import {
  createVirtualDisk,
  openVirtualDisk,
  type PortableVirtualDisk,
  VirtualDiskError,
} from "@virtdisk/virtdisk";
import { createImage } from "../create_image.ts";
import { assertBytesEqual, pattern, ROOT, run, TempDir } from "../support.ts";
import { MemoryDisk } from "./partitions/partition_builder.ts";

const MIB = 2 ** 20;
const GIB = 2 ** 30;

/** Opens for writing. */
function writer(path: string, options = {}): Promise<PortableVirtualDisk> {
  return openVirtualDisk(path, { backend: "portable", readOnly: false, ...options });
}

async function symbolOf(run: () => Promise<unknown>): Promise<[string, string]> {
  const { symbol, operation } = await assertRejects(run, VirtualDiskError);
  return [symbol, operation];
}

/** Puts a GPT with one partition up to 4 MiB onto a disk of 8 MiB. */
function partition(disk: PortableVirtualDisk): void {
  const table = new MemoryDisk(8 * MIB / 512);
  table.gpt([2048, 8191]);
  disk.writeSync(table.bytes, 0);
}

Deno.test("sizes that a disk cannot have are refused, and nothing is written", async (t) => {
  const rows = [
    ["a.vhdx", "expand", 8 * MIB, "ERROR_INVALID_PARAMETER"],
    ["a.vhdx", "expand", 4 * MIB, "ERROR_INVALID_PARAMETER"],
    ["a.vhdx", "expand", 9 * MIB + 1, "ERROR_INVALID_PARAMETER"],
    ["a.vhdx", "resize", 0, "ERROR_INVALID_PARAMETER"],
    ["a.vhdx", "resize", 65 * 1024 * GIB, "ERROR_VHD_INVALID_SIZE"],
    ["a.vhdx", "resize", 4 * MIB, "ERROR_VHD_COULD_NOT_COMPUTE_MINIMUM_VIRTUAL_SIZE"],
    ["a.vhdx", "resize", "smallest-safe", "ERROR_VHD_COULD_NOT_COMPUTE_MINIMUM_VIRTUAL_SIZE"],
    ["a.vhd", "resize", 2041 * GIB, "ERROR_VHD_INVALID_SIZE"],
    ["a.vhd", "resize", 4 * MIB, "ERROR_VHD_INVALID_TYPE"],
    ["a.vhd", "resize", "smallest-safe", "ERROR_VHD_INVALID_TYPE"],
  ] as const;
  for (const [name, method, size, symbol] of rows) {
    await t.step(`${name} ${method} ${size}`, async () => {
      using dir = new TempDir();
      (await createImage(dir.file(name), { size: 8 * MIB })).close();
      const before = Deno.readFileSync(dir.file(name));
      using disk = await writer(dir.file(name));
      const resize = () => method === "expand" ? disk.expand(size) : disk.resize(size);
      const operation = method === "expand" ? "ExpandVirtualDisk" : "ResizeVirtualDisk";
      assertEquals(await symbolOf(resize), [symbol, operation]);
      disk.close();
      assertBytesEqual(Deno.readFileSync(dir.file(name)), before);
    });
  }
  await t.step("what is no number of bytes", async () => {
    using dir = new TempDir();
    using disk = await createImage(dir.file("a.vhdx"), { size: 8 * MIB });
    await assertRejects(() => disk.resize(Number.NaN), RangeError);
    await assertRejects(() => disk.expand(-1), RangeError);
  });
});

Deno.test("a disk opened for reading, and a closed one, keep their size", async () => {
  using dir = new TempDir();
  const path = dir.file("a.vhdx");
  (await createImage(path, { size: 8 * MIB })).close();
  using disk = await openVirtualDisk(path, { backend: "portable" });
  assertEquals((await symbolOf(() => disk.resize(9 * MIB)))[0], "ERROR_ACCESS_DENIED");
  disk.close();
  assertEquals((await symbolOf(() => disk.resize(9 * MIB)))[0], "ERROR_INVALID_HANDLE");
});

for (
  const [name, options] of [
    ["a.vhd", { subtype: "fixed" }],
    ["a.vhd", { subtype: "dynamic" }],
    ["a.vhdx", { subtype: "fixed" }],
    ["a.vhdx", { subtype: "dynamic", blockSize: MIB }],
    ["a.vhdx", { subtype: "dynamic", sectorSize: 4096 }],
  ] as const
) {
  const title = JSON.stringify(options);
  Deno.test(`an open disk goes on with its new size (${name} ${title})`, async () => {
    using dir = new TempDir();
    using disk = await createImage(dir.file(name), { size: 8 * MIB, ...options });
    disk.writeSync(pattern(8 * MIB), 0);
    assertEquals(await disk.expand(20 * MIB), {
      dryRun: false,
      virtualSize: 20 * MIB,
      previousSize: 8 * MIB,
    });
    disk.writeSync(pattern(MIB, 3), 19 * MIB);
    const expected = new Uint8Array(20 * MIB);
    expected.set(pattern(8 * MIB));
    expected.set(pattern(MIB, 3), 19 * MIB);
    const bytes = new Uint8Array(21 * MIB);
    assertEquals(disk.readSync(bytes, 0), 20 * MIB);
    assertBytesEqual(bytes.subarray(0, 20 * MIB), expected);
    disk.close();
    using again = await openVirtualDisk(disk.path, { backend: "portable" });
    again.readSync(bytes, 0);
    assertBytesEqual(bytes.subarray(0, 20 * MIB), expected);
  });
}

Deno.test("a raw disk grows and shrinks", async () => {
  using dir = new TempDir();
  using disk = await createImage(dir.file("a.raw"), { size: 8 * MIB, type: "raw" });
  partition(disk);
  await disk.resize("smallest-safe");
  assertEquals(disk.getInformation("size").virtualSize, 4 * MIB + 33 * 512);
  await disk.expand(6 * MIB);
  assertEquals(Deno.statSync(disk.path).size, 6 * MIB);
});

Deno.test("allowUnsafe cuts partitions off, and leaves their table alone", async () => {
  using dir = new TempDir();
  using disk = await createImage(dir.file("a.vhdx"), { size: 8 * MIB });
  partition(disk);
  const before = new Uint8Array(MIB);
  disk.readSync(before, 0);
  await disk.resize(2 * MIB, { allowUnsafe: true });
  const after = new Uint8Array(MIB);
  disk.readSync(after, 0);
  assertBytesEqual(after, before);
  assertEquals(disk.getInformation("size").virtualSize, 2 * MIB);
});

for (const format of ["vhd", "vhdx"] as const) {
  Deno.test(`a ${format} with children keeps its size, unless they may be lost`, async () => {
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

Deno.test("a GPT that is to be put right is left alone where children need the disk as it is", async () => {
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

Deno.test("a differencing VHD keeps its size; a VHDX does not, and shows nothing of its parent", async () => {
  using dir = new TempDir();
  for (const format of ["vhd", "vhdx"]) {
    using base = await createImage(dir.file(`base.${format}`), { size: 8 * MIB });
    base.writeSync(pattern(8 * MIB), 0);
    base.close();
    (await createImage(dir.file(`child.${format}`), { parent: base.path })).close();
  }
  using old = await writer(dir.file("child.vhd"));
  assertEquals((await symbolOf(() => old.expand(9 * MIB)))[0], "ERROR_VHD_INVALID_TYPE");
  {
    using alone = await writer(dir.file("child.vhdx"), { flags: ["no-parents"] });
    assertEquals((await symbolOf(() => alone.resize(9 * MIB)))[0], "ERROR_VHD_INVALID_STATE");
  }
  using disk = await writer(dir.file("child.vhdx"));
  await disk.resize(3 * MIB + 512, { allowUnsafe: true });
  await disk.resize(10 * MIB);
  const bytes = new Uint8Array(10 * MIB);
  disk.readSync(bytes, 0);
  const expected = new Uint8Array(10 * MIB);
  expected.set(pattern(8 * MIB).subarray(0, 3 * MIB + 512));
  assertBytesEqual(bytes, expected);
});

Deno.test("a disk of a machine whose state is saved keeps its size", async () => {
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

Deno.test("a resize can be watched, and cancelled before it begins", async () => {
  using dir = new TempDir();
  using disk = await createVirtualDisk(dir.file("a.vhdx"), { size: 8 * MIB, backend: "portable" });
  const reason = new Error("not now");
  const aborted = await assertRejects(() =>
    disk.expand(9 * MIB, { signal: AbortSignal.abort(reason) })
  );
  assertEquals(aborted, reason);
  assertEquals(disk.getInformation("size").virtualSize, 8 * MIB);
  const fractions: number[] = [];
  await disk.expand(9 * MIB, { onProgress: ({ fraction }) => fractions.push(fraction) });
  assertEquals(fractions.at(-1), 1);
});

Deno.test("resizing needs no permission for the folder, where children would be", async () => {
  using dir = new TempDir();
  const path = dir.file("a.vhdx");
  (await createImage(path, { size: 8 * MIB })).close();
  const script = dir.file("resize.ts");
  const module = JSON.stringify(import.meta.resolve("@virtdisk/virtdisk"));
  Deno.writeTextFileSync(
    script,
    `import { openVirtualDisk } from ${module};
using disk = await openVirtualDisk(Deno.args[0]!, { backend: "portable", readOnly: false });
console.log((await disk.expand(${9 * MIB})).virtualSize);`,
  );
  const config = `--config=${join(ROOT, "deno.json")}`;
  const rights = ["--no-prompt", `--allow-read=${path}`, `--allow-write=${path}`];
  assertEquals(run(Deno.execPath(), "run", config, ...rights, script, path), `${9 * MIB}\n`);
});

Deno.test("while a disk is being resized it is not closed, nor resized again", async () => {
  using dir = new TempDir();
  using disk = await createImage(dir.file("a.vhdx"), { size: 8 * MIB });
  let closing: unknown;
  let resizing: Promise<[string, string]> | undefined;
  await disk.expand(9 * MIB, {
    onProgress: () => {
      closing ??= assertThrows(() => disk.close(), VirtualDiskError).symbol;
      resizing ??= symbolOf(() => disk.resize(10 * MIB));
    },
  });
  assertEquals(closing, "ERROR_INVALID_STATE");
  assertEquals((await resizing)?.[0], "ERROR_INVALID_STATE");
});
