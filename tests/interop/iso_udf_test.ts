/** UDF volumes of mkudffs and bridge images of genisoimage, read here and by udfinfo. */
import { assertEquals } from "@std/assert";
import { ImageFile } from "../../src/portable/file/image_file.ts";
import { openIso } from "../../src/portable/iso/iso_image.ts";
import type { IsoVolume } from "../../src/portable/image/image.ts";
import { pattern, run, TempDir, testWith, tool } from "../support.ts";

const MKUDFFS = tool("/usr/sbin/mkudffs");
const UDFINFO = tool("/usr/bin/udfinfo");
const MIB = 1024 * 1024;

function volumeOf(path: string): IsoVolume {
  using file = ImageFile.open(path);
  return openIso(file).volume;
}

/** What udfinfo prints of a volume: the label, the end of the partition and the revision. */
function udfinfo(path: string): { label: string; volumeSize: number; udfRevision: string } {
  const text = run("/usr/bin/udfinfo", "--utf8", path);
  const value = (key: string): string => new RegExp(`^${key}=(.*)$`, "m").exec(text)?.[1] ?? "";
  const space = /^start=(\d+), blocks=(\d+), type=PSPACE$/m.exec(text);
  return {
    label: value("lvid"),
    volumeSize: (Number(space?.[1]) + Number(space?.[2])) * Number(value("blocksize")),
    udfRevision: value("udfrev"),
  };
}

function makeUdf(dir: TempDir, size: number, ...options: string[]): string {
  const path = dir.file("udf.iso");
  Deno.writeFileSync(path, new Uint8Array(0));
  Deno.truncateSync(path, size);
  run("/usr/sbin/mkudffs", "--utf8", ...options, path);
  return path;
}

for (const revision of ["1.02", "1.50", "2.00", "2.01"]) {
  testWith(
    [MKUDFFS, UDFINFO],
    `openVirtualDisk(): a UDF ${revision} volume is described as udfinfo does`,
    () => {
      using dir = new TempDir();
      const path = makeUdf(dir, 20 * MIB, "-b", "2048", "-r", revision, "-l", `Disc ${revision}`);
      const { fileSystems, label, volumeSize, udfRevision, warnings } = volumeOf(path);
      assertEquals(fileSystems, ["udf"]);
      assertEquals(warnings, []);
      assertEquals({ label, volumeSize, udfRevision }, udfinfo(path));
      assertEquals([label, udfRevision], [`Disc ${revision}`, revision]);
    },
  );
}

for (const blockSize of [512, 1024, 2048, 4096, 8192, 16_384, 32_768]) {
  testWith(
    [MKUDFFS, UDFINFO],
    `openVirtualDisk(): a UDF volume with blocks of ${blockSize} bytes is described`,
    () => {
      using dir = new TempDir();
      const path = makeUdf(dir, 40 * MIB, "-b", `${blockSize}`, "-l", "Blocks");
      const { label, volumeSize, udfRevision } = volumeOf(path);
      assertEquals({ label, volumeSize, udfRevision }, udfinfo(path));
      assertEquals(label, "Blocks");
    },
  );
}

for (const label of ["Größe", "日本語 disc", "💿 disc", "x".repeat(126)]) {
  testWith(
    [MKUDFFS, UDFINFO],
    `openVirtualDisk(): the UDF label ${label.slice(0, 20)} is read as udfinfo does`,
    () => {
      using dir = new TempDir();
      const path = makeUdf(dir, 20 * MIB, "-b", "2048", `--lvid=${label}`);
      assertEquals(volumeOf(path).label, label);
      assertEquals(udfinfo(path).label, label);
    },
  );
}

testWith(
  [MKUDFFS],
  "openVirtualDisk(): a UDF 2.50 volume for write-once discs is described",
  () => {
    using dir = new TempDir();
    const path = makeUdf(dir, 40 * MIB, "-m", "bdr", "-b", "2048", "-r", "2.50", "-l", "Blu-ray");
    const { fileSystems, label, udfRevision } = volumeOf(path);
    assertEquals([fileSystems, label, udfRevision], [["udf"], "Blu-ray", "2.50"]);
  },
);

testWith(
  [MKUDFFS],
  "openVirtualDisk(): a UDF volume without its first anchor is found by one of the others",
  () => {
    using dir = new TempDir();
    const path = makeUdf(dir, 20 * MIB, "-b", "2048", "-l", "Anchors");
    const whole = volumeOf(path);
    {
      using file = ImageFile.open(path, { write: true });
      file.writeAt(new Uint8Array(2048), 256 * 2048);
    }
    assertEquals(volumeOf(path), whole);
  },
);

testWith(
  [MKUDFFS],
  "openVirtualDisk(): a UDF volume without its main sequence is read from the reserve",
  () => {
    using dir = new TempDir();
    const path = makeUdf(dir, 20 * MIB, "-b", "2048", "-l", "Reserve");
    const whole = volumeOf(path);
    {
      using file = ImageFile.open(path, { write: true });
      const anchor = new Uint8Array(2048);
      file.readAt(anchor, 256 * 2048);
      const start = new DataView(anchor.buffer).getUint32(20, true);
      file.writeAt(new Uint8Array(16 * 2048), start * 2048);
    }
    assertEquals(volumeOf(path), whole);
  },
);

testWith(
  [tool("genisoimage"), UDFINFO],
  "openVirtualDisk(): a bridge image of genisoimage is UDF first",
  () => {
    using dir = new TempDir();
    const tree = dir.file("tree");
    Deno.mkdirSync(tree);
    Deno.writeFileSync(`${tree}/data.bin`, pattern(10_000));
    const path = dir.file("bridge.iso");
    run("genisoimage", "-quiet", "-udf", "-J", "-R", "-V", "BRIDGE", "-o", path, tree);
    const { fileSystems, label, volumeSize, udfRevision, bootable } = volumeOf(path);
    assertEquals([fileSystems, bootable], [["udf", "joliet", "iso9660"], false]);
    assertEquals({ label, volumeSize, udfRevision }, udfinfo(path));
  },
);
