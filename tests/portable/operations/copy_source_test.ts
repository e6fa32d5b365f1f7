/** Sources that are said, or taken, to be raw disks, and plainly are something else. */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { createVirtualDisk, openVirtualDisk, VirtualDiskError } from "@virtdisk/virtdisk";
import { createImage } from "../../create_image.ts";
import { IS_FULL } from "../../sampling.ts";
import { assertBytesEqual, pattern, run, TempDir, testWith, tool } from "../../support.ts";

const MIB = 1 << 20;
const PORTABLE = { backend: "portable" } as const;

/** A stream of the bytes, cut into pieces. */
function streamOf(bytes: Uint8Array, piece: number): ReadableStream<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for (let i = 0; i < bytes.length; i += piece) pieces.push(bytes.subarray(i, i + piece));
  return ReadableStream.from(pieces);
}

/** Of most disks: one piece of a copy, or of the sample some pieces of a stream. */
const SIZE = IS_FULL ? MIB : MIB / 16;

/** Zeros with some text at an offset, from the end if that is negative. */
function marked(text: string, offset: number, size = SIZE): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  const mark = Uint8Array.from(text, (char) => char.charCodeAt(0));
  bytes.set(mark, offset < 0 ? size + offset : offset);
  return bytes;
}

const FORMATS: readonly (readonly [name: string, text: string, offset: number])[] = [
  ["a VHDX image", "vhdxfile", 0],
  ["a VHD image", "conectix", 0],
  ["a VHD image", "conectix", -512],
  ["a QCOW2 image (QEMU)", "QFI\xfb", 0],
  ["a VMDK image (VMware)", "KDMV", 0],
  ["a VDI image (VirtualBox)", "\x7f\x10\xda\xbe", 64],
  ["a disk image of macOS (DMG)", "koly", -512],
  ["a gzip file", "\x1f\x8b\x08\0", 0],
  ["an xz file", "\xfd7zXZ\0", 0],
  ["a zstd file", "\x28\xb5\x2f\xfd", 0],
  ["a ZIP file", "PK\x03\x04", 0],
  ["a tar archive (as OVA files are)", "ustar", 257],
  ["a web page", "<!DOCTYPE html>", 0],
];

Deno.test("createVirtualDisk() takes no image or volume for a raw disk, unless that is said", async (t) => {
  for (const [name, text, offset] of FORMATS) {
    await t.step(`${name}, told by the byte at ${offset}`, async () => {
      using dir = new TempDir();
      const path = dir.file("new.img");
      const bytes = marked(text, offset);
      Deno.writeFileSync(dir.file("source"), bytes);
      for (const piece of [SIZE, 1000, 333]) {
        const refused = await assertRejects(
          () =>
            createVirtualDisk(path, { ...PORTABLE, type: "raw", source: streamOf(bytes, piece) }),
          VirtualDiskError,
        );
        assertEquals(refused.symbol, "ERROR_INVALID_PARAMETER");
        assertStringIncludes(refused.message, `the source is ${name}, `);
        assertStringIncludes(refused.causes.join(), '{ sourceType: "raw" }');
      }
      const file = {
        ...PORTABLE,
        type: "raw",
        source: dir.file("source"),
        sourceType: "raw",
      } as const;
      const refused = await assertRejects(() => createVirtualDisk(path, file), VirtualDiskError);
      assertStringIncludes(refused.message, `the file is ${name}, `);
      assertStringIncludes(refused.causes.join(), "`force`");
      {
        using disk = await openVirtualDisk(dir.file("source"), { ...PORTABLE, type: "raw" });
        await assertRejects(() => disk.imageStream({ type: "vhd" }), VirtualDiskError, name);
        assertEquals((await disk.imageStream({ type: "raw", force: true })).byteLength, SIZE);
      }
      assertEquals([...Deno.readDirSync(dir.path)].map((each) => each.name), ["source"]);
      const insisted = { ...PORTABLE, type: "raw", sourceType: "raw", overwrite: true } as const;
      for (
        const source of [{ source: streamOf(bytes, 1000) }, { source: file.source, force: true }]
      ) {
        (await createVirtualDisk(path, { ...insisted, ...source })).close();
        assertBytesEqual(Deno.readFileSync(path), bytes);
      }
    });
  }
});

Deno.test("createVirtualDisk(): what a raw disk may hold, it may begin with", async () => {
  using dir = new TempDir();
  const disks = [
    marked("NTFS    ", 3),
    marked("FAT32   ", 82),
    marked("\x55\xaa", 510),
    marked("vhdxfile", 512),
    marked("conectix", 2048),
    marked("conectix", -1024),
    marked("\x1f\x8b\x1f", 0),
    pattern(300),
    new Uint8Array(1),
  ];
  for (const bytes of disks) {
    const options = { ...PORTABLE, type: "raw", overwrite: true } as const;
    const source = streamOf(bytes, 100);
    (await createVirtualDisk(dir.file("a.img"), { ...options, source })).close();
    assertBytesEqual(Deno.readFileSync(dir.file("a.img")), bytes);
    const again = { source: dir.file("a.img"), sourceType: "raw" } as const;
    (await createVirtualDisk(dir.file("b.img"), { ...options, ...again })).close();
    assertBytesEqual(Deno.readFileSync(dir.file("b.img")), bytes);
  }
});

Deno.test("createVirtualDisk(): an image's file is not cut as if it were a raw disk, unless that is asked for", async () => {
  using dir = new TempDir();
  const path = dir.file("disk.vhdx");
  (await createImage(path, { size: 4 * MIB })).close();
  const before = Deno.readFileSync(path);
  using disk = await openVirtualDisk(path, { ...PORTABLE, type: "raw", readOnly: false });
  const size = disk.getInformation("size").virtualSize;
  for (
    const attempt of [
      () => disk.resize(MIB),
      () => disk.resize(MIB, { dryRun: true }),
      () => disk.expand(2 * size),
    ]
  ) {
    const error = await assertRejects(attempt, VirtualDiskError, "the file is a VHDX image, not");
    assertStringIncludes(error.causes.join(), "{ allowUnsafe: true }");
  }
  assertBytesEqual(Deno.readFileSync(path), before);
  await disk.resize(MIB, { allowUnsafe: true });
  assertEquals(Deno.statSync(path).size, MIB);
});

Deno.test("createVirtualDisk(): a stream is no image of a kind, and says so", async () => {
  using dir = new TempDir();
  let isCancelled = false;
  const source = new ReadableStream<Uint8Array>({ cancel: () => void (isCancelled = true) });
  const error = await assertRejects(
    () => createVirtualDisk(dir.file("a.vhd"), { ...PORTABLE, source, sourceType: "vhdx" }),
    VirtualDiskError,
    "the source is a stream, which cannot be a VHDX image",
  );
  assertEquals(error.symbol, "ERROR_NOT_SUPPORTED");
  assertEquals(isCancelled, true);
});

testWith(
  [tool("qemu-img")],
  "createVirtualDisk(): images that QEMU makes are told on their way in",
  async (t) => {
    using dir = new TempDir();
    (await createImage(dir.file("disk.vhdx"), { size: 4 * MIB })).close();
    for (
      const [format, name, ...options] of [
        ["qcow2", "QCOW2"],
        ["vmdk", "VMDK"],
        ["vdi", "VDI"],
        ["qed", "QED"],
        ["parallels", "Parallels"],
        ["vhdx", "VHDX"],
        ["vpc", "VHD"],
        ["vpc", "VHD", "-o", "subformat=fixed,force_size=on"],
      ] as const
    ) {
      await t.step([format, ...options].join(" "), async () => {
        const path = dir.file(format);
        run("qemu-img", "create", "-q", "-f", format, ...options, path, "4M");
        const bytes = Deno.readFileSync(path);
        const target = dir.file("new.vhdx");
        const error = await assertRejects(
          () =>
            createVirtualDisk(target, {
              ...PORTABLE,
              size: 64 * MIB,
              source: streamOf(bytes, 65536),
            }),
          VirtualDiskError,
        );
        assertStringIncludes(error.message, `the source is a ${name} image`);
        Deno.removeSync(path);
      });
    }
  },
);
