import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { describeVolume } from "../../../src/portable/iso/iso_volume.ts";
import { IsoBuilder, SECTOR, udfImage } from "./iso_builder.ts";
import { pureTest } from "../../pure.ts";

pureTest(
  "describeVolume(): a pure ISO 9660 image has the label and size of its primary descriptor",
  () => {
    const image = new IsoBuilder(30).primary(16, { label: "CDROM", blocks: 25 }).terminator(17);
    assertEquals(describeVolume(image.source), {
      fileSystems: ["iso9660"],
      label: "CDROM",
      volumeSize: 25 * SECTOR,
      udfRevision: undefined,
      bootable: false,
      warnings: [],
    });
  },
);

pureTest(
  "describeVolume(): an image whose descriptors have no terminator is described all the same",
  () => {
    const image = new IsoBuilder(200);
    for (let sector = 16; sector < 200; sector++) image.primary(sector, { label: "L", blocks: 20 });
    const source = image.source;
    assertEquals(describeVolume(source).label, "L");
    // 64 descriptors of sectors 16 to 79, and no more.
    assertEquals(source.reads.length, 64);
    assertEquals(Math.max(...source.reads), 79 * SECTOR);
  },
);

pureTest("describeVolume(): the descriptors may end with the file", () => {
  const image = new IsoBuilder(17).primary(16, { label: "SHORT", blocks: 17 });
  assertEquals(describeVolume(image.source).label, "SHORT");
});

pureTest("describeVolume(): an image without a primary descriptor has no CDFS volume", () => {
  const volume = describeVolume(new IsoBuilder(20).joliet(16, "J").terminator(17).source);
  assertEquals(volume.fileSystems, []);
});

pureTest("describeVolume(): of several primary descriptors the first counts", () => {
  const image = new IsoBuilder(20).primary(16, { label: "FIRST" }).primary(17, { label: "SECOND" });
  assertEquals(describeVolume(image.source).label, "FIRST");
});

const labels: [string, string, string | undefined][] = [
  ["d-characters", "CDROM", "CDROM"],
  ["all 32 characters", "A".repeat(32), "A".repeat(32)],
  ["UTF-8", "Gr\xc3\xb6\xc3\x9fe", "Größe"],
  ["Latin-1", "Gr\xf6\xdfe", "Größe"],
  ["NUL padding", "DISC\0\0\0", "DISC"],
  ["control characters", "A\x1b[31m", "A\ufffd[31m"],
  ["spaces alone", "    ", undefined],
];
pureTest("describeVolume() gives the label of ISO 9660 without its padding", async (t) => {
  for (const [name, stored, expected] of labels) {
    await t.step(`${name}: ${JSON.stringify(expected)}`, () => {
      const image = new IsoBuilder(20).primary(16, { label: stored });
      assertEquals(describeVolume(image.source).label, expected);
    });
  }
});

pureTest(
  "describeVolume(): differing both-endian copies are noted, the little-endian one counts",
  () => {
    const image = new IsoBuilder(40).primary(16, { label: "X", blocks: 30 });
    image.view.setUint32(16 * SECTOR + 84, 31, false);
    image.view.setUint16(16 * SECTOR + 130, 512, false);
    const volume = describeVolume(image.source);
    assertEquals(volume.volumeSize, 30 * SECTOR);
    assertEquals(volume.warnings.length, 2);
    assertMatch(volume.warnings[0]!, /volume space size is 30 .* 31/);
    assertMatch(volume.warnings[1]!, /logical block size is 2048 .* 512/);
  },
);

pureTest("describeVolume() gives no size if the logical block size is impossible", async (t) => {
  for (const blockSize of [0, 1, 4096, 65_535]) {
    await t.step(`${blockSize}`, () => {
      const image = new IsoBuilder(20).primary(16, { label: "X", blocks: 4, blockSize });
      const volume = describeVolume(image.source);
      assertEquals(volume.volumeSize, undefined);
      assertEquals(volume.warnings.length, 1);
      assertEquals(volume.fileSystems, ["iso9660"]);
    });
  }
});

pureTest("describeVolume(): a logical block size of 512 counts in the volume size", () => {
  const image = new IsoBuilder(20).primary(16, { label: "X", blocks: 80, blockSize: 512 });
  assertEquals(describeVolume(image.source).volumeSize, 80 * 512);
});

pureTest(
  "describeVolume(): a volume beyond the end of the file is noted as cut off, up to the largest number",
  () => {
    const image = new IsoBuilder(20).primary(16, { label: "X", blocks: 0xffffffff });
    const volume = describeVolume(image.source);
    assertEquals(volume.volumeSize, 0xffffffff * SECTOR);
    assertStringIncludes(volume.warnings[0]!, "cut off");
  },
);

pureTest("describeVolume() takes the label of Joliet before that of ISO 9660", async (t) => {
  for (const escape of ["%/@", "%/C", "%/E"]) {
    await t.step(`escape sequence ${escape}`, () => {
      const image = new IsoBuilder(20).primary(16, { label: "ISO" }).joliet(17, "日本 Disc", {
        escape,
      });
      const volume = describeVolume(image.source);
      assertEquals(volume.fileSystems, ["joliet", "iso9660"]);
      assertEquals(volume.label, "日本 Disc");
    });
  }
});

pureTest("describeVolume(): a Joliet label may be padded with NULs, and fill its field", () => {
  const padded = new IsoBuilder(20).primary(16).joliet(17, "Zwölf", { padding: 0 });
  assertEquals(describeVolume(padded.source).label, "Zwölf");
  const full = new IsoBuilder(20).primary(16).joliet(17, "0123456789abcdef");
  assertEquals(describeVolume(full.source).label, "0123456789abcdef");
});

pureTest("describeVolume(): an unpaired surrogate in a Joliet label is replaced", () => {
  const image = new IsoBuilder(20).primary(16).joliet(17, "A\ud800B");
  assertEquals(describeVolume(image.source).label, "A\ufffdB");
});

pureTest("describeVolume(): an empty Joliet label leaves ISO 9660's", () => {
  const image = new IsoBuilder(20).primary(16, { label: "ISO" }).joliet(17, "");
  assertEquals(describeVolume(image.source).label, "ISO");
});

pureTest(
  "describeVolume(): neither an enhanced descriptor nor an unknown escape sequence is Joliet",
  () => {
    const enhanced = new IsoBuilder(20).primary(16, { label: "ISO" }).joliet(17, "E", {
      version: 2,
    });
    assertEquals(describeVolume(enhanced.source).fileSystems, ["iso9660"]);
    const other = new IsoBuilder(20).primary(16, { label: "ISO" }).joliet(17, "E", {
      escape: "%/G",
    });
    assertEquals(describeVolume(other.source).label, "ISO");
  },
);

pureTest("describeVolume(): a boot record of El Torito makes an image bootable", () => {
  const image = new IsoBuilder(30).primary(16).elTorito(17, 25).terminator(18);
  assertEquals(describeVolume(image.source).bootable, true);
});

pureTest("describeVolume(): a boot catalog beyond the end of the file does not", () => {
  const image = new IsoBuilder(30).primary(16).elTorito(17, 30).terminator(18);
  const volume = describeVolume(image.source);
  assertEquals(volume.bootable, false);
  assertStringIncludes(volume.warnings[0]!, "boot catalog");
});

pureTest("describeVolume(): a boot record of another system does not either", () => {
  const image = new IsoBuilder(30).primary(16).elTorito(17, 25);
  image.ascii(17 * SECTOR + 7, "OTHER");
  assertEquals(describeVolume(image.source).bootable, false);
});

pureTest("describeVolume(): a High Sierra volume is read, its fields eight bytes later", () => {
  const image = new IsoBuilder(30).highSierra(16, { label: "OLD DISC", blocks: 28 });
  const volume = describeVolume(image.source);
  assertEquals(volume.fileSystems, ["high-sierra"]);
  assertEquals([volume.label, volume.volumeSize], ["OLD DISC", 28 * SECTOR]);
});

pureTest("describeVolume(): ECMA-168 is recognised by name", () => {
  const volume = describeVolume(new IsoBuilder(20).head(16, "CDW02", 1).source);
  assertEquals([volume.fileSystems, volume.label], [["iso13490"], undefined]);
});

pureTest("describeVolume(): UDF comes first in a bridge image, in label, size and list", () => {
  const image = udfImage(400, "Windows Media");
  image.bytes.fill(0, 16 * SECTOR, 20 * SECTOR);
  image.primary(16, { label: "NOTICE", blocks: 20 }).joliet(17, "Notice").terminator(18).udfArea(
    19,
  );
  assertEquals(describeVolume(image.source), {
    fileSystems: ["udf", "joliet", "iso9660"],
    label: "Windows Media",
    volumeSize: (257 + 50) * SECTOR,
    udfRevision: "1.02",
    bootable: false,
    warnings: [],
  });
});

pureTest("describeVolume(): NSR outside an extended area is not UDF", () => {
  const image = new IsoBuilder(300).primary(16, { label: "ISO" }).head(17, "NSR02");
  assertEquals(describeVolume(image.source).fileSystems, ["iso9660"]);
});

pureTest(
  "describeVolume(): a UDF area without a volume behind it leaves the ISO 9660 label and a warning",
  () => {
    const image = new IsoBuilder(300).primary(16, { label: "ISO", blocks: 300 }).terminator(17)
      .udfArea(18, "NSR03");
    const volume = describeVolume(image.source);
    assertEquals(volume.fileSystems, ["udf", "iso9660"]);
    assertEquals([volume.label, volume.volumeSize], ["ISO", 300 * SECTOR]);
    assertStringIncludes(volume.warnings[0]!, "anchor");
  },
);

pureTest(
  "describeVolume(): descriptors of a UDF volume with larger sectors stand one in a sector",
  () => {
    for (const spacing of [1, 2, 4, 8, 16]) {
      const image = new IsoBuilder(60).head(16, "BEA01").head(16 + spacing, "NSR03")
        .head(16 + 2 * spacing, "TEA01");
      assertEquals(describeVolume(image.source).fileSystems, ["udf"], `spacing ${spacing}`);
    }
  },
);

pureTest("describeVolume(): a volume without any label has none", () => {
  const image = udfImage(320, "");
  assert(describeVolume(image.source).label === undefined);
});
