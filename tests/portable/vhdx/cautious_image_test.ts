/** What is believed of blocks and bitmaps of a damaged VHDX. */
import { assertEquals } from "@std/assert";
import { VHDX } from "../../../src/portable/vhdx/format.ts";
import { pureTest } from "../../pure.ts";
import { pattern } from "../../support.ts";
import { HoleySource } from "../file/memory_source.ts";
import { openDamaged, zeroed } from "../salvaging.ts";
import { PAGE, putEntries } from "./log_builder.ts";
import { blockOf, childSubject, PARTIAL, PRESENT } from "./damaged_vhdx.ts";
import { BAT, FIRST_BLOCK, HEADERS, MIB, VhdxBuilder } from "./vhdx_builder.ts";

pureTest("CautiousImage: sectors that a bitmap has lost are not taken from the parent", () => {
  const { file } = childSubject();
  assertEquals(blockOf(file, 5), "parent");
  const damaged = zeroed(file, { offset: FIRST_BLOCK, length: MIB });
  for (const block of [1, 5]) assertEquals(blockOf(damaged, block), "lost: bitmap");
});

pureTest(
  "CautiousImage: of a bitmap that a log has in another version, nothing is believed",
  () => {
    const builder = new VhdxBuilder(childSubject().file);
    const page = new Uint8Array(PAGE).fill(0xff);
    putEntries(builder, 0, { sequence: 7n, changes: [{ offset: FIRST_BLOCK, page }] });
    const damaged = HEADERS.map((offset) => ({ offset, length: PAGE })).reduce(
      zeroed,
      builder.bytes,
    );
    // The first sectors of block 1 have their bits in both.
    const kinds = [1, 3, 5].map((block) => blockOf(damaged, block));
    assertEquals(kinds, ["file", "file", "lost: log"]);
  },
);

pureTest(
  "CautiousImage: of a bitmap in several pages, each is compared with the version in the log",
  () => {
    const blockSize = 32 * MIB;
    // A bit for each sector of 512 bytes: two pages for a block.
    const builder = new VhdxBuilder({ subtype: "differencing", virtualSize: blockSize, blockSize });
    const bitmap = builder.append(new Uint8Array(MIB).fill(0xff));
    const place = builder.bytes.length;
    // The entry of the bitmap lies behind those of the 128 blocks of a chunk.
    builder.bat(128, PRESENT, bitmap / MIB).bat(0, PARTIAL, place / MIB);
    const page = new Uint8Array(PAGE).fill(0xff, 1);
    putEntries(builder, 0, { sequence: 7n, changes: [{ offset: bitmap + PAGE, page }] });
    for (const offset of HEADERS) builder.bytes.fill(0, offset, offset + PAGE);
    const source = new HoleySource(place + blockSize, [{ offset: 0, bytes: builder.bytes }]);
    const image = openDamaged(VHDX, source);
    const kindOf = (offset: number, end: number) => image.extent(offset, end).kind;
    const middle = blockSize / 2;
    assertEquals(kindOf(middle / 2, middle), "file");
    assertEquals(kindOf(middle / 2, middle + 512), "lost");
    assertEquals(kindOf(middle + 4096, blockSize), "file");
  },
);

pureTest(
  "CautiousImage: what may be believed ends where the entry of the next block is in doubt",
  () => {
    const builder = new VhdxBuilder();
    for (const block of [0, 1]) {
      builder.bat(block, PRESENT, builder.append(pattern(MIB, block)) / MIB);
    }
    const page = builder.bytes.slice(BAT, BAT + PAGE);
    page.fill(0, 8, 16);
    putEntries(builder, 0, { sequence: 7n, changes: [{ offset: BAT, page }] });
    for (const offset of HEADERS) builder.bytes.fill(0, offset, offset + PAGE);
    const image = openDamaged(VHDX, builder.source());
    const { kind, length } = image.extent(0, 2 * MIB);
    assertEquals([kind, length], ["file", MIB]);
    assertEquals(blockOf(builder.bytes, 1), "lost: log");
  },
);
