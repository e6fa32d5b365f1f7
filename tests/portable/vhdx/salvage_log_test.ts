/** What the log of a damaged VHDX puts in doubt, and what is said of damaged headers. */
import { assertEquals } from "@std/assert";
import { VHDX } from "../../../src/portable/vhdx/format.ts";
import { Damages } from "../../../src/portable/image/tolerant_image.ts";
import { pureTest } from "../../pure.ts";
import { MemorySource } from "../file/memory_source.ts";
import { openDamaged } from "../salvaging.ts";
import { batPage, PAGE, putEntries, roomy } from "./log_builder.ts";
import { blockOf, dynamicBuilder, dynamicSubject, eraseHeaders } from "./damaged_vhdx.ts";
import { FIRST_BLOCK } from "./vhdx_builder.ts";

pureTest(
  "LogDoubts: if a log has more versions of a page than are compared, all is in doubt",
  () => {
    const outcome = (versions: number) => {
      const builder = dynamicBuilder();
      const entries = Array.from({ length: versions }, (_, i) => ({
        sequence: BigInt(i + 1),
        changes: [{ offset: FIRST_BLOCK, page: new Uint8Array(PAGE).fill(i + 1) }],
      }));
      putEntries(builder, 0, ...entries);
      eraseHeaders(builder.bytes);
      return blockOf(builder.bytes, 0);
    };
    assertEquals([outcome(16), outcome(17)], ["file", "lost: log"]);
  },
);

pureTest("salvageHeader(): if both headers are damaged, none is said to be used", () => {
  const damages = new Damages();
  const { file } = dynamicSubject();
  const damaged = eraseHeaders(file.slice());
  openDamaged(VHDX, new MemorySource(damaged), damages);
  assertEquals(damages.findings.map(({ consequence }) => consequence), [
    "The disk is read without headers, and without what its log may hold.",
  ]);
});

pureTest("TolerantImage: a log that is replayed in memory is told of", () => {
  const builder = roomy();
  putEntries(builder, 0, { sequence: 1n, changes: [batPage(6, 5)] });
  assertEquals(blockOf(builder.bytes, 0), "file");
  assertEquals(openDamaged(VHDX, builder.source()).hasDirtyLog, true);
  assertEquals(openDamaged(VHDX, dynamicBuilder().source()).hasDirtyLog, false);
});
