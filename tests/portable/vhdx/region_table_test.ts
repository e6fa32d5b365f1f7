/** The bytes of a region table. */
import { assertEquals } from "@std/assert";
import { encodeRegionTable } from "../../../src/portable/vhdx/region_table.ts";
import { pureTest } from "../../pure.ts";
import { UNKNOWN_GUID, VhdxBuilder } from "./vhdx_builder.ts";

pureTest("encodeRegionTable() says of each region whether a reader must know it", () => {
  const regions = [true, false].map((required, i) => ({
    guid: UNKNOWN_GUID.replace(/^1/, String(i + 1)),
    offset: (i + 1) * 2 ** 20,
    length: 2 ** 20,
    required,
  }));
  const { view } = new VhdxBuilder(encodeRegionTable(regions));
  // Signature, checksum, count; an entry of 32 bytes each: GUID, place, length, flags.
  assertEquals(view.getUint32(8, true), 2);
  assertEquals([0, 1].map((i) => view.getUint32(16 + 32 * i + 28, true)), [1, 0]);
});
