/** What the entries of a block table own in the file. */
import { assertEquals } from "@std/assert";
import { placedBlocks } from "../../../src/portable/vhdx/block_scan.ts";
import { readStructures, tablesOf } from "../../../src/portable/vhdx/structures.ts";
import { pureTest } from "../../pure.ts";
import { MIB, VhdxBuilder } from "./vhdx_builder.ts";

/** Kind, number and place in MiB. */
function placed(builder: VhdxBuilder): [string, number, number][] {
  const structures = readStructures(builder.source());
  return [...placedBlocks(structures, tablesOf(structures))]
    .map(({ kind, index, offset }) => [kind, index, offset / MIB]);
}

const PAYLOAD = "payload block";
const BITMAP = "sector bitmap block";

pureTest("placedBlocks(): blocks and bitmaps are counted in every chunk", () => {
  // With blocks of 1 MiB, a chunk has the entries of 4096 blocks, and then that of their bitmap.
  const spec = { subtype: "differencing", virtualSize: 2 * 4096 * MIB } as const;
  const builder = new VhdxBuilder(spec);
  builder.append(6 * MIB);
  builder.bat(0, 7, 4).bat(4095, 6, 5).bat(4096, 6, 6);
  builder.bat(4097, 7, 7).bat(4097 + 4095, 6, 8).bat(4097 + 4096, 6, 9);
  assertEquals(placed(builder), [
    [PAYLOAD, 0, 4],
    [PAYLOAD, 4095, 5],
    [BITMAP, 0, 6],
    [PAYLOAD, 4096, 7],
    [PAYLOAD, 8191, 8],
    [BITMAP, 1, 9],
  ]);
});
