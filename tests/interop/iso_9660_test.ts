/** ISO 9660 and Joliet images of genisoimage and xorriso, read here and by isoinfo and xorriso. */
import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { ImageError } from "../../src/portable/file/image_error.ts";
import { ImageFile } from "../../src/portable/file/image_file.ts";
import { isIso, openIso } from "../../src/portable/iso/iso_image.ts";
import type { IsoVolume } from "../../src/portable/image/image.ts";
import { readImage } from "../portable/image/read_image.ts";
import {
  assertBytesEqual,
  pattern,
  run,
  sharedImageNeed,
  TempDir,
  testWith,
  tool,
  unpackSharedImage,
} from "../support.ts";

const GENISOIMAGE = [tool("genisoimage"), tool("isoinfo")];
const XORRISO = [tool("xorriso"), tool("isoinfo")];

/** A folder with a file that needs several sectors, and a boot image. */
function makeTree(dir: TempDir): string {
  const tree = dir.file("tree");
  Deno.mkdirSync(tree);
  Deno.writeFileSync(`${tree}/data.bin`, pattern(10_000));
  Deno.writeFileSync(`${tree}/boot.img`, new Uint8Array(2048));
  return tree;
}

function volumeOf(path: string): IsoVolume {
  using file = ImageFile.open(path);
  const image = openIso(file);
  assertEquals(image.virtualSize, Deno.statSync(path).size);
  return image.volume;
}

/** The fields that isoinfo prints of a volume descriptor. */
function isoinfo(path: string, ...options: string[]): { label: string; size: number } {
  const text = run("isoinfo", "-d", ...options, "-i", path);
  const blocks = Number(/^Volume size is: (\d+)$/m.exec(text)?.[1]);
  const blockSize = Number(/^Logical block size is: (\d+)$/m.exec(text)?.[1]);
  return { label: /^Volume id: (.*)$/m.exec(text)?.[1] ?? "", size: blocks * blockSize };
}

testWith(
  GENISOIMAGE,
  "openVirtualDisk(): a plain image of genisoimage has the label and size that isoinfo sees",
  () => {
    using dir = new TempDir();
    const path = dir.file("plain.iso");
    run("genisoimage", "-quiet", "-V", "PLAIN_LABEL", "-o", path, makeTree(dir));
    const volume = volumeOf(path);
    assertEquals(volume, {
      fileSystems: ["iso9660"],
      label: "PLAIN_LABEL",
      volumeSize: Deno.statSync(path).size,
      udfRevision: undefined,
      bootable: false,
      warnings: [],
    });
    assertEquals(isoinfo(path), { label: "PLAIN_LABEL", size: volume.volumeSize! });
  },
);

testWith(GENISOIMAGE, "openVirtualDisk(): the Joliet label of genisoimage is Unicode", () => {
  using dir = new TempDir();
  const path = dir.file("joliet.iso");
  const label = "Größe 日本";
  const options = ["-J", "-R", "-input-charset", "utf-8", "-V", label];
  run("genisoimage", "-quiet", ...options, "-o", path, makeTree(dir));
  const volume = volumeOf(path);
  assertEquals(volume.fileSystems, ["joliet", "iso9660"]);
  assertEquals(volume.label, label);
  assertStringIncludes(run("isoinfo", "-d", "-i", path), "Joliet with UCS level 3 found");
});

for (const level of ["1", "2", "3"]) {
  testWith(GENISOIMAGE, `openVirtualDisk(): Joliet of UCS level ${level} is recognised`, () => {
    using dir = new TempDir();
    const path = dir.file("joliet.iso");
    const options = ["-J", "-ucs-level", level, "-V", "LEVELS"];
    run("genisoimage", "-quiet", ...options, "-o", path, makeTree(dir));
    assertEquals(volumeOf(path).fileSystems, ["joliet", "iso9660"]);
  });
}

testWith(GENISOIMAGE, "openVirtualDisk(): El Torito of genisoimage makes an image bootable", () => {
  using dir = new TempDir();
  const path = dir.file("boot.iso");
  const boot = ["-b", "boot.img", "-c", "boot.cat", "-no-emul-boot"];
  run("genisoimage", "-quiet", "-V", "BOOT", ...boot, "-o", path, makeTree(dir));
  assertEquals(volumeOf(path).bootable, true);
  assertStringIncludes(run("isoinfo", "-d", "-i", path), "El Torito VD version 1 found");
});

testWith(
  XORRISO,
  "openVirtualDisk(): an image of xorriso has the label and size that xorriso sees",
  () => {
    using dir = new TempDir();
    const path = dir.file("xorriso.iso");
    run(
      "xorriso",
      "-as",
      "mkisofs",
      "-quiet",
      "-J",
      "-R",
      "-V",
      "Größe",
      "-o",
      path,
      makeTree(dir),
    );
    const volume = volumeOf(path);
    assertEquals(volume.label, "Größe");
    assertEquals(volume.volumeSize, isoinfo(path).size);
    assertEquals(volume.fileSystems, ["joliet", "iso9660"]);
    const report = run("xorriso", "-indev", path, "-pvd_info");
    assertStringIncludes(report, `Volume Id    : ${volume.label}\n`);
  },
);

testWith(
  XORRISO,
  "openVirtualDisk(): a hybrid image of xorriso, with boot record and partition tables, is ISO",
  () => {
    using dir = new TempDir();
    const path = dir.file("hybrid.iso");
    const boot = ["-b", "boot.img", "-c", "boot.cat", "-no-emul-boot", "-partition_offset", "16"];
    const partition = ["-append_partition", "2", "0xef", dir.file("tree/boot.img")];
    const options = ["-V", "HYBRID", ...boot, ...partition, "-appended_part_as_gpt"];
    run("xorriso", "-as", "mkisofs", "-quiet", ...options, "-o", path, makeTree(dir));
    const head = Deno.readFileSync(path).subarray(0, 1024);
    assertEquals([head[510], head[511]], [0x55, 0xaa]);
    const volume = volumeOf(path);
    assertEquals([volume.label, volume.bootable], ["HYBRID", true]);
  },
);

testWith(XORRISO, "readSync(): the bytes of an image are those of its disk", () => {
  using dir = new TempDir();
  const path = dir.file("bytes.iso");
  run("xorriso", "-as", "mkisofs", "-quiet", "-V", "BYTES", "-o", path, makeTree(dir));
  using file = ImageFile.open(path);
  const image = openIso(file);
  assertBytesEqual(readImage([image], 0, image.virtualSize), Deno.readFileSync(path));
});

testWith(
  XORRISO,
  "openVirtualDisk(): an image that was cut off at a sector opens, and says so",
  () => {
    using dir = new TempDir();
    const path = dir.file("cut.iso");
    run("xorriso", "-as", "mkisofs", "-quiet", "-J", "-V", "CUT", "-o", path, makeTree(dir));
    const full = volumeOf(path);
    Deno.truncateSync(path, 20 * 2048);
    const volume = volumeOf(path);
    assertEquals([volume.label, volume.volumeSize], ["CUT", full.volumeSize]);
    assertStringIncludes(volume.warnings.join(), "cut off");
    Deno.truncateSync(path, 20 * 2048 - 1);
    using file = ImageFile.open(path);
    assertEquals(isIso(file), false);
    assertEquals(assertThrows(() => openIso(file), ImageError).symbol, "ERROR_FILE_CORRUPT");
  },
);

testWith(
  [tool("qemu-img")],
  "openVirtualDisk(): images of the other formats under the name of an ISO are named",
  () => {
    using dir = new TempDir();
    for (const [format, expected] of [["vpc", "VHD image"], ["vhdx", "VHDX image"]] as const) {
      const path = dir.file(`${format}.iso`);
      run("qemu-img", "create", "-q", "-f", format, path, "8M");
      using file = ImageFile.open(path);
      assertEquals(isIso(file), false);
      assertStringIncludes(assertThrows(() => openIso(file), ImageError).message, expected);
    }
  },
);

testWith(
  [sharedImageNeed("apple-test.iso.gz")],
  "openVirtualDisk(): a published image has its known label",
  async () => {
    using dir = new TempDir();
    const volume = volumeOf(await unpackSharedImage("apple-test.iso.gz", dir));
    assertEquals(volume, {
      fileSystems: ["iso9660"],
      label: "CDROM",
      volumeSize: 362_496,
      udfRevision: undefined,
      bootable: false,
      warnings: [],
    });
  },
);
