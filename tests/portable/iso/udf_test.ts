import { assert, assertEquals } from "@std/assert";
import { crc16, readUdfTag, readUdfVolume } from "../../../src/portable/iso/udf.ts";
import { IsoBuilder, SECTOR, udfImage } from "./iso_builder.ts";
import { pureTest } from "../../pure.ts";

pureTest("readUdfVolume(): a UDF volume is found from the anchor in sector 256", () => {
  assertEquals(readUdfVolume(udfImage().source), {
    label: "UDF LABEL",
    volumeSize: 307 * SECTOR,
    revision: "1.02",
  });
});

pureTest("readUdfVolume() finds a volume of any sector size", async (t) => {
  for (const sectorSize of [512, 1024, 2048, 4096, 8192, 16_384, 32_768]) {
    await t.step(`sectors of ${sectorSize} bytes`, () => {
      const image = new IsoBuilder(320 * sectorSize / SECTOR)
        .anchor(256, [130, 16 * sectorSize], [0, 0], sectorSize)
        .logicalVolume(130, { label: "L", sectorSize, revision: 0x0250 })
        .partition(131, { start: 260, length: 20, sectorSize });
      assertEquals(readUdfVolume(image.source), {
        label: "L",
        volumeSize: 280 * sectorSize,
        revision: "2.50",
      });
    });
  }
});

pureTest("readUdfVolume() finds a volume from the anchors at its end", async (t) => {
  for (const [name, sector] of [["the last sector", 599], ["256 before the last", 343]] as const) {
    await t.step(`${name}`, () => {
      const image = new IsoBuilder(600).anchor(sector, [32, 16 * SECTOR]).logicalVolume(32, {
        label: "END",
      });
      assertEquals(readUdfVolume(image.source)?.label, "END");
    });
  }
});

pureTest(
  "readUdfVolume(): the reserve sequence is read where the main one has no logical volume",
  () => {
    const image = udfImage();
    image.bytes[32 * SECTOR + 100]! ^= 1;
    const volume = readUdfVolume(image.source);
    assertEquals([volume?.label, volume?.volumeSize], ["RESERVE", 297 * SECTOR]);
  },
);

const extents: [string, readonly [number, number]][] = [
  ["beyond the file", [310, 16 * SECTOR]],
  ["far beyond any file", [0xffffffff, 16 * SECTOR]],
  ["of no sectors", [32, 0]],
  ["of part of a sector", [32, SECTOR + 1]],
  ["of more than 64 sectors", [32, 65 * SECTOR]],
  ["of the largest length", [32, 0xffffffff]],
];
for (const [name, extent] of extents) {
  pureTest(`readUdfVolume(): a main sequence ${name} is passed over for the reserve`, () => {
    const image = udfImage().anchor(256, extent, [48, 16 * SECTOR]);
    assertEquals(readUdfVolume(image.source)?.label, "RESERVE");
  });
  pureTest(
    `readUdfVolume(): an anchor whose sequences are both ${name} is passed over for the next`,
    () => {
      const image = udfImage(600).anchor(256, extent, extent).anchor(599, [48, 16 * SECTOR]);
      assertEquals(readUdfVolume(image.source)?.label, "RESERVE");
    },
  );
}

pureTest(
  "readUdfVolume(): a sequence that begins in the file and ends behind it is not read",
  () => {
    const image = udfImage(320).logicalVolume(310, { label: "PARTLY" });
    image.anchor(256, [310, 16 * SECTOR], [48, 16 * SECTOR]);
    assertEquals(readUdfVolume(image.source)?.label, "RESERVE");
  },
);

pureTest("readUdfVolume(): an anchor alone leads nowhere", () => {
  assertEquals(readUdfVolume(new IsoBuilder(300).anchor(256, [0, 0]).source), undefined);
  assertEquals(readUdfVolume(new IsoBuilder(300).anchor(256, [32, 16 * SECTOR]).source), undefined);
});

pureTest(
  "readUdfVolume(): what follows the terminator, and volume descriptor pointers, are not read",
  () => {
    const ended = udfImage().tag(32, 8);
    assertEquals(readUdfVolume(ended.source)?.label, "RESERVE");
    // A pointer (identifier 3) in sector 32 back to the sequence itself.
    const pointing = udfImage();
    pointing.bytes.fill(0, 32 * SECTOR, 33 * SECTOR);
    pointing.view.setUint32(32 * SECTOR + 20, 16 * SECTOR, true);
    pointing.view.setUint32(32 * SECTOR + 24, 32, true);
    pointing.tag(32, 3);
    assertEquals(readUdfVolume(pointing.source)?.label, "RESERVE");
  },
);

pureTest(
  "readUdfVolume(): of several logical volume descriptors the one with the highest number holds",
  () => {
    const image = udfImage().tag(36, 8)
      .logicalVolume(32, { label: "OLD", number: 3 })
      .logicalVolume(34, { label: "NEW", number: 9 })
      .logicalVolume(35, { label: "OLDER", number: 1 });
    assertEquals(readUdfVolume(image.source)?.label, "NEW");
  },
);

pureTest(
  "readUdfVolume(): the volume reaches to the end of the last partition, of each its newest descriptor",
  () => {
    const image = udfImage().tag(36, 8)
      .partition(33, { start: 260, length: 40, partition: 0, number: 1 })
      .partition(34, { start: 100, length: 20, partition: 1, number: 2 })
      .partition(35, { start: 260, length: 30, partition: 0, number: 3 });
    assertEquals(readUdfVolume(image.source)?.volumeSize, 290 * SECTOR);
  },
);

pureTest(
  "readUdfVolume(): a partition of the largest numbers gives a size, not an overflow",
  () => {
    const image = udfImage().partition(33, { start: 0xffffffff, length: 0xffffffff });
    assertEquals(readUdfVolume(image.source)?.volumeSize, 2 * 0xffffffff * SECTOR);
  },
);

pureTest("readUdfVolume(): a volume without partitions has no size", () => {
  const image = udfImage().tag(33, 8);
  assertEquals(readUdfVolume(image.source)?.volumeSize, undefined);
});

const revisions: [number, string | undefined][] = [
  [0x0102, "1.02"],
  [0x0150, "1.50"],
  [0x0201, "2.01"],
  [0x0260, "2.60"],
  [0x01ff, undefined],
];
pureTest("readUdfVolume() gives the revision", async (t) => {
  for (const [stored, expected] of revisions) {
    await t.step(`0x${stored.toString(16).padStart(4, "0")}: ${expected}`, () => {
      const image = udfImage().logicalVolume(32, { revision: stored });
      assertEquals(readUdfVolume(image.source)?.revision, expected);
    });
  }
});

pureTest("readUdfVolume(): a volume of another domain has no UDF revision", () => {
  const image = udfImage();
  image.bytes.fill(0, 32 * SECTOR, 33 * SECTOR);
  image.logicalVolume(32, { label: "NSR", domain: false });
  assertEquals(readUdfVolume(image.source), {
    label: "NSR",
    volumeSize: 307 * SECTOR,
    revision: undefined,
  });
});

pureTest("readUdfTag() refuses a tag with any part wrong", () => {
  const sector = (): Uint8Array => udfImage().bytes.slice(256 * SECTOR, 257 * SECTOR);
  assertEquals(readUdfTag(sector(), 256), 2);
  assertEquals(readUdfTag(sector(), 257), undefined, "another place");
  for (const offset of [0, 2, 4, 8, 10, 12, 16, 255]) {
    const bytes = sector();
    bytes[offset]! ^= 1;
    assertEquals(readUdfTag(bytes, 256), undefined, `byte ${offset}`);
  }
});

pureTest("readUdfTag() refuses a checksummed length beyond the sector", () => {
  const image = new IsoBuilder(20).tag(2, 2, SECTOR, SECTOR - 16);
  const block = image.bytes.subarray(2 * SECTOR, 3 * SECTOR);
  assertEquals(readUdfTag(block, 2), 2);
  image.tag(2, 2, SECTOR, SECTOR - 15);
  assertEquals(readUdfTag(block, 2), undefined);
});

pureTest("readUdfTag() refuses a tag of an unknown version", () => {
  const image = new IsoBuilder(20);
  for (const [version, expected] of [[1, undefined], [2, 6], [3, 6], [4, undefined]] as const) {
    image.tag(2, 6);
    image.view.setUint16(2 * SECTOR + 2, version, true);
    image.bytes[2 * SECTOR + 4]! += version - 2;
    assertEquals(readUdfTag(image.bytes.subarray(2 * SECTOR, 3 * SECTOR), 2), expected);
  }
});

pureTest("readUdfVolume(): a volume full of anchors that lead nowhere is given up soon", () => {
  const image = new IsoBuilder(20_000);
  for (const size of [512, 1024, 4096, 8192, 16_384, 32_768]) {
    image.anchor(256, [32, 64 * size], [100, 64 * size], size);
  }
  const source = image.source;
  assertEquals(readUdfVolume(source), undefined);
  assert(source.reads.length < 3 * 2 * 64 + 30, `${source.reads.length} reads`);
});

pureTest("crc16() gives the check value of the polynomial 0x1021 with initial value 0", () => {
  // The catalogue's check value of CRC-16/XMODEM, the same parameters as ECMA-167's.
  assertEquals(crc16(new TextEncoder().encode("123456789")), 0x31c3);
});

pureTest("crc16() of the example in ECMA-167 7.2.6 is the number printed there", () => {
  assertEquals(crc16(Uint8Array.of(0x70, 0x6a, 0x77)), 0x3299);
});

pureTest("crc16() of nothing is 0", () => {
  assertEquals(crc16(new Uint8Array(0)), 0);
});
