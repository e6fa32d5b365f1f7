import { assertEquals, assertMatch } from "@std/assert";
import { checkVirtualDisk, type CreateOptions, openVirtualDisk } from "@virtdisk/virtdisk";
import { createImage } from "../../create_image.ts";
import { TempDir } from "../../support.ts";
import { newVhd } from "../vhd/vhd_builder.ts";
import { checkBytes } from "./planted.ts";

const MIB = 1 << 20;

const KINDS: [name: string, options: CreateOptions][] = [
  ["dynamic.vhd", { size: 16 * MIB }],
  ["fixed.vhdx", { size: 16 * MIB, subtype: "fixed" }],
  ["dynamic.vhdx", { size: 16 * MIB, blockSize: MIB }],
];

Deno.test("check() of an image that is cut off counts the bytes that are missing", async (t) => {
  for (const [name, options] of KINDS) {
    await t.step(`${name}`, async () => {
      using dir = new TempDir();
      const path = dir.file(name);
      {
        using disk = await createImage(path, options);
        for (let i = 0; i < 4; i++) disk.writeSync(new Uint8Array(4096).fill(1), i * 4 * MIB);
      }
      const { size } = Deno.statSync(path);
      for (const missing of [512, 5000, size / 2]) {
        Deno.truncateSync(path, size - missing);
        const { sound, findings: [first] } = await checkVirtualDisk(path);
        assertEquals([sound, first?.structure, first?.offset], [
          false,
          "end of file",
          size - missing,
        ]);
        assertEquals(first?.missingBytes, missing, `${missing} of ${size} bytes`);
        const count = missing.toLocaleString("en-US");
        assertEquals(first?.expected, `${size} bytes: cut off, ${count} bytes are missing`);
        assertMatch(first!.remedy!, first!.repairable ? /^Repair it/ : /^Copy or download/);
      }
    });
  }
});

Deno.test("check() repairs a VHD that has lost its footer or the end of that, and nothing else", async () => {
  using dir = new TempDir();
  const path = dir.file("a.vhd");
  {
    using disk = await createImage(path, { size: 16 * MIB });
    disk.writeSync(new Uint8Array(4096).fill(1), 0);
  }
  const { size } = Deno.statSync(path);
  for (const missing of [1, 2, 511, 512]) {
    Deno.truncateSync(path, size - missing);
    const { findings: [first] } = await checkVirtualDisk(path);
    assertEquals([first?.missingBytes, first?.repairable], [missing, true]);
    const { sound, findings: [repaired] } = await checkVirtualDisk(path, { repair: true });
    assertEquals([sound, repaired?.repaired, repaired?.remedy], [true, true, undefined]);
    assertEquals(Deno.statSync(path).size, size);
  }
  Deno.truncateSync(path, size - 513);
  const lost = await checkVirtualDisk(path, { repair: true });
  assertEquals([lost.sound, Deno.statSync(path).size], [false, size - 513]);
  assertEquals(lost.findings.map(({ repairable }) => repairable).includes(true), false);
});

Deno.test("check(): an entry that leads far behind the file is damage, and no file that is cut off", async () => {
  const image = newVhd();
  new DataView(image.buffer).setUint32(2 * 512 + 512, 0x7fff_ffff, false);
  const { findings } = await checkBytes(image, "vhd");
  assertEquals(findings.filter(({ structure }) => structure === "end of file"), []);
});

Deno.test("check() says what a file of another program is, and what to do with it", async () => {
  using dir = new TempDir();
  const path = dir.file("a.vhdx");
  const image = new Uint8Array(4096);
  image.set([0x51, 0x46, 0x49, 0xfb, 0, 0, 0, 3]);
  Deno.writeFileSync(path, image);
  const { sound, findings } = await checkVirtualDisk(path);
  assertEquals(sound, false);
  assertEquals(findings.map(({ found, symbol }) => [found, symbol]), [
    ["a QCOW2 image (QEMU)", "ERROR_VHD_FORMAT_UNKNOWN"],
  ]);
  assertMatch(findings[0]!.remedy!, /qemu-img convert/);
});

Deno.test("details() of an image that is cut off says how much is missing, as check() does", async (t) => {
  for (const name of ["a.vhd", "a.vhdx"]) {
    await t.step(name, async () => {
      using dir = new TempDir();
      const path = dir.file(name);
      {
        using disk = await createImage(path, { size: 64 * MIB });
        disk.writeSync(new Uint8Array(MIB).fill(1), 0);
        assertEquals(disk.details().images[0].missingBytes, undefined);
      }
      Deno.truncateSync(path, Deno.statSync(path).size - 1536);
      const { findings } = await checkVirtualDisk(path);
      const missing = findings.map(({ missingBytes }) => missingBytes ?? 0);
      using disk = await openVirtualDisk(path, { backend: "portable", getInfoOnly: true });
      assertEquals(disk.details().images[0].missingBytes, 1536);
      assertEquals(Math.max(...missing), 1536);
    });
  }
});
