/** What a check is as an operation: of open disks, of hostile files, repaired, cancelled. */
import { assertEquals, assertRejects } from "@std/assert";
import { checkVirtualDisk, openVirtualDisk, VirtualDiskError } from "@virtdisk/virtdisk";
import { createImage } from "../../create_image.ts";
import { Random } from "../../fuzz/random.ts";
import { IS_FULL } from "../../sampling.ts";
import { assertBytesEqual, pattern, TempDir } from "../../support.ts";
import { DYNAMIC_TABLE, newVhd } from "../vhd/vhd_builder.ts";
import { VhdxBuilder } from "../vhdx/vhdx_builder.ts";
import { checkBytes } from "./planted.ts";

const MIB = 1 << 20;

Deno.test("check() of an open disk leaves it usable, with what was written to it", async () => {
  using dir = new TempDir();
  for (const type of ["vhd", "vhdx"] as const) {
    using disk = await createImage(dir.file(`disk.${type}`), { size: 8 * MIB });
    disk.writeSync(pattern(5000), 777);
    const checking = disk.check({ repair: true });
    await assertRejects(
      // The file is the check's alone for so long.
      () => Promise.resolve().then(() => disk.readSync(new Uint8Array(1), 0)),
      VirtualDiskError,
      "is still running",
    );
    assertEquals((await checking).findings, []);
    disk.writeSync(pattern(100, 3), 3 * MIB);
    const bytes = new Uint8Array(5000);
    disk.readSync(bytes, 777);
    assertBytesEqual(bytes, pattern(5000), type);
  }
});

Deno.test("check(): a disk that is open for reading is checked, but not repaired", async () => {
  using dir = new TempDir();
  const path = dir.file("disk.vhd");
  (await createImage(path, { size: 8 * MIB })).close();
  const bytes = Deno.readFileSync(path);
  bytes[100] = 1;
  Deno.writeFileSync(path, bytes);
  using disk = await openVirtualDisk(path, { backend: "portable" });
  const { sound, findings } = await disk.check();
  assertEquals([sound, findings[0]?.structure], [false, "footer copy"]);
  const error = await assertRejects(() => disk.check({ repair: true }), VirtualDiskError);
  assertEquals(error.symbol, "ERROR_ACCESS_DENIED");
  assertBytesEqual(Deno.readFileSync(path), bytes, "the file");
});

Deno.test("check() with repair cuts the tail that nothing uses, and keeps the rest", async (t) => {
  for (const type of ["vhd", "vhdx"] as const) {
    await t.step(`${type}`, async () => {
      using dir = new TempDir();
      const path = dir.file(`disk.${type}`);
      {
        using disk = await createImage(path, { size: 8 * MIB, blockSize: 2 * MIB });
        disk.writeSync(pattern(6 * MIB), 0);
        disk.trimSync(4 * MIB, 2 * MIB);
      }
      const { size } = Deno.statSync(path);
      const { sound, findings } = await checkVirtualDisk(path, { repair: true });
      assertEquals([sound, findings.map(({ repaired }) => repaired)], [true, [true]]);
      assertEquals(size - Deno.statSync(path).size >= 2 * MIB, true);
      assertEquals((await checkVirtualDisk(path)).findings, []);
      using disk = await openVirtualDisk(path, { backend: "portable", readOnly: false });
      const bytes = new Uint8Array(8 * MIB);
      disk.readSync(bytes, 0);
      assertBytesEqual(bytes.subarray(0, 4 * MIB), pattern(4 * MIB));
      assertBytesEqual(bytes.subarray(4 * MIB), new Uint8Array(4 * MIB));
      disk.writeSync(pattern(2 * MIB), 6 * MIB);
    });
  }
});

Deno.test("check(): nothing is repaired in a file that is damaged beyond it", async () => {
  using dir = new TempDir();
  const path = dir.file("disk.vhd");
  {
    using disk = await createImage(path, { size: 8 * MIB });
    disk.writeSync(pattern(100), 0);
  }
  const bytes = Deno.readFileSync(path);
  bytes[100] = 1;
  // The entry of the first block names the footer copy.
  bytes.fill(0, DYNAMIC_TABLE, DYNAMIC_TABLE + 4);
  Deno.writeFileSync(path, bytes);
  const { sound, findings } = await checkVirtualDisk(path, { repair: true });
  assertEquals([sound, findings.map(({ repairable }) => repairable)], [false, [false, false]]);
  assertBytesEqual(Deno.readFileSync(path), bytes, "the file");
});

Deno.test("check(): checks report damage and never throw, whatever bytes a file has", async () => {
  const images = [
    ["vhd", newVhd()],
    ["vhd", newVhd({ subtype: "fixed" })],
    ["vhd", newVhd({ subtype: "differencing" })],
    ["vhdx", new VhdxBuilder().bytes],
    ["vhdx", new VhdxBuilder({ subtype: "differencing" }).bytes],
  ] as const;
  const random = new Random(7);
  const rounds = IS_FULL ? 60 : 15;
  for (const [format, image] of images) {
    for (let i = 0; i < rounds; i++) {
      const bytes = image.slice(0, random.chance(20) ? random.below(image.length) : image.length);
      for (let n = random.below(6); n >= 0 && bytes.length > 0; n--) {
        bytes[random.below(Math.min(bytes.length, random.pick([512, 4096, MIB, 4 * MIB])))] = random
          .below(256);
      }
      const { findings, sound } = await checkBytes(bytes, format);
      assertEquals(sound, findings.every(({ severity }) => severity === "info"));
      await checkBytes(bytes, format, { repair: true });
    }
  }
});

Deno.test("check(): the findings about a table of garbage are bounded, and counted", async () => {
  const file = new VhdxBuilder({ virtualSize: 4096 * MIB });
  for (let i = 0; i < 4000; i++) file.bat(i, 5, 0);
  const { findings, leftOut } = await checkBytes(file.bytes, "vhdx");
  assertEquals([findings.length, leftOut], [1000, 3000]);
});

Deno.test("check(): a check fails for what is no damage: no file, another's lock, an abort", async () => {
  using dir = new TempDir();
  const path = dir.file("disk.vhdx");
  const missing = await assertRejects(() => checkVirtualDisk(path), VirtualDiskError);
  assertEquals(missing.symbol, "ERROR_FILE_NOT_FOUND");
  using writer = await createImage(path, { size: 8 * MIB });
  const locked = await assertRejects(() => checkVirtualDisk(path), VirtualDiskError);
  assertEquals(locked.symbol, "ERROR_SHARING_VIOLATION");
  writer.close();
  const signal = AbortSignal.abort(new Error("enough"));
  await assertRejects(() => checkVirtualDisk(path, { signal }), Error, "enough");
  Deno.writeTextFileSync(dir.file("notes.txt"), "no image");
  const { format, sound, findings } = await checkVirtualDisk(dir.file("notes.txt"));
  assertEquals([format, sound, findings.length], [undefined, false, 1]);
});

Deno.test("check(): a repair that is cancelled at the last moment has changed nothing", async () => {
  using dir = new TempDir();
  const path = dir.file("disk.vhd");
  (await createImage(path, { size: 8 * MIB })).close();
  const bytes = Deno.readFileSync(path);
  bytes[100] = 1;
  Deno.writeFileSync(path, bytes);
  const controller = new AbortController();
  const onProgress = ({ fraction }: { fraction: number }) => {
    if (fraction === 1) controller.abort(new Error("cancelled"));
  };
  const { signal } = controller;
  const options = { repair: true, signal, onProgress };
  await assertRejects(() => checkVirtualDisk(path, options), Error, "cancelled");
  assertBytesEqual(Deno.readFileSync(path), bytes);
});
