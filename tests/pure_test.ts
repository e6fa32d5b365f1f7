import { assertRejects, assertThrows } from "@std/assert";
import { pureTest } from "./pure.ts";

pureTest("pureTest() refuses files, the environment and processes", async () => {
  assertThrows(() => Deno.readFileSync("deno.json"), Deno.errors.NotCapable);
  await assertRejects(() => Deno.readFile("deno.json"), Deno.errors.NotCapable);
  assertThrows(() => Deno.env.get("PATH"), Deno.errors.NotCapable);
  assertThrows(() => new Deno.Command(Deno.execPath()).outputSync(), Deno.errors.NotCapable);
});
