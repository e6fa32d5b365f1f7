import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { createVirtualDisk, openVirtualDisk, VirtualDiskError } from "@virtdisk/virtdisk";
import { createImage } from "../../create_image.ts";
import { assertBytesEqual, pattern, ROOT, run, TempDir } from "../../support.ts";
import { MIB, partition, symbolOf, writer } from "./resizing.ts";

Deno.test("resize() leaves a disk open, with its new size", async (t) => {
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
    await t.step(`${name} ${title}`, async () => {
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
});

Deno.test("resize(): a raw disk grows and shrinks", async () => {
  using dir = new TempDir();
  using disk = await createImage(dir.file("a.raw"), { size: 8 * MIB, type: "raw" });
  partition(disk);
  await disk.resize("smallest-safe");
  assertEquals(disk.getInformation("size").virtualSize, 4 * MIB + 33 * 512);
  await disk.expand(6 * MIB);
  assertEquals(Deno.statSync(disk.path).size, 6 * MIB);
});

Deno.test("resize(): allowUnsafe cuts partitions off, and leaves their table alone", async () => {
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

Deno.test("resize(): a differencing VHD keeps its size; a VHDX does not, and shows nothing of its parent", async () => {
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

Deno.test("resize(): a resize can be watched, and cancelled before it begins", async () => {
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

Deno.test("resize() and compact(): what is done is not cancelled any more", async () => {
  using dir = new TempDir();
  using disk = await createVirtualDisk(dir.file("a.vhdx"), { size: 8 * MIB, backend: "portable" });
  const cancelling = () => {
    const controller = new AbortController();
    const onProgress = ({ fraction }: { fraction: number }) => {
      if (fraction === 1) controller.abort(new Error("too late"));
    };
    return { signal: controller.signal, onProgress };
  };
  assertEquals((await disk.resize(9 * MIB, cancelling())).virtualSize, 9 * MIB);
  assertEquals((await disk.compact(cancelling())).dryRun, false);
});

Deno.test("resize(): resizing needs no permission for the folder, if children are of no concern", async () => {
  using dir = new TempDir();
  const path = dir.file("a.vhdx");
  (await createImage(path, { size: 8 * MIB })).close();
  const script = dir.file("resize.ts");
  const module = JSON.stringify(import.meta.resolve("@virtdisk/virtdisk"));
  Deno.writeTextFileSync(
    script,
    `import { openVirtualDisk } from ${module};
using disk = await openVirtualDisk(Deno.args[0]!, { backend: "portable", readOnly: false });
console.log((await disk.expand(${9 * MIB}, { ignoreChildren: true })).virtualSize);`,
  );
  const config = `--config=${join(ROOT, "deno.json")}`;
  const rights = ["--no-prompt", `--allow-read=${path}`, `--allow-write=${path}`];
  assertEquals(run(Deno.execPath(), "run", config, ...rights, script, path), `${9 * MIB}\n`);
});

Deno.test("resize(): while a disk is being resized it is not closed, nor resized again", async () => {
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
