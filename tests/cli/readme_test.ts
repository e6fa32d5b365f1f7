import { assertEquals } from "@std/assert";
import { commandTable, README, tableIn, unaligned } from "./readme.ts";

Deno.test("README has the table of commands that their declarations give: `deno task readme` writes it", async () => {
  const table = tableIn(Deno.readTextFileSync(README).replaceAll("\r\n", "\n"));
  assertEquals(unaligned(table), unaligned(await commandTable()));
});
