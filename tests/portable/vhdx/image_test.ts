import { assertEquals, assertThrows } from "@std/assert";
import { ImageError } from "../../../src/portable/file/image_error.ts";
import { VHDX } from "../../../src/portable/vhdx/format.ts";
import { openVhdx } from "../../../src/portable/vhdx/image.ts";
import { assertBytesEqual, pattern } from "../../support.ts";
import { HoleySource, MemorySource } from "../file/memory_source.ts";
import { readImage } from "../image/read_image.ts";
import {
  BAT,
  DISK_ID,
  FIRST_BLOCK,
  ITEMS,
  METADATA,
  MIB,
  PARENT_ID,
  VhdxBuilder,
} from "./vhdx_builder.ts";
import { pureTest } from "../../pure.ts";

/** The entry of the first chunk's sector bitmap: chunk ratio 4096 with blocks of 1 MiB and sectors of 512. */
const FIRST_BITMAP = 4096;

pureTest("a VHDX file is known by its first eight bytes alone", () => {
  const source = new VhdxBuilder().source();
  assertEquals(VHDX.matches(source), true);
  assertEquals(source.bytesRead, 8);
  for (const text of ["vhdxfil", "vhdxfilf", "conectix", ""]) {
    assertEquals(VHDX.matches(new MemorySource(new TextEncoder().encode(text))), false, text);
  }
});

pureTest("an image says what its headers and metadata hold", () => {
  const builder = new VhdxBuilder();
  builder.headers((header) => builder.guid(header + 32, PARENT_ID));
  const image = openVhdx(builder.source());
  const { format, subtype, virtualSize, blockSize, logicalSectorSize, physicalSectorSize } = image;
  assertEquals(
    { format, subtype, virtualSize, blockSize, logicalSectorSize, physicalSectorSize },
    {
      format: "vhdx",
      subtype: "dynamic",
      virtualSize: 8 * MIB,
      blockSize: MIB,
      logicalSectorSize: 512,
      physicalSectorSize: 4096,
    },
  );
  assertEquals([image.identifier, image.virtualDiskId], [PARENT_ID, DISK_ID]);
  assertEquals(image.parent, undefined);
  assertEquals(image.is4kAligned(), true);
  builder.u32(ITEMS.fileParameters + 4, 1);
  assertEquals(openVhdx(builder.source()).subtype, "fixed");
});

pureTest("blocks without a parent are in the file in state 6, and zeros in states 0 to 3", () => {
  const builder = new VhdxBuilder();
  builder.append(pattern(2 * MIB));
  builder.append(MIB);
  // The second block of the file holds the third of the disk.
  builder.bat(0, 1, 0).bat(1, 6, 4).bat(2, 6, 5).bat(3, 2, 0).bat(4, 3, 5).bat(5, 6, 6);
  const image = openVhdx(builder.source());
  const at = (offset: number, end: number) => image.extent(offset, end);
  assertEquals(at(0, 8 * MIB), { kind: "zero", offset: 0, length: MIB });
  assertEquals(at(MIB + 3, 8 * MIB), {
    kind: "file",
    offset: MIB + 3,
    length: 2 * MIB - 3,
    fileOffset: FIRST_BLOCK + 3,
  });
  const zeros = { kind: "zero", length: MIB } as const;
  assertEquals(at(3 * MIB, 8 * MIB), { ...zeros, offset: 3 * MIB, reason: "zero" });
  assertEquals(at(4 * MIB, 8 * MIB), { ...zeros, offset: 4 * MIB, reason: "trimmed" });
  assertEquals(at(6 * MIB, 7 * MIB + 1), { kind: "zero", offset: 6 * MIB, length: MIB + 1 });
  assertBytesEqual(readImage([image], MIB, 2 * MIB), pattern(2 * MIB));
});

pureTest("blocks that do not lie one behind the other make separate extents", () => {
  const builder = new VhdxBuilder();
  builder.append(2 * MIB);
  builder.bat(0, 6, 5).bat(1, 6, 4);
  assertEquals(openVhdx(builder.source()).extent(0, 2 * MIB).length, MIB);
});

pureTest("with a parent, state 0 asks it and states 1 to 3 do not", () => {
  const builder = new VhdxBuilder({ subtype: "differencing" });
  builder.append(MIB);
  builder.bat(1, 1, 0).bat(2, 2, 0).bat(3, 3, 0).bat(4, 6, 4);
  const image = openVhdx(builder.source());
  const kinds = Array.from({ length: 6 }, (_, i) => image.extent(i * MIB, i * MIB + 1).kind);
  assertEquals(kinds, ["parent", "zero", "zero", "zero", "file", "parent"]);
  assertEquals(image.extent(5 * MIB, 8 * MIB).length, 3 * MIB);
});

pureTest(
  "sector bitmaps count from the least significant bit, across all blocks of a chunk",
  () => {
    for (const sectorSize of [512, 4096]) {
      const builder = new VhdxBuilder({
        subtype: "differencing",
        logicalSectorSize: sectorSize,
      });
      const bitmap = builder.append(MIB);
      const payload = builder.append(MIB);
      const ratio = 8 * sectorSize;
      builder.bat(2, 7, payload / MIB).bat(ratio, 6, bitmap / MIB);
      // Sectors 0, 1, 9 and the last of block 2 are in the file.
      const sectors = MIB / sectorSize;
      const firstByte = bitmap + 2 * sectors / 8;
      builder.bytes[firstByte] = 0b0000_0011;
      builder.bytes[firstByte + 1] = 0b0000_0010;
      builder.bytes[firstByte + sectors / 8 - 1] = 0b1000_0000;
      // Bits of blocks in other states may be anything.
      builder.bytes[firstByte - 1] = 0xff;
      builder.bytes[firstByte + sectors / 8] = 0xff;
      const image = openVhdx(builder.source());
      const runs: [string, number][] = [];
      for (let offset = 2 * MIB; offset < 3 * MIB;) {
        const extent = image.extent(offset, 3 * MIB);
        runs.push([extent.kind, extent.length / sectorSize]);
        if (extent.kind === "file") assertEquals(extent.fileOffset, payload + offset - 2 * MIB);
        offset += extent.length;
      }
      assertEquals(runs, [
        ["file", 2],
        ["parent", 7],
        ["file", 1],
        ["parent", sectors - 11],
        ["file", 1],
      ]);
      // In the middle of a sector, and within a range that ends inside one.
      assertEquals(image.extent(2 * MIB + 5, 3 * MIB).length, 2 * sectorSize - 5);
      assertEquals(image.extent(2 * MIB + 5, 2 * MIB + 9).length, 4);
    }
  },
);

pureTest("a partially present block melts with a neighbour of the same kind", () => {
  const builder = new VhdxBuilder({ subtype: "differencing" });
  builder.append(MIB);
  const payload = builder.append(2 * MIB) / MIB;
  builder.bat(0, 7, payload).bat(1, 6, payload + 1).bat(FIRST_BITMAP, 6, 4);
  builder.bytes.fill(0xff, 4 * MIB + 128, 4 * MIB + 256);
  const image = openVhdx(builder.source());
  assertEquals(image.extent(0, 8 * MIB), { kind: "parent", offset: 0, length: MIB / 2 });
  assertEquals(image.extent(MIB / 2, 8 * MIB).length, MIB / 2 + MIB);
});

pureTest("an extent looks into one sector bitmap at most", () => {
  const builder = new VhdxBuilder({ subtype: "differencing" });
  const bitmap = builder.append(MIB) / MIB;
  const payload = builder.append(2 * MIB) / MIB;
  builder.bat(0, 7, payload).bat(1, 7, payload + 1).bat(FIRST_BITMAP, 6, bitmap);
  assertEquals(openVhdx(builder.source()).extent(0, 8 * MIB).length, MIB);
});

pureTest("block entries of the second chunk lie behind the first one's bitmap entry", () => {
  const builder = new VhdxBuilder({ subtype: "differencing", virtualSize: 4100 * MIB });
  const bitmap = builder.append(MIB) / MIB;
  const payload = builder.append(MIB) / MIB;
  // Block 4097 is the second of the second chunk; the bitmap of that chunk is entry 2 * 4097 - 1.
  builder.bat(4098, 7, payload).bat(2 * 4097 - 1, 6, bitmap);
  builder.bytes[bitmap * MIB + MIB / 512 / 8] = 1;
  const image = openVhdx(builder.source());
  assertEquals(image.extent(0, 4100 * MIB), { kind: "parent", offset: 0, length: 4096 * MIB });
  assertEquals(image.extent(4097 * MIB, 4100 * MIB), {
    kind: "file",
    offset: 4097 * MIB,
    length: 512,
    fileOffset: payload * MIB,
  });
});

pureTest("the last block may be cut by the end of the disk", () => {
  const builder = new VhdxBuilder({ virtualSize: 3 * MIB + 512, blockSize: 2 * MIB });
  builder.append(pattern(2 * MIB));
  builder.bat(1, 6, 4);
  const image = openVhdx(builder.source());
  assertBytesEqual(
    readImage([image], 2 * MIB, MIB + 512),
    pattern(MIB + 512),
  );
});

pureTest(
  "of the last block the file needs no more than the disk has, as QEMU writes fixed disks",
  () => {
    const builder = new VhdxBuilder({ virtualSize: 3 * MIB + 512, blockSize: 2 * MIB });
    builder.append(pattern(MIB + 512));
    builder.bat(1, 6, 4);
    const read = () => readImage([openVhdx(builder.source())], 2 * MIB, MIB + 512);
    assertBytesEqual(read(), pattern(MIB + 512));
    builder.bytes = builder.bytes.slice(0, -1);
    assertThrows(read, ImageError);
    builder.append(1);
    builder.bat(0, 6, 4).bat(1, 0, 0);
    assertThrows(() => openVhdx(builder.source()).extent(0, 512), ImageError);
  },
);

pureTest("file offsets above 4 GiB and 2 TiB are kept exact", () => {
  const builder = new VhdxBuilder();
  for (const mib of [5000, 0x8000_0000 / 16, 0xfff_ffff]) {
    builder.bat(0, 6, mib);
    const source = new HoleySource((mib + 1) * MIB, [{ offset: 0, bytes: builder.bytes }]);
    const extent = openVhdx(source).extent(0, MIB);
    assertEquals("fileOffset" in extent && extent.fileOffset, mib * MIB);
  }
});

pureTest("opening a disk of 64 TiB reads no more than opening one of 64 GiB", () => {
  const open = (tables: VhdxBuilder, virtualSize: number, batLength: number) => {
    const bat = 4 * MIB;
    tables.u64(ITEMS.size, virtualSize).regionTables((table) =>
      tables.u64(table + 32, bat).u32(table + 40, batLength)
    );
    const source = new HoleySource(bat + batLength, [
      { offset: 0, bytes: tables.bytes.slice(0, BAT) },
    ]);
    const image = openVhdx(source);
    const { bytesRead } = source;
    image.extent(virtualSize - 512, virtualSize);
    return { bytesRead, afterExtent: source.bytesRead - bytesRead };
  };
  const small = open(new VhdxBuilder(), 64 * 2 ** 30, MIB);
  const large = open(new VhdxBuilder(), 64 * 2 ** 40, 513 * MIB);
  assertEquals(large, small);
  assertEquals(small.bytesRead < 0x30000, true, `${small.bytesRead} bytes`);
  assertEquals(small.afterExtent, 4096);
});

pureTest("one extent looks at a bounded part of the block table", () => {
  const source = new HoleySource(600 * MIB, [{ offset: 0, bytes: wideTables() }]);
  const image = openVhdx(source);
  const before = source.bytesRead;
  const extent = image.extent(0, image.virtualSize);
  assertEquals(extent, { kind: "zero", offset: 0, length: 4096 * MIB });
  assertEquals(source.bytesRead - before, 8 * 4096);
});

/** 64 TiB in blocks of 1 MiB, the table at 4 MiB. */
function wideTables(): Uint8Array {
  const builder = new VhdxBuilder();
  builder.u64(ITEMS.size, 64 * 2 ** 40).regionTables((table) =>
    builder.u64(table + 32, 4 * MIB).u32(table + 40, 513 * MIB)
  );
  return builder.bytes.slice(0, BAT);
}

pureTest(
  "the metadata region is read no further than the entries of its table and the items of the format",
  () => {
    const builder = new VhdxBuilder();
    builder.u16(METADATA + 10, 6).guid(METADATA + 32 + 160, PARENT_ID)
      .u32(METADATA + 32 + 176, 0x20000).u32(METADATA + 32 + 180, 0x80000);
    const source = builder.source();
    openVhdx(source);
    assertEquals(source.bytesRead, 8 + 2 * 4096 + 0x10000 + 4096 + 8 + 8 + 4 + 4 + 16);
  },
);

pureTest("an image whose file is no VHDX file is refused by name", () => {
  assertThrows(
    () => openVhdx(new MemorySource(new Uint8Array(2 * MIB))),
    Error,
    "ERROR_VHD_FORMAT_UNKNOWN",
  );
});

pureTest(
  "blocks that have never had anything are joined as one by one, whatever lies among them",
  () => {
    const blocks = 5000;
    // The chunk's bitmap, one of 512 entries that begin a page, and what only looks like an absent block.
    const rows: [index: number, state: number][] = [[3, 1], [FIRST_BITMAP, 6], [512, 2], [1500, 3]];
    for (const subtype of ["dynamic", "differencing"] as const) {
      const builder = new VhdxBuilder({ subtype, virtualSize: blocks * MIB });
      const bitmap = builder.append(MIB) / MIB;
      for (const [index, state] of rows) builder.bat(index, state, state === 6 ? bitmap : 0);
      const image = openVhdx(builder.source());
      const single = Array.from({ length: blocks }, (_, i) => image.extent(i * MIB, (i + 1) * MIB));
      for (let position = 0; position < blocks * MIB;) {
        const { offset, length, ...extent } = image.extent(position, blocks * MIB);
        assertEquals(offset, position);
        for (
          const { offset: _, length: __, ...one } of single.slice(
            position / MIB,
            (position + length) / MIB,
          )
        ) {
          assertEquals(one, extent as typeof one);
        }
        position += length;
      }
      // In a disk without parents the one undefined block is like those that are absent.
      const ends = subtype === "dynamic" ? [512, 512, 513] : [3, 4, 512];
      assertEquals(
        [0, 3, ends[1] === 4 ? 4 : 512].map((at) => {
          const { offset, length } = image.extent(at * MIB, blocks * MIB);
          return (offset + length) / MIB;
        }),
        ends,
      );
    }
  },
);
