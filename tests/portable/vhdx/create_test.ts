import { assert, assertEquals } from "@std/assert";
import { readGuid } from "../../../src/bytes/guid.ts";
import { decodeUtf16Z } from "../../../src/bytes/utf16.ts";
import { ImageFile } from "../../../src/portable/file/image_file.ts";
import type { ImageSpec } from "../../../src/portable/image/image.ts";
import { allBlocks } from "../../../src/portable/image/layout.ts";
import { createVhdx, vhdxLayout } from "../../../src/portable/vhdx/create.ts";
import { VHDX } from "../../../src/portable/vhdx/format.ts";
import { openVhdx } from "../../../src/portable/vhdx/image.ts";
import { pureTest } from "../../pure.ts";
import { TempDir } from "../../support.ts";
import { BAT, METADATA, MIB, PARENT_ID, VhdxBuilder, vhdxSpec } from "./vhdx_builder.ts";

const TIB = 2 ** 40;

/** Creates an image and hands its file over. */
function withNewVhdx(overrides: Partial<ImageSpec>, use: (file: ImageFile) => void): void {
  using dir = new TempDir();
  using file = ImageFile.open(dir.file("new.vhdx"), { write: true, createNew: true });
  createVhdx(file, vhdxSpec(overrides));
  use(file);
}

Deno.test("a new image has the layout, items and flags of Windows 10", () => {
  const { bytes, view } = new VhdxBuilder({ subtype: "differencing" });
  const text = (offset: number, length: number) =>
    new TextDecoder().decode(bytes.subarray(offset, offset + length));
  assertEquals(text(0, 8), "vhdxfile");
  assertEquals(decodeUtf16Z(bytes.subarray(8, 520)).startsWith("virtdisk"), true);
  const header = (offset: number) => [
    text(offset, 4),
    readGuid(bytes, offset + 48),
    view.getUint16(offset + 64, true),
    view.getUint16(offset + 66, true),
    view.getUint32(offset + 68, true),
    view.getBigUint64(offset + 72, true),
  ];
  assertEquals(header(0x10000), [
    "head",
    "00000000-0000-0000-0000-000000000000",
    0,
    1,
    MIB,
    BigInt(MIB),
  ]);
  assertEquals(header(0x20000), header(0x10000));
  assertEquals(
    view.getBigUint64(0x20008, true) - view.getBigUint64(0x10008, true),
    1n,
  );
  assertEquals(bytes.slice(0x10010, 0x11000), bytes.slice(0x20010, 0x21000));
  assertEquals(bytes.slice(0x30000, 0x40000), bytes.slice(0x40000, 0x50000));
  const regions = [0, 1].map((i) => [
    readGuid(bytes, 0x30010 + 32 * i),
    Number(view.getBigUint64(0x30020 + 32 * i, true)),
    view.getUint32(0x30028 + 32 * i, true),
    view.getUint32(0x3002c + 32 * i, true),
  ]);
  assertEquals(regions, [
    ["2dc27766-f623-4200-9d64-115e9bfd4a08", BAT, MIB, 1],
    ["8b7ca206-4790-4b9a-b8fe-575f050f886e", METADATA, MIB, 1],
  ]);
  const items = Array.from({ length: view.getUint16(METADATA + 10, true) }, (_, i) => {
    const at = METADATA + 32 + 32 * i;
    return [readGuid(bytes, at).slice(0, 8)].concat(
      [16, 20, 24].map((field) => view.getUint32(at + field, true).toString(16)),
    ).join(" ");
  });
  const locatorLength = view.getUint32(METADATA + 32 + 32 * 5 + 20, true).toString(16);
  assertEquals(items, [
    "caa16737 10000 8 4",
    "2fa54224 10008 8 6",
    "8141bf1d 10010 4 6",
    "cda348c7 10014 4 6",
    "beca12ab 10018 10 6",
    `a8d35f2d 10028 ${locatorLength} 4`,
  ]);
  assertEquals(bytes.length, 4 * MIB);
});

Deno.test("a new image reads as it was specified", () => {
  const rows: Partial<ImageSpec>[] = [
    {},
    { subtype: "fixed", virtualSize: 5 * MIB + 512, blockSize: 2 * MIB },
    { logicalSectorSize: 4096, virtualSize: 3 * MIB, blockSize: 256 * MIB },
    { physicalSectorSize: 512, virtualSize: 2 * TIB, blockSize: 32 * MIB },
    { subtype: "differencing", virtualSize: TIB, blockSize: 2 * MIB },
    { virtualSize: 64 * TIB },
    { subtype: "differencing", virtualSize: 64 * TIB, logicalSectorSize: 4096 },
  ];
  for (const row of rows) {
    const spec = vhdxSpec(row);
    withNewVhdx(row, (file) => {
      const image = openVhdx(file);
      const { identifier: virtualDiskId, parent: _parent, items: _, ...rest } = spec;
      for (const [name, value] of Object.entries({ ...rest, virtualDiskId })) {
        assertEquals(image[name as keyof typeof image], value, name);
      }
      assertEquals(image.parent?.identifiers, spec.parent && [PARENT_ID]);
      assertEquals(file.size % MIB, 0);
    });
  }
});

Deno.test("a new fixed disk has all its blocks, one behind the other", () => {
  withNewVhdx({ subtype: "fixed", virtualSize: 9 * MIB + 512, blockSize: 2 * MIB }, (file) => {
    assertEquals(file.size, 4 * MIB + 10 * MIB);
    const image = openVhdx(file);
    assertEquals(image.extent(0, image.virtualSize), {
      kind: "file",
      offset: 0,
      length: 9 * MIB + 512,
      fileOffset: 4 * MIB,
    });
  });
});

Deno.test("a fixed disk of many chunks has its block entries in their places", () => {
  // 66,000 blocks: more than one piece of the table is written, and each spans several chunks.
  const virtualSize = 66000 * MIB;
  withNewVhdx({ subtype: "fixed", virtualSize }, (file) => {
    assertEquals(file.size, 4 * MIB + virtualSize);
    const image = openVhdx(file);
    for (let offset = 0; offset < virtualSize;) {
      const extent = image.extent(offset, virtualSize);
      assertEquals("fileOffset" in extent && extent.fileOffset, 4 * MIB + offset);
      offset += extent.length;
    }
  });
});

pureTest("vhdxLayout(): each part has as many bytes as it says, and ends before the next", () => {
  // A sector bitmap is for 16 blocks of 256 MiB; entries of bitmaps stand between those of blocks alone.
  const blockSize = 256 * MIB;
  for (const [blocks, entries] of [[15, 15], [16, 16], [17, 18], [32, 33]] as const) {
    const layout = vhdxLayout(
      vhdxSpec({ subtype: "fixed", virtualSize: blocks * blockSize, blockSize }),
      "new.vhdx",
    );
    const parts = layout.parts(allBlocks(blocks));
    for (const [i, { offset, length, bytes }] of parts.entries()) {
      const written = [...bytes()].reduce((sum, piece) => sum + piece.length, 0);
      assertEquals(written, length, `${blocks} blocks, ${offset}`);
      assert(offset + length <= (parts[i + 1]?.offset ?? layout.blocksOffset));
    }
    assertEquals(parts.find(({ offset }) => offset === BAT)?.length, 8 * entries);
  }
});

Deno.test("each new image has GUIDs of its own", () => {
  const guids = [new VhdxBuilder(), new VhdxBuilder()].flatMap(({ bytes }) => [
    readGuid(bytes, 0x10010),
    readGuid(bytes, 0x10020),
  ]);
  assertEquals(new Set(guids).size, 4);
});

Deno.test("the file type identifier comes last, headers before it, each made durable", () => {
  using dir = new TempDir();
  using file = ImageFile.open(dir.file("new.vhdx"), { write: true, createNew: true });
  const steps: string[] = [];
  const { writeAt, flush } = file;
  file.writeAt = (bytes, offset) => {
    assertEquals(VHDX.matches(file), false);
    writeAt.call(file, bytes, offset);
    steps.push(offset === 0 ? "identifier" : offset < 0x30000 ? "header" : "tables");
  };
  file.flush = () => {
    flush.call(file);
    steps.push("flush");
  };
  createVhdx(file, vhdxSpec({ subtype: "fixed" }));
  const order = steps.filter((step, i) => step !== steps[i - 1]);
  assertEquals(order, ["tables", "flush", "header", "flush", "identifier", "flush"]);
});
