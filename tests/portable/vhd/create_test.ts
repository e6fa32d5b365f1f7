import { assertEquals, assertThrows } from "@std/assert";
import { ImageError } from "../../../src/portable/file/image_error.ts";
import { ImageFile } from "../../../src/portable/file/image_file.ts";
import type { ImageSpec } from "../../../src/portable/image/image.ts";
import { createVhd } from "../../../src/portable/vhd/create.ts";
import { footerFault, parseFooter } from "../../../src/portable/vhd/footer.ts";
import { parseSparseHeader } from "../../../src/portable/vhd/sparse_header.ts";
import { openVhd } from "../../../src/portable/vhd/open.ts";
import { TempDir } from "../../support.ts";
import { MemorySource } from "../file/memory_source.ts";
import { IDENTIFIER, newVhd, PARENT_IDENTIFIER, vhdSpec } from "./vhd_builder.ts";

const MIB = 2 ** 20;

Deno.test("a new fixed image has the size and identity asked for, and no header", () => {
  const bytes = newVhd({ subtype: "fixed", virtualSize: 4 * MIB });
  assertEquals(bytes.length, 4 * MIB + 512);
  assertEquals(bytes.subarray(0, 4 * MIB).some((byte) => byte !== 0), false);
  const { timeStamp: _, ...footer } = parseFooter(bytes.subarray(4 * MIB));
  assertEquals(footer, {
    features: 2,
    fileFormatVersion: 0x00010000,
    dataOffset: undefined,
    creatorApplication: 0x77696e20, // "win "
    creatorVersion: 0x000a0000,
    creatorHostOs: 0x5769326b, // "Wi2k"
    originalSize: 4 * MIB,
    currentSize: 4 * MIB,
    geometry: { cylinders: 120, heads: 4, sectorsPerTrack: 17 },
    diskType: 2,
    uniqueId: IDENTIFIER,
    savedState: false,
  });
});

Deno.test("a new image has the time of its making, in seconds since 2000", () => {
  const before = Math.floor((Date.now() - Date.UTC(2000, 0, 1)) / 1000);
  const { timeStamp } = parseFooter(newVhd().subarray(0, 512));
  const after = Math.floor((Date.now() - Date.UTC(2000, 0, 1)) / 1000);
  assertEquals(before <= timeStamp && timeStamp <= after, true);
});

Deno.test("createVhd() stores the low 32 bits of the seconds since 2000, whatever the clock says", () => {
  for (
    const [date, seconds] of [
      [Date.UTC(2000, 0, 1), 0],
      // The first second that takes the highest bit, and the last one that there is room for.
      [Date.UTC(2068, 0, 19, 3, 14, 8), 2 ** 31],
      [Date.UTC(2136, 1, 7, 6, 28, 15), 2 ** 32 - 1],
      // What does not fit begins anew.
      [Date.UTC(2136, 1, 7, 6, 28, 16), 0],
      [Date.UTC(1999, 11, 31, 23, 59, 59), 2 ** 32 - 1],
    ] as const
  ) {
    const { now } = Date;
    Date.now = () => date;
    try {
      assertEquals(parseFooter(newVhd().subarray(0, 512)).timeStamp, seconds);
    } finally {
      Date.now = now;
    }
  }
});

Deno.test("a new dynamic image has its two footers alike and a table of exactly its blocks", () => {
  const bytes = newVhd({ virtualSize: 100 * MIB + 512, blockSize: 2 * MIB });
  const end = bytes.length - 512;
  assertEquals(footerFault(bytes.subarray(end)), undefined);
  assertEquals(bytes.subarray(0, 512), bytes.subarray(end));
  const header = parseSparseHeader(bytes.subarray(512, 1536));
  assertEquals(header.tableOffset, 1536);
  assertEquals(header.maxTableEntries, 51);
  assertEquals(header.blockSize, 2 * MIB);
  assertEquals(bytes.subarray(1536, 2048), new Uint8Array(512).fill(0xff));
  assertEquals(bytes.subarray(2048, end).some((byte) => byte !== 0), false);
});

Deno.test("createVhd() aligns the data of a block in the footer's place", async (t) => {
  for (const blockSize of [2 ** 19, 2 ** 21, 2 ** 22, 2 ** 28]) {
    for (const subtype of ["dynamic", "differencing"] as const) {
      await t.step(`${subtype}, ${blockSize}`, () => {
        for (const blocks of [1, 127, 128, 129, 1000, 1025]) {
          const bytes = newVhd({ subtype, blockSize, virtualSize: blocks * blockSize });
          const bitmap = Math.max(512, blockSize / 4096);
          assertEquals((bytes.length - 512 + bitmap) % 4096, 0, `${blocks} blocks`);
        }
      });
    }
  }
});

Deno.test("a new differencing image is laid out as Windows 10 lays it out", () => {
  const bytes = newVhd({ subtype: "differencing", blockSize: 2 * MIB, virtualSize: 4 * MIB });
  const header = parseSparseHeader(bytes.subarray(512, 1536));
  assertEquals(header.tableOffset, 0x2000);
  assertEquals(header.parentUniqueId, PARENT_IDENTIFIER);
  assertEquals(header.parentTimeStamp, 0);
  assertEquals(header.parentUnicodeName, "C:\\images\\parent.vhd");
  assertEquals(header.locators.slice(0, 2), [
    { platformCode: 0x57326b75, dataSpace: 0x1000, dataLength: 40, dataOffset: 0x1000 },
    { platformCode: 0x57327275, dataSpace: 0x10000, dataLength: 24, dataOffset: 0x3000 },
  ]);
  assertEquals(header.locators.slice(2).every(({ platformCode }) => platformCode === 0), true);
  assertEquals(bytes.length, 0x13e00 + 512);
});

/** The parent's paths, and what the child says of them. */
const parents: [string, string | undefined, string | undefined, string[]][] = [
  ["both paths", ".\\p.vhd", "D:\\a\\p.vhd", [
    "relative .\\p.vhd",
    "absolute D:\\a\\p.vhd",
    "name p.vhd",
  ]],
  ["the relative path alone", "..\\b\\p.vhd", undefined, ["relative ..\\b\\p.vhd", "name p.vhd"]],
  ["the absolute path alone", undefined, "D:\\a\\p.vhd", ["absolute D:\\a\\p.vhd", "name p.vhd"]],
  [
    "an absolute path too long for the parent name",
    undefined,
    `D:\\${"long\\".repeat(1000)}p.vhd`,
    [`absolute D:\\${"long\\".repeat(1000)}p.vhd`, "name p.vhd"],
  ],
];

Deno.test("createVhd() gives a differencing image its parent's paths", async (t) => {
  for (const [name, relativePath, absolutePath, expected] of parents) {
    await t.step(`${name}`, () => {
      const parent = { identifier: PARENT_IDENTIFIER, relativePath, absolutePath };
      const image = openVhd(new MemorySource(newVhd({ subtype: "differencing", parent })));
      assertEquals(image.subtype, "differencing");
      assertEquals(image.parent?.identifiers, [PARENT_IDENTIFIER]);
      assertEquals(image.parent?.locators.map(({ kind, path }) => `${kind} ${path}`), expected);
      assertEquals(image.extent(0, image.virtualSize), {
        kind: "parent",
        offset: 0,
        length: image.virtualSize,
      });
    });
  }
});

Deno.test("createVhd() refuses a differencing image without a parent, and writes nothing", () => {
  using dir = new TempDir();
  using file = ImageFile.open(dir.file("child.vhd"), { createNew: true });
  const spec = { ...vhdSpec(), subtype: "differencing" } as const;
  const error = assertThrows(() => createVhd(file, spec), ImageError);
  assertEquals(error.symbol, "ERROR_INVALID_PARAMETER");
  assertEquals(file.size, 0);
});

/** What createVhd() does to its file, in order; an entry a flush point. */
function flushPoints(spec: ImageSpec): Uint8Array<ArrayBuffer>[] {
  using dir = new TempDir();
  const path = dir.file("new.vhd");
  using file = ImageFile.open(path, { createNew: true });
  const states: Uint8Array<ArrayBuffer>[] = [];
  const flush = file.flush.bind(file);
  file.flush = () => {
    flush();
    states.push(Deno.readFileSync(path));
  };
  createVhd(file, spec);
  assertEquals(Deno.readFileSync(path), states.at(-1), "written after the last flush");
  return states;
}

function codeOf(bytes: Uint8Array<ArrayBuffer>): string {
  try {
    return openVhd(new MemorySource(bytes)).subtype;
  } catch (error) {
    return error instanceof ImageError ? error.symbol : String(error);
  }
}

Deno.test("a crash while an image is made leaves no footer, or a whole image", () => {
  const missing = "ERROR_VHD_DRIVE_FOOTER_MISSING";
  for (const subtype of ["dynamic", "differencing"] as const) {
    assertEquals(flushPoints(vhdSpec({ subtype })).map(codeOf), [missing, subtype, subtype]);
  }
  assertEquals(flushPoints(vhdSpec({ subtype: "fixed" })).map(codeOf), [missing, "fixed"]);
});

Deno.test("the footer copy is the last thing written", () => {
  const [, trailing, whole] = flushPoints(vhdSpec());
  assertEquals(trailing?.subarray(0, 512).some((byte) => byte !== 0), false);
  assertEquals(whole?.subarray(512), trailing?.subarray(512));
});
