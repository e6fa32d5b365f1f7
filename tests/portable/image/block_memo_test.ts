import { assertEquals } from "@std/assert";
import { BlockMemo } from "../../../src/portable/image/block_memo.ts";
import { pureTest } from "../../pure.ts";

pureTest("BlockMemo gives back what was kept of a block, and nothing of another", () => {
  const memo = new BlockMemo<string>();
  assertEquals([memo.get(0), memo.get(7)], [undefined, undefined]);
  assertEquals(memo.keep(7, "seven"), "seven");
  assertEquals([memo.get(7), memo.get(0)], ["seven", undefined]);
  // The number of a block that has the same last bits.
  const other = 7 + 2 ** 20;
  assertEquals(memo.get(other), undefined);
  memo.keep(other, "other");
  assertEquals([memo.get(other), memo.get(7)], ["other", undefined]);
});

pureTest("BlockMemo forgets all blocks when it is told to", () => {
  const memo = new BlockMemo<number>();
  for (const block of [0, 1, 2 ** 26]) memo.keep(block, block + 1);
  memo.clear();
  for (const block of [0, 1, 2 ** 26]) assertEquals(memo.get(block), undefined);
  memo.keep(1, 5);
  assertEquals([memo.get(0), memo.get(1)], [undefined, 5]);
});
